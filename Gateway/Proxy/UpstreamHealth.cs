using Microsoft.Extensions.Diagnostics.HealthChecks;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// One health check for each service, from the gateway's probes. At worst degraded: the gateway itself works, and
/// stopping it would make the other services unreachable too.
/// </summary>
internal sealed class UpstreamHealth(IProxyStateLookup proxy, string service) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!proxy.TryGetCluster(service, out var cluster) || cluster.Destinations.IsEmpty)
            return Task.FromResult(HealthCheckResult.Degraded("not referenced"));

        var replicas = cluster.Destinations.Values.ToList();
        // A replica that was not probed yet counts as healthy.
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
