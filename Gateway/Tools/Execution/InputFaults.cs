using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Tools.Execution;

/// <summary>Faults of JSON as the house shows them: <c>errors: {"/input/tags/1": ["must be a string"]}</c>.</summary>
internal static class InputFaults
{
    public static ToolFailure Failure(IReadOnlyList<SchemaFault> faults) => new(
        StatusCodes.Status400BadRequest, ErrorCodes.InvalidInput, Detail("The input does not fit the tool", faults), "invalid_input")
    {
        Extensions = [Errors(faults)],
    };

    /// <summary>The first, in words: what somebody sees who looks no further.</summary>
    public static string Detail(string what, IReadOnlyList<SchemaFault> faults) => $"{what}: {faults[0].Path} {faults[0].Message}"
        + (faults.Count > 1 ? $" (and {faults.Count - 1} more, see errors)." : ".");

    public static KeyValuePair<string, object?> Errors(IReadOnlyList<SchemaFault> faults) => new("errors", faults
        .GroupBy(fault => fault.Path, fault => fault.Message)
        .ToDictionary(path => path.Key, path => path.ToArray()));
}
