using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.ServiceDiscovery;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Replaces the service's name in <see cref="ProxyConfig"/> by its replicas, and follows their changes. Addresses from
/// the directory of engines are kept. Microsoft.Extensions.ServiceDiscovery.Yarp does not fit (docs/adr/0027): it looks
/// up each address, engines' own too, and gives destinations other ids, by which a live session's engine is no longer
/// found.
/// </summary>
internal sealed class ReplicaResolver(ServiceEndpointResolver services) : IDestinationResolver
{
    /// <summary>
    /// In each cluster the destination that stands for all configured replicas. No engine has this id: ids are names of
    /// hosts or resources.
    /// </summary>
    public const string Configured = "(configured)";

    public async ValueTask<ResolvedDestinationCollection> ResolveDestinationsAsync(
        IReadOnlyDictionary<string, DestinationConfig> destinations, CancellationToken cancellationToken)
    {
        // Each cluster names its service, and may have further destinations: engines, of which one may have the service's name.
        var named = destinations[Configured];
        var service = new Uri(named.Address).Host;
        var found = await services.GetEndpointsAsync(named.Address, cancellationToken);
        var resolved = destinations.Where(destination => destination.Key != Configured)
            .ToDictionary(destination => destination.Key, destination => destination.Value, StringComparer.Ordinal);
        var known = resolved.Values.Select(destination => new Uri(destination.Address)).ToHashSet();
        foreach (var (index, address) in found.Addresses().Index())
        {
            if (!known.Contains(address))
                resolved.TryAdd(ServiceAddresses.ReplicaName(service, index), named with { Address = address.ToString() });
        }
        return new(resolved, found.ChangeToken);
    }
}
