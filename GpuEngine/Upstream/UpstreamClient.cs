using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>Where a model server is.</summary>
/// <param name="Section">The configuration section that says so; errors name it.</param>
internal sealed record UpstreamAddress(string Section, string Endpoint, string? ApiKey)
{
    /// <summary>
    /// The language model server; any address on loopback where it is launched, which then says its own.
    /// </summary>
    public static UpstreamAddress Of(LlmOptions llm) =>
        new(LlmOptions.Section, llm.IsConfigured ? llm.Endpoint! : "http://127.0.0.1", llm.ApiKey);
}

/// <summary>
/// HTTP to a configured model server. A bare invoker: no retries, since a POST that was repeated would be answered
/// twice, and no timeout but the caller's token and the connect bound.
/// </summary>
internal sealed class UpstreamClient : IDisposable
{
    private static readonly ProductInfoHeaderValue Agent = new("Lyceum", "0.1");

    private readonly HttpMessageInvoker _http;
    private readonly string _section;
    private readonly Func<string> _base;
    private readonly AuthenticationHeaderValue? _authorization;

    /// <param name="current">
    /// Where the server is now, if it may move between requests; throws <see cref="ApiException"/> while it is not
    /// ready.
    /// </param>
    public UpstreamClient(UpstreamAddress address, AnswersOptions answers, Func<Uri>? current = null)
    {
        var endpoint = new Uri(address.Endpoint);
        var fixedBase = endpoint.AbsoluteUri.TrimEnd('/');
        (_section, _base) = (address.Section, current is null ? () => fixedBase : () => current().AbsoluteUri.TrimEnd('/'));
        _authorization = string.IsNullOrEmpty(address.ApiKey) ? null : new("Bearer", address.ApiKey);
        _http = new HttpMessageInvoker(Handler(endpoint, answers));
    }

    /// <summary>How connections to a model server are kept, ours and the connectors'.</summary>
    public static SocketsHttpHandler Handler(Uri endpoint, AnswersOptions answers) => new()
    {
        ConnectTimeout = answers.Connect,
        // uvicorn, under most model servers, closes an idle connection after 5 s: ours must close first, or a request
        // sent at that moment fails. Over TLS a connection costs more to make, and those servers keep it longer.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(endpoint.Scheme is "https" ? 30 : 4),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        // A response disposed unread would otherwise keep its connection, and the upstream generating, for 2 s more to
        // reach its end. After [DONE] that end is a few bytes away.
        ResponseDrainTimeout = TimeSpan.FromMilliseconds(50),
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseProxy = !endpoint.IsLoopback,
    };

    public Task<HttpResponseMessage> GetAsync(string path, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, _base() + path), cancel);

    public Task<HttpResponseMessage> PostAsync(string path, ReadOnlyMemory<byte> json, CancellationToken cancel) => PostAsync(
        path,
        new ReadOnlyMemoryContent(json)
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/json", Encoding.UTF8.WebName) },
        },
        cancel);

    public Task<HttpResponseMessage> PostAsync(string path, HttpContent content, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, _base() + path) { Content = content }, cancel);

    public void Dispose() => _http.Dispose();

    /// <summary>The response with status 200, its body unread. Disposing it ends the request at the upstream.</summary>
    /// <exception cref="ApiException">Unreachable, or any other status.</exception>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        HttpResponseMessage response;
        using (request)
        {
            request.Headers.Authorization = _authorization;
            request.Headers.UserAgent.Add(Agent);
            // A compressed stream waits in the server's buffers.
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            try
            {
                response = await _http.SendAsync(request, cancel);
                // It may be large, and the response, which keeps its request, lasts as long as the answer.
                request.Content?.Dispose();
                request.Content = null;
            }
            catch (Exception e) when (UpstreamErrors.IsNoResponse(e, cancel))
            {
                throw UpstreamErrors.NoResponse(e, _section);
            }
        }
        await DecompressAsync(response, cancel);
        if (response.StatusCode is HttpStatusCode.OK)
            return response;
        using (response)
            throw await UpstreamErrors.FromAsync(response, _section, cancel);
    }

    /// <summary>Some servers, and proxies before them, compress what nobody asked them to.</summary>
    private static async ValueTask DecompressAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        foreach (var coding in response.Content.Headers.ContentEncoding.Reverse().ToArray())
        {
            Func<Stream, Stream>? open = coding.ToLowerInvariant() switch
            {
                "gzip" or "x-gzip" => bytes => new GZipStream(bytes, CompressionMode.Decompress),
                "deflate" => bytes => new ZLibStream(bytes, CompressionMode.Decompress),
                "br" => bytes => new BrotliStream(bytes, CompressionMode.Decompress),
                _ => null,
            };
            if (open is null)
                continue;
            var plain = new StreamContent(open(await response.Content.ReadAsStreamAsync(cancel)));
            plain.Headers.ContentType = response.Content.Headers.ContentType;
            response.Content = plain;
        }
    }
}
