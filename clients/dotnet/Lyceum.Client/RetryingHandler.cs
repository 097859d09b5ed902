using System.Net;

namespace Lyceum.Client;

/// <summary>Repeats what may be repeated: reads, deletions, changes that name their result, and what has an idempotency key.</summary>
internal sealed class RetryingHandler(LyceumClientOptions options) : DelegatingHandler
{
    private static readonly HttpRequestOptionsKey<bool> Left = new("lyceum.retried-by-caller");

    /// <summary>The caller of this request repeats it by itself.</summary>
    public static void LeaveTo(HttpRequestMessage request) => request.Options.Set(Left, true);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!MayBeRepeated(request))
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        for (var failures = 0; ; failures++)
        {
            TimeSpan wait;
            try
            {
                var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
                if (failures == options.Retries || !IsBusy(response.StatusCode))
                    return response;
                await response.Content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false); // the caller may read it too
                var refused = await LyceumException.ReadAsync(response, cancellationToken).ConfigureAwait(false);
                if (!refused.IsTransient || refused.RetryAfter > options.LongestRetryAfter)
                    return response;
                response.Dispose();
                wait = refused.RetryAfter ?? TimeSpan.Zero;
            }
            catch (HttpRequestException) when (failures < options.Retries)
            {
                wait = TimeSpan.Zero;
            }
            var pause = options.Pause(failures);
            await Task.Delay(wait > pause ? wait : pause, options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsBusy(HttpStatusCode status) =>
        status is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private static bool MayBeRepeated(HttpRequestMessage request)
    {
        if (request.Options.TryGetValue(Left, out _) || request.Content is not (null or ByteArrayContent))
            return false;
        return request.Method == HttpMethod.Get || request.Method == HttpMethod.Put || request.Method == HttpMethod.Delete
            || request.Headers.Contains("Idempotency-Key")
            || (request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath.EndsWith("/stop", StringComparison.Ordinal));
    }
}
