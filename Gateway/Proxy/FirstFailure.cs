using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Passive health: a replica that could not be reached once is left alone for a while. (YARP's own policy wants a rate of
/// failures over a window; a refused connection to a process next door is no statistic.)
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
