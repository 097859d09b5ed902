using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;

namespace Lyceum.Gateway.Tools.Manifests;

/// <summary>One tool as it was registered (docs/tools.md has every field). Immutable.</summary>
internal sealed record ToolManifest
{
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMinutes(2);

    public required string Name { get; init; }
    public required string Description { get; init; }
    public required IToolKind Kind { get; init; }

    public required JsonSchema InputSchema { get; init; }
    public JsonSchema? OutputSchema { get; init; }

    /// <summary>Of a whole call, with its retry.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>Bytes of JSON.</summary>
    public required int MaxInputBytes { get; init; }

    /// <summary>Bytes that are read of an answer.</summary>
    public required int MaxOutputBytes { get; init; }

    /// <summary>Calls at a time in this process; one more is rejected with 429.</summary>
    public required int MaxConcurrency { get; init; }

    /// <summary>A call that failed on the way may be repeated.</summary>
    public required bool Idempotent { get; init; }

    /// <summary>Of the kind's own type.</summary>
    public required ToolTarget Target { get; init; }

    /// <summary>The manifest itself, as <see cref="Json.CanonicalJson"/> has it.</summary>
    public required string Canonical { get; init; }

    /// <summary>Of <see cref="Canonical"/>.</summary>
    public required string Digest { get; init; }

    /// <summary>The manifest, as the API returns it.</summary>
    public required JsonElement Document { get; init; }
}
