using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Mcp;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Tools.Registry;

/// <summary>
/// What a manifest needs from outside itself before it is registered: the secrets and commands it names must be its tenant's, and an
/// MCP tool's definition is looked up and pinned, where the manifest does not say it already.
/// </summary>
internal sealed partial class ManifestChecks(TargetHeaders headers, McpSessions sessions, ILogger<ManifestChecks> logger)
{
    private static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(15);

    /// <returns>The manifests with nothing left open, or why they cannot be registered.</returns>
    public async Task<(IReadOnlyList<ToolManifest> Manifests, ToolFailure? Failure)> CompleteAsync(
        string tenant, IReadOnlyList<ToolManifest> manifests, CancellationToken clientGone)
    {
        var faults = new List<SchemaFault>();
        foreach (var (index, manifest) in manifests.Index())
        {
            if (manifest.Http is { } http)
                faults.AddRange(headers.Faults(tenant, Origin(http.Url), http.Headers, $"/manifests/{index}/http"));
            if (manifest.Mcp is { Url: { } url } remote)
                faults.AddRange(headers.Faults(tenant, Origin(url), remote.Headers, $"/manifests/{index}/mcp"));
            if (manifest.Mcp is { Server: not null } local && sessions.Find(tenant, local).Refusal is { } refusal)
                faults.Add(new($"/manifests/{index}/mcp/server", refusal));
        }
        if (faults.Count > 0)
            return ([], Faulty(faults));

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(clientGone);
        limit.CancelAfter(LookupTimeout);
        var complete = new List<ToolManifest>();
        foreach (var (index, manifest) in manifests.Index())
        {
            var (pinned, failure) = await PinAsync(tenant, manifest, $"/manifests/{index}", limit.Token, clientGone);
            if (failure is not null)
                return ([], failure);
            complete.Add(pinned);
        }
        return (complete, null);
    }

    private async Task<(ToolManifest Manifest, ToolFailure? Failure)> PinAsync(
        string tenant, ToolManifest manifest, string path, CancellationToken cancelled, CancellationToken clientGone)
    {
        if (manifest.Mcp is not { } target || target.DefinitionDigest is not null && manifest.Document.TryGetProperty("input_schema", out _))
            return (manifest, null);
        var (session, refusal) = sessions.Find(tenant, target);
        if (session is null)
            return (manifest, ToolFailure.Refused($"{path}: {refusal}."));
        McpDefinition? definition;
        try
        {
            using var use = session.Begin();
            (_, definition) = await session.OpenAsync(target.Tool, cancelled);
        }
        catch (Exception e) when (McpKind.IsFailure(e) && !clientGone.IsCancellationRequested)
        {
            var failure = McpKind.Failure(manifest, e);
            LogNotAsked(tenant, manifest.Name, failure.Detail, failure.Cause);
            return (manifest, failure);
        }
        if (definition is null)
            return (manifest, Faulty([new($"{path}/mcp/tool", "is not a tool of this server")]));
        if (target.DefinitionDigest is not null && target.DefinitionDigest != definition.Digest)
            return (manifest, Faulty([new($"{path}/mcp/definition_digest", $"is not that of the server's definition, {definition.Digest}")]));

        var document = JsonObject.Create(manifest.Document)!;
        document["mcp"]!["definition_digest"] = definition.Digest;
        document["input_schema"] ??= JsonNode.Parse(definition.InputSchema.GetRawText());
        document["description"] ??= definition.Description is { Length: > 0 } text ? text : null;
        // Read again: what the server brought in is judged as what the caller wrote.
        var (read, faults) = ManifestReader.Read(JsonDocument.Parse($"[{document.ToJsonString()}]").RootElement, "");
        return faults.Count == 0
            ? (read[0], null)
            : (manifest, Faulty([.. faults.Select(fault => fault with { Path = path + fault.Path[2..] })]));
    }

    private static Uri Origin(string template) => new(template.Replace('{', 'x').Replace('}', 'x'));

    private static ToolFailure Faulty(IReadOnlyList<SchemaFault> faults) => new(
        StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, InputFaults.Detail("The version cannot be registered", faults), "refused")
    {
        Extensions = [InputFaults.Errors(faults)],
    };

    [LoggerMessage(LogLevel.Warning, "tool {Tool} of {Tenant} cannot be registered: {Reason} {Cause}")]
    private partial void LogNotAsked(string tenant, string tool, string reason, string? cause);
}
