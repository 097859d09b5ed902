using Microsoft.Net.Http.Headers;
using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends a request to the next replica when no connection could be made to the first. Then nothing was sent, so no POST
/// is repeated, and callers do not notice that a replica was killed.
/// </summary>
/// <remarks>
/// What was sent goes to one more replica when the first broke off before it answered, as one does that is stopped while it
/// works, where that does no harm: what only reads (RFC 9110, 9.2.2), and work that its caller gave an
/// <c>Idempotency-Key</c>, which the service keeps with the work. To one, not to all, because the request itself may be what
/// ends them.
/// </remarks>
internal static class Failover
{
    /// <summary>Bytes of a body that are kept for a repetition; a request with a larger one is not repeated.</summary>
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
        var mayRepeat = untried.Count > 1 && (OnlyReads(http) || Keeps(http.Request));
        await next(http);
        var repeated = false;
        while ((NeverArrived(http) || (!repeated && (repeated = mayRepeat && BrokeOff(http))))
            && feature.ProxiedDestination is { } tried && untried.Remove(tried) && untried.Count > 0)
        {
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
            if (http.Request.Body.CanSeek)
                http.Request.Body.Position = 0;
            // The load balancer has reduced the list to the one it chose.
            feature.AvailableDestinations = untried;
            await next(http);
        }
    });

    private static bool NeverArrived(HttpContext http) => Failure(http) is HttpRequestException
    {
        HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError,
    };

    private static bool BrokeOff(HttpContext http) => Failure(http) is HttpRequestException or IOException;

    /// <summary>Signing in is a GET that redeems a code.</summary>
    private static bool OnlyReads(HttpContext http) =>
        (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
        && !http.WebSockets.IsWebSocketRequest && !http.Request.Path.StartsWithSegments("/api/auth")
        && http.Request.ContentLength is null or 0 && !http.Request.Headers.ContainsKey(HeaderNames.TransferEncoding);

    /// <summary>Whether it can be repeated, because it has a key; its body is kept from now on.</summary>
    private static bool Keeps(HttpRequest request)
    {
        if (!HttpMethods.IsPost(request.Method) || !Keyed.Contains(request.Path.Value!)
            || request.Headers["Idempotency-Key"].Count == 0 || request.ContentLength is not <= MaxKept)
        {
            return false;
        }
        request.EnableBuffering(bufferThreshold: MaxKept, bufferLimit: MaxKept);
        return true;
    }

    /// <summary>Why nothing was answered, while something still can be.</summary>
    private static Exception? Failure(HttpContext http) =>
        !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested && http.GetForwarderErrorFeature() is
        {
            Error: ForwarderError.Request or ForwarderError.RequestBodyDestination, Exception: { } failure,
        } ? failure : null;
}
