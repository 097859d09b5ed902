using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Registry;

internal enum ToolKind { Builtin, Http, Mcp }

/// <summary>One tool as it was registered (docs/tools.md has every field). Immutable.</summary>
internal sealed record ToolManifest
{
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMinutes(2);

    public required string Name { get; init; }
    public required string Description { get; init; }
    public required ToolKind Kind { get; init; }

    public required JsonSchema InputSchema { get; init; }
    public JsonSchema? OutputSchema { get; init; }

    /// <summary>Of a whole call, with all that it takes.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Bytes of JSON.</summary>
    public required int MaxInputBytes { get; init; }

    /// <summary>Bytes that are read of an answer.</summary>
    public required int MaxOutputBytes { get; init; }

    /// <summary>Calls at a time in this process; one more is refused with 429.</summary>
    public required int MaxConcurrency { get; init; }

    /// <summary>A call that broke off may be made again.</summary>
    public required bool Idempotent { get; init; }

    public HttpTarget? Http { get; init; }
    public McpTarget? Mcp { get; init; }

    /// <summary>The manifest itself, as <see cref="Json.CanonicalJson"/> has it.</summary>
    public required string Canonical { get; init; }

    /// <summary>Of <see cref="Canonical"/>.</summary>
    public required string Digest { get; init; }

    /// <summary>The manifest, as it is shown.</summary>
    public required JsonElement Document { get; init; }
}

/// <summary>A call to an HTTP server.</summary>
/// <param name="Url">With <c>{property}</c> in its path where a property of the input goes.</param>
/// <param name="Query">Properties that go into the query.</param>
/// <param name="Body">The property that is the body; null: the object of all that is left, where the method has a body.</param>
internal sealed record HttpTarget(
    HttpMethod Method, string Url, IReadOnlyList<TargetHeader> Headers, IReadOnlyList<string>? Query, string? Body)
{
    public bool HasBody => Method == HttpMethod.Post || Method == HttpMethod.Put || Method == HttpMethod.Patch;
}

/// <summary>A tool of an MCP server: at a URL, or one whose command the configuration file names.</summary>
/// <param name="DefinitionDigest">
/// Of the tool's definition as the server gave it when this was registered; a server that has another one now is not called. Null
/// only while it is being registered.
/// </param>
internal sealed record McpTarget(
    string? Url, string? Server, string Tool, IReadOnlyList<TargetHeader> Headers, string? DefinitionDigest);

/// <summary>Either a value, or the name of a secret of the configuration file, with what stands before it (<c>Bearer </c>).</summary>
internal sealed record TargetHeader(string Name, string? Value, string? Secret, string Prefix);
