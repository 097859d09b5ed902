using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.GpuEngine.Launch;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Upstream;

/// <summary>
/// HTTP to the configured model server. A bare invoker: no retries, since a POST that was repeated would be answered
/// twice, and no timeout but the caller's token and the connect bound.
/// </summary>
internal sealed class UpstreamClient : IDisposable
{
    private static readonly ProductInfoHeaderValue Agent = new("Lyceum", "0.1");

    private readonly HttpMessageInvoker _http;
    private readonly Func<string> _base;
    private readonly AuthenticationHeaderValue? _authorization;

    /// <param name="launched">The server that the engine started itself: it may move, and must be ready to be asked.</param>
    public UpstreamClient(IOptions<LlmOptions> llm, IOptions<AnswersOptions> answers, ModelServer? launched = null)
    {
        var endpoint = llm.Value.IsConfigured ? new Uri(llm.Value.Endpoint!) : new Uri("http://127.0.0.1");
        var fixedBase = endpoint.AbsoluteUri.TrimEnd('/');
        _base = launched is null ? () => fixedBase : () => launched.Address().AbsoluteUri.TrimEnd('/');
        _authorization = string.IsNullOrEmpty(llm.Value.ApiKey) ? null : new("Bearer", llm.Value.ApiKey);
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectTimeout = answers.Value.Connect,
            // uvicorn, under most model servers, closes an idle connection after 5 s: ours must go first, or a request
            // that meets the closing fails. Over TLS a connection is worth more, and those servers keep it longer.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(endpoint.Scheme is "https" ? 30 : 4),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            // A response let go unread would otherwise keep its connection, and the upstream generating, for 2 s more in
            // the hope of its end. After [DONE] that end is a few bytes away.
            ResponseDrainTimeout = TimeSpan.FromMilliseconds(50),
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseProxy = !endpoint.IsLoopback,
        });
    }

    public Task<HttpResponseMessage> GetAsync(string path, CancellationToken cancel) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, _base() + path), cancel);

    public Task<HttpResponseMessage> PostAsync(string path, ReadOnlyMemory<byte> json, CancellationToken cancel) =>
        SendAsync(
            new HttpRequestMessage(HttpMethod.Post, _base() + path)
            {
                Content = new ReadOnlyMemoryContent(json)
                {
                    Headers = { ContentType = new MediaTypeHeaderValue("application/json", Encoding.UTF8.WebName) },
                },
            },
            cancel);

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
            try
            {
                response = await _http.SendAsync(request, cancel);
            }
            catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ResponseEnded
                or HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.Unknown)
            {
                throw UpstreamErrors.Broken("broke the connection before it answered", e);
            }
            catch (Exception e) when (e is HttpRequestException ||
                (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                throw UpstreamErrors.Unreachable(e);
            }
        }
        if (response.StatusCode is HttpStatusCode.OK)
        {
            return response;
        }
        using (response)
        {
            throw await UpstreamErrors.FromAsync(response, cancel);
        }
    }
}
