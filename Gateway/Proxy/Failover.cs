using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends a request to the next replica when no connection could be made to the first. Then nothing was sent, so no POST
/// is repeated, and callers do not notice that a replica was killed.
/// </summary>
/// <remarks>
/// What was sent, and whose replica broke off before it answered, as one does that is stopped, is repeated once where that
/// does no harm: a read, and work that its caller gave an <c>Idempotency-Key</c>, by which it is done once.
/// </remarks>
internal static class Failover
{
    /// <summary>Bytes of a body that is kept for a repetition; a request with a larger one is not repeated.</summary>
    private const int MaxKept = 256 * 1024;

    /// <summary>Where services keep the key with the work.</summary>
    private static readonly HashSet<string> Keyed = new(StringComparer.OrdinalIgnoreCase)
    {
        "/chat", "/api/collab/execute", "/api/v1/roadmaps/generate", "/api/practice/sets",
    };

    public static void UseFailover(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (http, next) =>
    {
        var feature = http.GetReverseProxyFeature();
        var untried = feature.AvailableDestinations.ToList();
        var mayRepeat = untried.Count > 1 && MayRepeat(http.Request);
        await next(http);
        while (feature.ProxiedDestination is { } tried && (NeverArrived(http) || (mayRepeat && BrokeOff(http)))
            && untried.Remove(tried) && untried.Count > 0)
        {
            if (!NeverArrived(http))
                mayRepeat = false;
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
            if (http.Request.Body.CanSeek)
                http.Request.Body.Position = 0;
            // The load balancer has reduced the list to the one it chose.
            feature.AvailableDestinations = untried;
            await next(http);
        }
    });

    private static bool MayRepeat(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            // Signing in redeems a code, and a socket its token.
            return !request.Path.StartsWithSegments("/api/auth") && request.Headers.Upgrade.Count == 0;
        }
        if (!HttpMethods.IsPost(request.Method) || !Keyed.Contains(request.Path.Value!)
            || request.Headers["Idempotency-Key"].Count == 0 || request.ContentLength is not <= MaxKept)
        {
            return false;
        }
        request.EnableBuffering(bufferThreshold: MaxKept, bufferLimit: MaxKept);
        return true;
    }

    private static bool NeverArrived(HttpContext http) =>
        IsFailed(http) && http.GetForwarderErrorFeature() is
        {
            Error: ForwarderError.Request,
            Exception: HttpRequestException
            {
                HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError,
            },
        };

    private static bool BrokeOff(HttpContext http) =>
        IsFailed(http) && http.GetForwarderErrorFeature() is
        {
            Error: ForwarderError.Request or ForwarderError.RequestBodyDestination,
            Exception: HttpRequestException or IOException,
        };

    private static bool IsFailed(HttpContext http) =>
        !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested;
}
