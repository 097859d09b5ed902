using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// YARP's configuration: the route table, the services by name, and the engines that have announced themselves to the
/// directory.
/// </summary>
internal static class ProxyConfig
{
    /// <summary>A dead replica is detected by the first request to it, or by a probe within this.</summary>
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromSeconds(2);

    public static InMemoryConfigProvider Create(EngineDirectory engines, IOptions<AnswersOptions> answers)
    {
        var provider = new InMemoryConfigProvider([.. Routes.All.Select(Route)], Clusters());
        engines.Changed += () => provider.Update([.. Routes.All.Select(Route)], Clusters());
        return provider;

        ClusterConfig[] Clusters() => [.. Routes.All.Select(route => route.Service).Distinct()
            .Select(service => Cluster(service, Replicas(service), answers.Value))];

        IEnumerable<(string Name, string Address)> Replicas(string service) =>
        [
            (ReplicaResolver.Configured, ServiceAddresses.Query(service)),
            .. service == Routes.GpuEngine ? engines.Announced.Select(engine => (engine.Id, engine.Url.ToString())) : [],
        ];
    }

    private static RouteConfig Route(GatewayRoute route) => new()
    {
        RouteId = route.Id,
        ClusterId = route.Service,
        Match = new RouteMatch
        {
            Path = route.Path,
            QueryParameters = route.Query is null ? null : [new RouteQueryParameter { Name = route.Query, Mode = QueryParameterMatchMode.Exists }],
        },
        AuthorizationPolicy = route.Scope ?? "Anonymous",
    };

    private static ClusterConfig Cluster(string service, IEnumerable<(string Name, string Address)> replicas, AnswersOptions answers) => new()
    {
        ClusterId = service,
        // Compares requests in flight, which take long here.
        LoadBalancingPolicy = LoadBalancingPolicies.PowerOfTwoChoices,
        HttpRequest = new ForwarderRequestConfig
        {
            ActivityTimeout = Routes.AnswersWhole(service) ? answers.WholeAnswerTimeout : answers.GatewayActivityTimeout,
        },
        HealthCheck = new HealthCheckConfig
        {
            // When no replica is healthy, requests are forwarded all the same: a service's own 503 says more than the
            // gateway's, and the first replica that is back serves at once.
            AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
            Active = new ActiveHealthCheckConfig
            {
                Enabled = true,
                Path = "/health",
                Interval = ProbeInterval,
                Timeout = ProbeInterval,
                Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
            },
            Passive = new PassiveHealthCheckConfig
            {
                Enabled = true,
                Policy = FirstFailure.PolicyName,
                ReactivationPeriod = ProbeInterval * 2,
            },
        },
        Destinations = replicas
            .ToDictionary(
                replica => replica.Name,
                replica => new DestinationConfig { Address = replica.Address },
                StringComparer.Ordinal),
    };
}
