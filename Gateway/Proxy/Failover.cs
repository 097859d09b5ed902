using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends a request that a replica did not take on to the next one. Only when no connection came about: then nothing was
/// sent, so this repeats no POST, and the caller of a killed replica notices nothing.
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
            // The load balancer behind this chose one of the list and left only that.
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
