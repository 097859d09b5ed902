using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends a request to the next replica when no connection could be made to the first. Then nothing was sent, so no POST
/// is repeated, and callers do not notice that a replica was killed.
/// </summary>
internal static class Failover
{
    public static void UseFailover(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (http, next) =>
    {
        var feature = http.GetReverseProxyFeature();
        var untried = feature.AvailableDestinations.ToList();
        await next(http);
        while (NeverArrived(http) && feature.ProxiedDestination is { } tried && untried.Remove(tried) && untried.Count > 0)
        {
            http.Features.Set<IForwarderErrorFeature>(null);
            http.Response.StatusCode = StatusCodes.Status200OK;
            // The load balancer has reduced the list to the one it chose.
            feature.AvailableDestinations = untried;
            await next(http);
        }
    });

    private static bool NeverArrived(HttpContext http) =>
        !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested
        && http.GetForwarderErrorFeature() is
        {
            Error: ForwarderError.Request,
            Exception: HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError },
        };
}
