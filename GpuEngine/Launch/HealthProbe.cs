using System.Net;
using System.Net.Http.Headers;
using Lyceum.GpuEngine.Upstream;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Launch;

/// <summary>
/// Asks the model server whether it is healthy. <c>/health</c> comes first, because llama.cpp's server lists its models
/// while it still loads; servers that have no such route (Ollama) are healthy when they list their models.
/// </summary>
internal sealed class HealthProbe : IDisposable
{
    private readonly HttpClient _http;
    private readonly LaunchOptions _launch;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly TimeProvider _time;

    public HealthProbe(IOptions<LaunchOptions> launch, IOptions<LlmOptions> llm, TimeProvider time)
    {
        (_launch, _time) = (launch.Value, time);
        _authorization = string.IsNullOrEmpty(llm.Value.ApiKey) ? null : new("Bearer", llm.Value.ApiKey);
        // A new connection each time: an old one would not show whether the server accepts new ones.
        _http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, AllowAutoRedirect = false, UseProxy = false })
        {
            Timeout = Timeout.InfiniteTimeSpan, // each check has its own
        };
    }

    /// <returns>Null if it is healthy, else why not.</returns>
    public async Task<string?> AskAsync(Uri endpoint, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(_launch.HealthTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            if (!string.IsNullOrEmpty(_launch.Health))
                return Verdict(await GetAsync(new Uri(endpoint, _launch.Health), either.Token));
            var status = await GetAsync(new Uri(endpoint, "/health"), either.Token);
            return Verdict(status is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented
                ? await GetAsync(new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/models"), either.Token)
                : status);
        }
        catch (HttpRequestException e)
        {
            return e.HttpRequestError is HttpRequestError.ConnectionError ? "it takes no connections" : $"it broke the connection ({e.HttpRequestError})";
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"it did not answer within {_launch.HealthTimeout.TotalSeconds:0.#} s";
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpStatusCode> GetAsync(Uri address, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { Authorization = _authorization } };
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        return response.StatusCode;
    }

    private static string? Verdict(HttpStatusCode status) => (int)status is >= 200 and < 300 ? null : $"it answered {(int)status}";
}
