using Microsoft.Extensions.Diagnostics.HealthChecks;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// The services as the gateway's probes see them, one check each. At worst degraded: the door itself works, and taking
/// it away would take the other services away too.
/// </summary>
internal sealed class UpstreamHealth(IProxyStateLookup proxy, string service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!proxy.TryGetCluster(service, out var cluster) || cluster.Destinations.IsEmpty)
            return Task.FromResult(HealthCheckResult.Degraded("not referenced"));

        var replicas = cluster.Destinations.Values.ToList();
        // Not yet probed counts as well: a gateway that just started has no reason to complain.
        var well = replicas.Count(replica =>
            replica.Health.Active != DestinationHealth.Unhealthy && replica.Health.Passive != DestinationHealth.Unhealthy);
        var detail = $"{well} of {replicas.Count} replicas well";
        return Task.FromResult(well == replicas.Count ? HealthCheckResult.Healthy(detail) : HealthCheckResult.Degraded(detail));
    }
}

internal static class UpstreamHealthExtensions
{
    public static void AddUpstreams(this IHealthChecksBuilder checks)
    {
        foreach (var service in Routes.All.Select(route => route.Service).Distinct())
        {
            checks.Add(new HealthCheckRegistration(
                service, provider => new UpstreamHealth(provider.GetRequiredService<IProxyStateLookup>(), service),
                HealthStatus.Degraded, tags: null));
        }
    }
}
