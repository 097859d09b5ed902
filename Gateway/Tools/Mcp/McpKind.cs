using System.ComponentModel;
using System.Net;
using System.Text.Json;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Execution;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.ServiceDefaults.Errors;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Lyceum.Gateway.Tools.Mcp;

/// <summary>
/// A tool of an MCP server. Called only while the server defines it as it did when it was registered: a definition that changes behind
/// the operator's back is how such servers are turned against their users.
/// </summary>
internal sealed class McpKind(McpSessions sessions) : IToolKind
{
    private const int MaxErrorText = 2_000;

    public async ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        var (tool, target) = (call.Tool, call.Tool.Mcp!);
        if (call.Input.ValueKind != JsonValueKind.Object)
            return InputFaults.Failure([new("/input", "must be an object")]);
        var (session, refusal) = sessions.Find(call.Tenant, target);
        if (session is null)
            return ToolFailure.Refused($"{tool.Name} cannot be called: {refusal}.");
        using var use = session.Begin();
        var (result, again) = await AttemptAsync(session, call, cancelled);
        return again ? (await AttemptAsync(session, call, cancelled)).Result : result;
    }

    private static async Task<(ToolResult Result, bool MayRepeat)> AttemptAsync(McpSession session, ToolCall call, CancellationToken cancelled)
    {
        var (tool, target) = (call.Tool, call.Tool.Mcp!);
        McpClient? client = null;
        try
        {
            (client, var definition) = await session.OpenAsync(target.Tool, cancelled);
            if (definition?.Digest != target.DefinitionDigest)
                return (Changed(tool, definition), false);
            var arguments = call.Input.EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
            var result = await client.CallToolAsync(new CallToolRequestParams { Name = target.Tool, Arguments = arguments }, cancelled);
            return (Output(tool, result), false);
        }
        catch (Exception e) when (IsFailure(e) && !cancelled.IsCancellationRequested)
        {
            // 404: a server that has forgotten the session, and so has not looked at the call. Some say 400.
            var status = (e as HttpRequestException)?.StatusCode;
            if (client is not null && status is HttpStatusCode.NotFound or HttpStatusCode.BadRequest)
                await session.DropAsync(client);
            return (Failure(tool, e), client is not null && e is not McpProtocolException && (tool.Idempotent || status == HttpStatusCode.NotFound));
        }
    }

    private static ToolFailure Changed(ToolManifest tool, McpDefinition? definition) => new(
        StatusCodes.Status502BadGateway, ErrorCodes.ToolDefinitionChanged,
        definition is null
            ? $"The server of {tool.Name} has no tool {tool.Mcp!.Tool} any more."
            : $"The server of {tool.Name} defines it otherwise than when it was registered. Look at it, then register a new version.",
        "refused")
    {
        Extensions = [new("registered_digest", tool.Mcp!.DefinitionDigest), new("current_digest", definition?.Digest)],
    };

    /// <summary>Structured content where there is some, else the one text, else the blocks as they are.</summary>
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
        return JsonText.IsUnicode(output) ? ToolResult.Of(output) : ToolFailure.Failed($"{tool.Name} answered with text that is not Unicode.");
    }

    /// <summary>What a server, or the way to it, may come to.</summary>
    public static bool IsFailure(Exception exception) =>
        exception is McpException or HttpRequestException or IOException or TimeoutException or JsonException or InvalidOperationException
            or OperationCanceledException or ClientTransportClosedException or Win32Exception;

    public static ToolFailure Failure(ToolManifest tool, Exception exception) => Told(tool, exception) with { Cause = Cut(exception.Message) };

    private static string Cut(string text) => text.Length > MaxErrorText ? text[..MaxErrorText] : text;

    private static ToolFailure Told(ToolManifest tool, Exception exception) => exception switch
    {
        _ when EgressRefusedException.IsCauseOf(exception) => ToolFailure.EgressRefused(tool),
        McpProtocolException protocol => ToolFailure.Failed($"The server of {tool.Name} refused the call (JSON-RPC error {(int)protocol.ErrorCode})."),
        HttpRequestException { StatusCode: { } status } => ToolFailure.Failed($"The server of {tool.Name} answered with status {(int)status}.")
            with { Extensions = [new("upstream_status", (int)status)] },
        TimeoutException or OperationCanceledException => ToolFailure.TimedOut(tool),
        _ => ToolFailure.Failed($"The server of {tool.Name} could not be reached, or broke off."),
    };
}
