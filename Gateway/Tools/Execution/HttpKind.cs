using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Registry;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.ServiceDefaults.Hosting;

namespace Lyceum.Gateway.Tools.Execution;

/// <summary>
/// A request to an HTTP server: the input's properties go into path, query and body as the manifest says, the answer's JSON (or text)
/// is the output. The caller's credentials do not go along. What broke off is repeated once, where that is safe.
/// </summary>
internal sealed class HttpKind(EgressConnections connections, TargetHeaders targetHeaders, ServiceInfo info, TimeProvider time) : IToolKind
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(150);

    private readonly ProductInfoHeaderValue _agent = new("Lyceum", info.Version.Split('+')[0]);

    public async ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        if (Place(call) is var (address, body, fault) && fault is { } wrong)
            return Invalid(wrong);
        var result = await AttemptAsync(call, address!, body, cancelled);
        if (!call.Tool.Idempotent || !result.MayRepeat)
            return result.Result;
        await Task.Delay(RetryPause, time, cancelled);
        return (await AttemptAsync(call, address!, body, cancelled)).Result;
    }

    private static ToolFailure Invalid(SchemaFault fault) => InputFaults.Failure([fault]);

    /// <summary>Where each of the input's properties goes.</summary>
    private static (Uri? Address, byte[]? Body, SchemaFault? Fault) Place(ToolCall call)
    {
        var (target, input) = (call.Tool.Http!, call.Input);
        if (input.ValueKind != JsonValueKind.Object)
            return (null, null, new("/input", "must be an object"));
        var taken = UrlTemplate.Names(target.Url)!.ToHashSet();
        var query = target.Query ?? (target.HasBody ? [] : [.. input.EnumerateObject().Select(member => member.Name).Where(name => !taken.Contains(name))]);
        var (address, fault) = UrlTemplate.Fill(target.Url, input, query);
        if (fault is not null || !target.HasBody)
            return (address, null, fault);
        taken.UnionWith(query);
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            if (target.Body is not null)
            {
                if (!input.TryGetProperty(target.Body, out var whole))
                    return (null, null, new("/input", $"must have the property {target.Body}"));
                whole.WriteTo(json);
            }
            else
            {
                json.WriteStartObject();
                foreach (var member in input.EnumerateObject().Where(member => !taken.Contains(member.Name)))
                    member.WriteTo(json);
                json.WriteEndObject();
            }
        }
        return (address, stream.ToArray(), null);
    }

    private async Task<(ToolResult Result, bool MayRepeat)> AttemptAsync(ToolCall call, Uri address, byte[]? body, CancellationToken cancelled)
    {
        var tool = call.Tool;
        using var request = new HttpRequestMessage(tool.Http!.Method, address) { VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.UserAgent.Add(new(_agent.Product!));
        request.Headers.AcceptEncoding.Add(new("identity"));
        if (targetHeaders.Add(request.Headers, call.Tenant, address, tool.Http.Headers) is { } refusal)
            return (ToolFailure.Refused($"{tool.Name} cannot be called: {refusal}."), false);
        if (body is not null)
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
        try
        {
            using var response = await connections.Http.SendAsync(request, cancelled);
            if (!response.IsSuccessStatusCode)
            {
                var status = (int)response.StatusCode;
                var failure = ToolFailure.Failed(status is >= 300 and < 400
                    ? $"{tool.Name} answered with a redirect, which is not followed." : $"{tool.Name} answered with status {status}.");
                return (failure with { Extensions = [new("upstream_status", status)] },
                    response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout);
            }
            if (response.Content.Headers.ContentEncoding.Any(encoding => encoding != "identity"))
                return (ToolFailure.Failed($"{tool.Name} answered compressed, which was not asked for."), false);
            var content = await ReadAsync(response.Content, tool.MaxOutputBytes, cancelled);
            return (content is null ? ToolFailure.TooLarge(tool) : Output(tool, response.Content.Headers.ContentType, content), false);
        }
        catch (Exception e) when (EgressRefusedException.IsCauseOf(e))
        {
            return (ToolFailure.EgressRefused(tool), false);
        }
        catch (HttpRequestException e)
        {
            return (ToolFailure.Failed($"{tool.Name} could not be reached, or broke off ({Words(e.HttpRequestError)}).") with { Cause = e.Message }, true);
        }
        catch (IOException e)
        {
            return (ToolFailure.Failed($"{tool.Name} broke off while it answered.") with { Cause = e.Message }, true);
        }
    }

    /// <returns>Null: there is more than <paramref name="max"/> bytes of it.</returns>
    private static async Task<byte[]?> ReadAsync(HttpContent content, int max, CancellationToken cancelled)
    {
        if (content.Headers.ContentLength > max)
            return null;
        await using var stream = await content.ReadAsStreamAsync(cancelled);
        using var read = new MemoryStream();
        var buffer = new byte[Math.Min(max, 16 * 1024)];
        while (await stream.ReadAsync(buffer, cancelled) is > 0 and var count)
        {
            if (read.Length + count > max)
                return null;
            await read.WriteAsync(buffer.AsMemory(0, count), cancelled);
        }
        return read.ToArray();
    }

    private static ToolResult Output(ToolManifest tool, MediaTypeHeaderValue? type, byte[] content)
    {
        if (content.Length == 0)
            return ToolResult.Of("null"u8.ToArray());
        var media = type?.MediaType ?? "";
        if (media == "application/json" || media.EndsWith("+json", StringComparison.Ordinal))
        {
            return JsonText.IsJson(content)
                ? ToolResult.Of(content)
                : ToolFailure.Failed($"{tool.Name} answered with what is called JSON and is not.");
        }
        return media.StartsWith("text/", StringComparison.Ordinal)
            ? ToolResult.Of(JsonText.Quote(Encoding.UTF8.GetString(content)))
            : ToolFailure.Failed($"{tool.Name} answered with neither JSON nor text.");
    }

    private static string Words(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "its name is not known",
        HttpRequestError.ConnectionError => "no connection",
        HttpRequestError.SecureConnectionError => "no TLS connection",
        _ => "no whole answer",
    };
}
