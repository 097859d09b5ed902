using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Tools.Manifests;

/// <summary>
/// Validation errors of JSON in problem documents: <c>errors: {"/input/tags/1": ["must be a string"]}</c>.
/// </summary>
internal static class InputErrors
{
    public static ToolFailure OfInput(IReadOnlyList<SchemaError> errors) => new(
        StatusCodes.Status400BadRequest, ErrorCodes.InvalidInput,
            Detail("The input does not fit the tool", errors), "invalid_input")
    {
        Extensions = [Errors(errors)],
    };

    /// <summary>Of a version that is to be registered.</summary>
    public static ToolFailure OfVersion(IReadOnlyList<SchemaError> errors) => new(
        StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest,
            Detail("The version cannot be registered", errors), "refused")
    {
        Extensions = [Errors(errors)],
    };

    /// <summary>The first error in words, and how many more there are.</summary>
    public static string Detail(string what, IReadOnlyList<SchemaError> errors) =>
        $"{what}: {errors[0].Path} {errors[0].Message}"
        + (errors.Count > 1 ? $" (and {errors.Count - 1} more, see errors)." : ".");

    public static KeyValuePair<string, object?> Errors(IReadOnlyList<SchemaError> errors) => new("errors", errors
        .GroupBy(error => error.Path, error => error.Message)
        .ToDictionary(path => path.Key, path => path.ToArray()));
}
