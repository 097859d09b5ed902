using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Passive health: a replica that could not be reached gets no requests for a while. (YARP's own policy needs a rate of
/// failures over a window; here one refused connection is enough.)
/// </summary>
internal sealed class FirstFailure(IDestinationHealthUpdater health) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "first_failure";

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        if (context.GetForwarderErrorFeature() is { Error: ForwarderError.Request, Exception: HttpRequestException }
            && cluster.Model.Config.HealthCheck?.Passive?.ReactivationPeriod is { } pause)
        {
            health.SetPassive(cluster, destination, DestinationHealth.Unhealthy, pause);
        }
    }
}
