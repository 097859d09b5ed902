using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Extensions.ServiceDiscovery;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Replaces the service's name in <see cref="ProxyConfig"/> by its replicas, and follows their changes. An address whose host is a name
/// with several addresses, as a headless Service of Kubernetes, stands for as many replicas. Addresses from the directory of engines are
/// kept. Neither Microsoft.Extensions.ServiceDiscovery.Yarp (docs/adr/0027) nor YARP's own resolver by DNS (docs/adr/0054) fits: they look
/// up each address, engines' own too, and give destinations other ids, by which a live session's engine is no longer found.
/// </summary>
internal sealed class ReplicaResolver(ServiceEndpointResolver services, HostAddresses hosts) : IDestinationResolver
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
        List<IChangeToken> changes = [found.ChangeToken];
        foreach (var (index, address) in found.Addresses().Index())
        {
            if (known.Contains(address))
                continue;
            var name = ServiceAddresses.ReplicaName(service, index);
            if (!MayBeMany(address))
            {
                resolved.TryAdd(name, named with { Address = address.ToString() });
                continue;
            }
            var (behind, changed) = await hosts.FindAsync(address.Host, cancellationToken);
            changes.Add(changed);
            if (behind.Count < 2)
            {
                // The name itself, also while nobody has it: then the caller is told so.
                resolved.TryAdd(name, named with { Address = address.ToString() });
            }
            else if (known.Count == 0) // else they are the engines, which say better where they are
            {
                foreach (var one in behind)
                    resolved.TryAdd($"{name}[{one}]", named with { Address = new UriBuilder(address) { Host = one.ToString() }.Uri.ToString() });
            }
        }
        return new(resolved, new CompositeChangeToken(changes));
    }

    // TLS wants a name; localhost is this machine, by two addresses.
    private static bool MayBeMany(Uri address) =>
        address.HostNameType == UriHostNameType.Dns && address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback
        && !address.Host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
}
