using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Forwards a live session's socket to the engine that has the session, whose id the session's id begins with. There is
/// no balancing, and an engine that is marked unhealthy is tried all the same: it may be back.
/// </summary>
internal static class SessionSockets
{
    public const string Path = "/ws/{**session}";

    public static void UseSessionSockets(this IReverseProxyApplicationBuilder proxy) => proxy.Use((http, next) =>
    {
        var feature = http.GetReverseProxyFeature();
        if (feature.Route.Config.RouteId != Path)
            return next(http);
        var session = http.Request.Path.Value!.AsSpan();
        session = session[(session.LastIndexOf('/') + 1)..];
        var engine = session.IndexOf('.') is > 0 and var dot ? session[..dot].ToString() : "";
        if (feature.AllDestinations.FirstOrDefault(destination => destination.DestinationId == engine) is not { } found)
        {
            return Problems.NotFound(ErrorCodes.SessionNotFound, "There is no such session here (any more): its engine is not known.")
                .ExecuteAsync(http);
        }
        feature.AvailableDestinations = [found];
        return next(http);
    });
}
