using System.ComponentModel;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.Gateway.Tools.Targets;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Lyceum.Gateway.Tools.Kinds.Mcp;

/// <summary>A tool of an MCP server: at a URL, or one whose command the configuration file names.</summary>
/// <param name="DefinitionDigest">
/// Of the tool's definition as the server gave it at registration; while the server's definition differs, the tool is
/// not called. Null only during registration.
/// </param>
internal sealed record McpTarget(
    string? Url, string? Server, string Tool, IReadOnlyList<TargetHeader> Headers,
        string? DefinitionDigest) : ToolTarget;

/// <summary>
/// Tools of MCP servers. A tool is called only while the server defines it as it did at registration: a changed
/// definition may attack the model that reads it.
/// </summary>
internal sealed partial class McpTools(McpSessions sessions, TargetHeaders headers,
    ILogger<McpTools> logger) : IToolKind
{
    private const int MaxErrorText = 2_000;

    public string Name => "mcp";

    public ToolTarget? Read(string? name, ManifestFields manifest, ManifestFields? section)
    {
        var fields = section!;
        var url = UrlTemplate.Read(fields, required: false, templates: false);
        var server = fields.Text("server", 100);
        if (url is null == server is null)
            fields.Error("", "must have either url or server (a command of the gateway's configuration)");
        var given = TargetHeader.Read(fields);
        if (server is not null && given.Count > 0)
            fields.Error("headers", "are for a url");
        var digest = fields.Text("definition_digest", 100);
        if (digest is not null && !CanonicalJson.IsDigest(digest))
            fields.Error("definition_digest", "must be sha256: and 64 hex digits");
        var target = new McpTarget(url, server, fields.Text("tool", 200) ?? name ?? "", given, digest);
        fields.End("url", "server", "tool", "headers", "definition_digest");
        return target;
    }

    public IEnumerable<SchemaError> Check(string tenant, ToolTarget target, string path) => target switch
    {
        McpTarget { Url: { } url } remote => headers.Errors(tenant, url, remote.Headers, $"{path}/mcp"),
        McpTarget local when sessions.Rejection(tenant, local) is { } rejection
            => [new($"{path}/mcp/server", rejection)],
        _ => [],
    };

    /// <summary>
    /// Pins the server's definition of the tool: its digest, and its schema and description where the manifest has
    /// none.
    /// </summary>
    public async Task<(JsonElement? Document, ToolFailure? Failure)> CompleteAsync(
        Caller caller, ToolManifest manifest, string path, CancellationToken cancelled, CancellationToken clientGone)
    {
        var target = (McpTarget)manifest.Target;
        if (target.DefinitionDigest is not null && manifest.Document.TryGetProperty("input_schema", out _))
            return default;
        var (use, rejection) = sessions.Begin(Sharer.Of(caller), target);
        if (use is null)
            return (null, ToolFailure.Refused($"{path}: {rejection}."));
        McpDefinition? definition;
        try
        {
            await using (use)
                (_, definition) = await use.Session.OpenAsync(target.Tool, cancelled);
        }
        catch (Exception e) when (IsFailure(e) && !clientGone.IsCancellationRequested)
        {
            var failure = Failure(manifest, e);
            LogLookupFailed(caller.Tenant, manifest.Name, failure.Detail, failure.Cause);
            return (null, failure);
        }
        if (definition is null)
            return (null, InputErrors.OfVersion([new($"{path}/mcp/tool", "is not a tool of this server")]));
        if (target.DefinitionDigest is not null && target.DefinitionDigest != definition.Digest)
        {
            return (null, InputErrors.OfVersion(
                [new($"{path}/mcp/definition_digest",
                    $"is not that of the server's definition, {definition.Digest}")]));
        }

        var document = JsonObject.Create(manifest.Document)!;
        document["mcp"]!["definition_digest"] = definition.Digest;
        document["input_schema"] ??= JsonNode.Parse(definition.InputSchema.GetRawText());
        document["description"] ??= definition.Description is { Length: > 0 } text ? text : null;
        return (JsonDocument.Parse(document.ToJsonString()).RootElement, null);
    }

    public async ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        var (tool, target) = (call.Tool, (McpTarget)call.Tool.Target);
        if (call.Input.ValueKind != JsonValueKind.Object)
            return InputErrors.OfInput([new("/input", "must be an object")]);
        var (use, rejection) = sessions.Begin(Sharer.Of(call.Caller), target);
        if (use is null)
            return ToolFailure.Refused($"{tool.Name} cannot be called: {rejection}.");
        await using (use)
        {
            var (result, again) = await AttemptAsync(use.Session, call, cancelled);
            return again ? (await AttemptAsync(use.Session, call, cancelled)).Result : result;
        }
    }

    private static async Task<(ToolResult Result, bool MayRepeat)> AttemptAsync(McpSession session, ToolCall call, CancellationToken cancelled)
    {
        var (tool, target) = (call.Tool, (McpTarget)call.Tool.Target);
        McpClient? client = null;
        try
        {
            (client, var definition) = await session.OpenAsync(target.Tool, cancelled);
            if (definition?.Digest != target.DefinitionDigest)
                return (Changed(tool, target, definition), false);
            var arguments = call.Input.EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
            var result = await client.CallToolAsync(new CallToolRequestParams { Name = target.Tool, Arguments = arguments }, cancelled);
            return (Output(tool, result), false);
        }
        catch (Exception e) when (IsFailure(e) && !cancelled.IsCancellationRequested)
        {
            // 404: the server has forgotten the session, and so has not made the call. Some servers answer 400.
            var status = (e as HttpRequestException)?.StatusCode;
            // A program that has ended fails calls a moment before its client knows that it is complete.
            var hasEnded = target.Server is not null && e is IOException;
            if (client is not null && (hasEnded || status is HttpStatusCode.NotFound or HttpStatusCode.BadRequest))
                await session.DropAsync(client);
            return (Failure(tool, e), client is not null && e is not McpProtocolException && (tool.Idempotent || status == HttpStatusCode.NotFound));
        }
    }

    private static ToolFailure Changed(ToolManifest tool, McpTarget target, McpDefinition? definition) => new(
        StatusCodes.Status502BadGateway, ErrorCodes.ToolDefinitionChanged,
        definition is null
            ? $"The server of {tool.Name} has no tool {target.Tool} any more."
            : $"The server of {tool.Name} defines it otherwise than when it was registered. Look at it, then register a new version.",
        "refused")
    {
        Extensions = [new("registered_digest", target.DefinitionDigest), new("current_digest", definition?.Digest)],
    };

    /// <summary>
    /// The structured content if there is some, else the text if it is the only block, else all blocks.
    /// </summary>
    private static ToolResult Output(ToolManifest tool, CallToolResult result)
    {
        if (result.IsError == true)
        {
            var text = string.Join('\n', result.Content.OfType<TextContentBlock>().Select(block => block.Text));
            return ToolFailure.Failed($"{tool.Name} says that it failed.") with
            {
                Extensions = [new("tool_error", Cut(text))],
            };
        }
        var output = result switch
        {
            { StructuredContent: { } structured } => System.Text.Encoding.UTF8.GetBytes(structured.GetRawText()),
            { Content: [TextContentBlock only] } => JsonText.Quote(only.Text),
            _ => JsonSerializer.SerializeToUtf8Bytes(result.Content, McpJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IList<ContentBlock>))),
        };
        if (output.Length > tool.MaxOutputBytes)
            return ToolFailure.TooLarge(tool);
        return JsonUnicode.IsValid(output)
            ? ToolResult.Of(output)
            : ToolFailure.Failed($"{tool.Name} answered with text that is not Unicode.");
    }

    /// <summary>Failures of a server or of the connection to it.</summary>
    private static bool IsFailure(Exception exception) =>
        exception is McpException or HttpRequestException or IOException or TimeoutException or JsonException or InvalidOperationException
            or OperationCanceledException or ClientTransportClosedException or Win32Exception;

    private static ToolFailure Failure(ToolManifest tool, Exception exception) =>
        Explain(tool, exception) with { Cause = Cut(exception.Message) };

    private static string Cut(string text) => text.Length > MaxErrorText ? text[..MaxErrorText] : text;

    private static ToolFailure Explain(ToolManifest tool, Exception exception) => exception switch
    {
        _ when EgressRefusedException.IsCauseOf(exception) => ToolFailure.EgressRefused(tool),
        McpProtocolException protocol => ToolFailure.Failed($"The server of {tool.Name} refused the call (JSON-RPC error {(int)protocol.ErrorCode})."),
        HttpRequestException { StatusCode: { } status } => ToolFailure.Failed($"The server of {tool.Name} answered with status {(int)status}.")
            with { Extensions = [new("upstream_status", (int)status)] },
        TimeoutException or OperationCanceledException => ToolFailure.TimedOut(tool),
        _ => ToolFailure.Failed($"The server of {tool.Name} could not be reached, or broke off."),
    };

    [LoggerMessage(LogLevel.Warning,
        "Tool {Tool} of {Tenant} not registered, definition not available: {Reason} {Cause}")]
    private partial void LogLookupFailed(string tenant, string tool, string reason, string? cause);
}
