using Microsoft.Net.Http.Headers;
using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends a request to the next replica when no connection could be made to the first. Then nothing was sent, so no POST
/// is repeated, and callers do not notice that a replica was killed. What only reads (GET, HEAD) goes to one more replica too when the
/// first broke off before it answered, as one does that is stopped while it works (RFC 9110, 9.2.2); to one, not to all, because the
/// request itself may be what ends them.
/// </summary>
internal static class Failover
{
    public static void UseFailover(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (http, next) =>
    {
        var feature = http.GetReverseProxyFeature();
        var untried = feature.AvailableDestinations.ToList();
        await next(http);
        var repeated = false;
        while ((NeverArrived(http) || (!repeated && (repeated = OnlyReads(http) && BrokeOff(http))))
            && feature.ProxiedDestination is { } tried && untried.Remove(tried) && untried.Count > 0)
        {
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
            // The load balancer has reduced the list to the one it chose.
            feature.AvailableDestinations = untried;
            await next(http);
        }
    });

    private static bool NeverArrived(HttpContext http) =>
        Failure(http) is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };

    private static bool BrokeOff(HttpContext http) => Failure(http) is HttpRequestException;

    private static bool OnlyReads(HttpContext http) =>
        (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)) && !http.WebSockets.IsWebSocketRequest
        && http.Request.ContentLength is null or 0 && !http.Request.Headers.ContainsKey(HeaderNames.TransferEncoding);

    /// <summary>Why nothing was answered, while something still can be.</summary>
    private static Exception? Failure(HttpContext http) =>
        !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested
        && http.GetForwarderErrorFeature() is { Error: ForwarderError.Request, Exception: { } failure } ? failure : null;
}
