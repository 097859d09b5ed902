using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.Gateway.Tools.Manifests;

namespace Lyceum.Gateway.Tools.Kinds.Builtin;

/// <summary>A tool that is code of the gateway.</summary>
internal sealed record BuiltinTool(string Name, string Description,
    Func<JsonElement, ReadOnlyMemory<byte>> Run) : ToolTarget
{
    public override string OwnDescription => Description;
}

/// <summary>The tools that need no registration, and that a version may name with the kind <c>builtin</c>.</summary>
internal sealed class BuiltinTools : IToolKind
{
    /// <summary>The manifests of the version that every tenant begins with.</summary>
    public const string Manifests =
        """[{"description":"Answers with its input.","input_schema":true,"kind":"builtin","name":"echo"}]""";

    private static readonly BuiltinTool[] All =
    [
        new("echo", "Answers with its input.", input => JsonMarshal.GetRawUtf8Value(input).ToArray()),
    ];

    public string Name => "builtin";
    public bool HasSection => false;
    public bool IsRemote => false;

    public ToolTarget? Read(string? name, ManifestFields manifest, ManifestFields? section)
    {
        var tool = Array.Find(All, tool => tool.Name == name);
        if (tool is null && name is not null)
            manifest.Error("name",
                $"is not a built-in tool; there are {string.Join(", ", All.Select(one => one.Name))}");
        return tool;
    }

    public ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        var output = ((BuiltinTool)call.Tool.Target).Run(call.Input);
        return ValueTask.FromResult(output.Length > call.Tool.MaxOutputBytes
            ? ToolFailure.TooLarge(call.Tool) : ToolResult.Of(output));
    }
}
