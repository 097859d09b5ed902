using Lyceum.EngineClient;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Sends nothing new to an engine that says it drains, where there is another: the directory says so sooner than a
/// probe finds out. Sockets of its sessions go to it all the same (<see cref="SessionSockets"/>).
/// </summary>
internal static class DrainingEngines
{
    public static void UseDrainingEngines(this IReverseProxyApplicationBuilder proxy) => proxy.Use((http, next) =>
    {
        var engines = http.RequestServices.GetRequiredService<EngineDirectory>().Announced;
        var feature = http.GetReverseProxyFeature();
        if (feature.Cluster.Config.ClusterId == Routes.GpuEngine && engines.Any(engine => engine.IsDraining))
        {
            List<DestinationState> others = [.. feature.AvailableDestinations.Where(destination =>
                !engines.Any(engine => engine.IsDraining && IsAt(destination, engine.Url)))];
            if (others.Count > 0)
                feature.AvailableDestinations = others;
        }
        return next(http);
    });

    private static bool IsAt(DestinationState destination, Uri engine) =>
        Uri.TryCreate(destination.Model.Config.Address, UriKind.Absolute, out var address)
        && address.Authority.Equals(engine.Authority, StringComparison.OrdinalIgnoreCase);
}
