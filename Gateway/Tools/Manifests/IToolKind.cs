using System.Text.Json;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.Gateway.Tools.Manifests;

/// <summary>
/// One kind of tool: reads its part of a manifest, and runs its tools. A new kind is a folder below <c>Kinds</c> and
/// one line in <c>ToolRegistration</c>.
/// </summary>
internal interface IToolKind
{
    /// <summary>The <c>kind</c> in manifests, and the field with the kind's section (<c>"http": {…}</c>).</summary>
    string Name { get; }

    bool HasSection => true;

    /// <summary>
    /// Whether a manifest must have <c>description</c> and <c>input_schema</c>; else the tool itself may supply them.
    /// </summary>
    bool NeedsDescription => false;

    /// <summary>
    /// Whether a call waits for another process: then its duration and the number of calls are bounded.
    /// </summary>
    bool IsRemote => true;

    /// <summary>Reads what is the kind's own, and reports every error in it.</summary>
    /// <param name="name">Of the tool; null: it has an error already.</param>
    /// <param name="section">Not null for a kind that has one.</param>
    ToolTarget? Read(string? name, ManifestFields manifest, ManifestFields? section);

    /// <summary>
    /// At registration: what the manifest names and the configuration file does not allow to this tenant.
    /// </summary>
    IEnumerable<SchemaError> Check(string tenant, ToolTarget target, string path) => [];

    /// <summary>At registration: looks up what the manifest leaves open.</summary>
    /// <returns>The complete manifest, null if nothing was open; or why it cannot be registered.</returns>
    Task<(JsonElement? Document, ToolFailure? Failure)> CompleteAsync(
        Caller caller, ToolManifest manifest, string path, CancellationToken cancelled, CancellationToken clientGone) =>
        Task.FromResult<(JsonElement?, ToolFailure?)>(default);

    /// <param name="cancelled">The caller has disconnected, or the tool's time is up.</param>
    ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled);
}

/// <summary>What a manifest says for its kind alone: where a call goes. Immutable.</summary>
internal abstract record ToolTarget
{
    /// <summary>Used if the manifest has none.</summary>
    public virtual string? OwnDescription => null;

    /// <summary>A call may be repeated, even if the manifest does not say so.</summary>
    public virtual bool IsIdempotent => false;
}
