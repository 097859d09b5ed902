using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Execution;

/// <summary>A tool that is the gateway's own code.</summary>
internal sealed record BuiltinTool(string Name, string Description, JsonSchema InputSchema, Func<JsonElement, ReadOnlyMemory<byte>> Run);

/// <summary>The tools that are there without being registered, and that a version may name with the kind <c>builtin</c>.</summary>
internal static class BuiltinTools
{
    /// <summary>The manifests of the version that every tenant begins with.</summary>
    public const string Manifests =
        """[{"description":"Answers with its input.","input_schema":true,"kind":"builtin","name":"echo"}]""";

    private static readonly BuiltinTool[] All =
    [
        new("echo", "Answers with its input.", SchemaCompiler.Compile(JsonDocument.Parse("true").RootElement).Schema!,
            input => JsonMarshal.GetRawUtf8Value(input).ToArray()),
    ];

    public static IEnumerable<string> Names => All.Select(tool => tool.Name);

    public static BuiltinTool? Find(string name) => Array.Find(All, tool => tool.Name == name);
}

internal sealed class BuiltinKind : IToolKind
{
    public ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        var output = BuiltinTools.Find(call.Tool.Name)!.Run(call.Input);
        return ValueTask.FromResult(output.Length > call.Tool.MaxOutputBytes ? ToolFailure.TooLarge(call.Tool) : ToolResult.Of(output));
    }
}
