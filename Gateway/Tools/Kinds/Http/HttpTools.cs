using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Lyceum.Gateway.Tools.Egress;
using Lyceum.Gateway.Tools.Json;
using Lyceum.Gateway.Tools.Manifests;
using Lyceum.Gateway.Tools.Schemas;
using Lyceum.Gateway.Tools.Targets;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using MediaType = Microsoft.Net.Http.Headers.MediaTypeHeaderValue;

namespace Lyceum.Gateway.Tools.Kinds.Http;

/// <summary>A call to an HTTP server.</summary>
/// <param name="Url">With <c>{property}</c> in its path for properties of the input.</param>
/// <param name="Query">Properties that go into the query.</param>
/// <param name="Body">
/// The property that is the body; null: an object of all other properties, if the method has a body.
/// </param>
internal sealed record HttpTarget(
    HttpMethod Method, string Url, IReadOnlyList<TargetHeader> Headers,
        IReadOnlyList<string>? Query, string? Body) : ToolTarget
{
    public bool HasBody => Method == HttpMethod.Post || Method == HttpMethod.Put || Method == HttpMethod.Patch;

    public override bool IsIdempotent => Method == HttpMethod.Get;
}

/// <summary>
/// Tools that are a request to an HTTP server: the input's properties go into path, query and body as the manifest
/// says, and the answer's JSON (or text) is the output. The caller's credentials are not sent. A request that failed on
/// the way is repeated once, where that is safe.
/// </summary>
internal sealed class HttpTools(EgressConnections connections, TargetHeaders targetHeaders,
    ServiceInfo info, TimeProvider time) : IToolKind
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(150);

    private readonly ProductInfoHeaderValue _agent = new("Lyceum", info.Version.Split('+')[0]);

    public string Name => "http";
    public bool NeedsDescription => true;

    public ToolTarget? Read(string? name, ManifestFields manifest, ManifestFields? section)
    {
        var fields = section!;
        var method = fields.Text("method", 10, required: true);
        var known = method is null or "GET" or "POST" or "PUT" or "PATCH" or "DELETE";
        if (!known)
            fields.Error("method", "must be GET, POST, PUT, PATCH or DELETE");
        var url = UrlTemplate.Read(fields, required: true, templates: true);
        var target = new HttpTarget(
            HttpMethod.Parse(known ? method ?? "GET" : "GET"), url ?? "", TargetHeader.Read(fields),
                fields.Texts("query", 50),
            fields.Text("body", 200));
        if (target.Body is not null && !target.HasBody)
            fields.Error("body", $"is not for {method}");
        fields.End("method", "url", "headers", "query", "body");
        return target;
    }

    public IEnumerable<SchemaError> Check(string tenant, ToolTarget target, string path) =>
        target is HttpTarget http ? targetHeaders.Errors(tenant, http.Url, http.Headers, $"{path}/http") : [];

    public async ValueTask<ToolResult> RunAsync(ToolCall call, CancellationToken cancelled)
    {
        if (Place(call) is var (address, body, error) && error is { } wrong)
            return InputErrors.OfInput([wrong]);
        var result = await AttemptAsync(call, address!, body, cancelled);
        if (!call.Tool.Idempotent || !result.MayRepeat)
            return result.Result;
        await Task.Delay(RetryPause, time, cancelled);
        return (await AttemptAsync(call, address!, body, cancelled)).Result;
    }

    /// <summary>Puts the input's properties into address and body.</summary>
    private static (Uri? Address, byte[]? Body, SchemaError? Error) Place(ToolCall call)
    {
        var (target, input) = ((HttpTarget)call.Tool.Target, call.Input);
        if (input.ValueKind != JsonValueKind.Object)
            return (null, null, new("/input", "must be an object"));
        var taken = UrlTemplate.Names(target.Url)!.ToHashSet();
        var query = target.Query
            ?? (target.HasBody ? []
                : [.. input.EnumerateObject().Select(member => member.Name).Where(name => !taken.Contains(name))]);
        var (address, error) = UrlTemplate.Fill(target.Url, input, query);
        if (error is not null || !target.HasBody)
            return (address, null, error);
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
        var (tool, target) = (call.Tool, (HttpTarget)call.Tool.Target);
        using var request = new HttpRequestMessage(target.Method, address)
            { VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.UserAgent.Add(new(_agent.Product!));
        request.Headers.AcceptEncoding.Add(new("identity"));
        if (targetHeaders.Add(request.Headers, call.Tenant, address, target.Headers) is { } rejection)
            return (ToolFailure.Refused($"{tool.Name} cannot be called: {rejection}."), false);
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
            return (content is null
                ? ToolFailure.TooLarge(tool) : Output(tool, TypeOf(response.Content.Headers), content), false);
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

    /// <summary>As it was sent: .NET does not parse some that servers send.</summary>
    private static string? TypeOf(HttpContentHeaders headers) =>
        headers.NonValidated.TryGetValues("Content-Type", out var values) ? values.ToString() : null;

    /// <returns>Null: it has more than <paramref name="max"/> bytes.</returns>
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

    /// <param name="type">Of the answer, as it was sent; null: none.</param>
    private static ToolResult Output(ToolManifest tool, string? type, byte[] content)
    {
        if (content.Length == 0)
            return ToolResult.Of("null"u8.ToArray());
        var given = MediaType.TryParse(type, out var parsed) ? parsed : null;
        var media = (given?.MediaType.Value ?? type?.Split(';')[0].Trim() ?? "").ToLowerInvariant();
        var isJson = media is "application/json" or "text/json" or "text/x-json"
            || media.EndsWith("+json", StringComparison.Ordinal);
        if (!isJson && media is not "" && !media.StartsWith("text/", StringComparison.Ordinal))
            return ToolFailure.Failed($"{tool.Name} answered with neither JSON nor text.");
        var (text, error) = Charsets.Decode(content, given?.Charset.Value, media == "text/html");
        if (text is null)
            return ToolFailure.Failed($"{tool.Name} answered with a text that is {error}.");
        var utf8 = Encoding.UTF8.GetBytes(text);
        // Without a type, it is what it looks like.
        if (isJson || (media is "" && JsonText.IsJson(utf8)))
        {
            return JsonText.IsJson(utf8)
                ? ToolResult.Of(utf8)
                : ToolFailure.Failed($"{tool.Name} answered with what is called JSON and is not.");
        }
        return ToolResult.Of(JsonText.Quote(text));
    }

    private static string Words(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "its name is not known",
        HttpRequestError.ConnectionError => "no connection",
        HttpRequestError.SecureConnectionError => "no TLS connection",
        _ => "no whole answer",
    };
}
