using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.ServiceDiscovery;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Puts a service's replicas where <see cref="ProxyConfig"/> names the service, and follows them when they change. Addresses that the
/// directory of engines gave are taken as they are. Microsoft.Extensions.ServiceDiscovery.Yarp does not fit (docs/adr/0027): it looks
/// up each address, engines' own too, and gives destinations other ids, by which a live session's engine is no longer found.
/// </summary>
internal sealed class ReplicaResolver(ServiceEndpointResolver services) : IDestinationResolver
{
    public async ValueTask<ResolvedDestinationCollection> ResolveDestinationsAsync(
        IReadOnlyDictionary<string, DestinationConfig> destinations, CancellationToken cancellationToken)
    {
        // Each cluster names its service, and may have further destinations.
        var (service, named) = destinations.Single(destination => destination.Value.Address == ServiceAddresses.Query(destination.Key));
        var found = await services.GetEndpointsAsync(named.Address, cancellationToken);
        var resolved = destinations.Where(destination => destination.Key != service)
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
