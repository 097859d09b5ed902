using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Every replica of a service, as Microsoft.Extensions.ServiceDiscovery knows them: <c>services:{name}:http:0</c>, <c>:1</c>, …, which
/// Aspire sets for references. The HTTP handler of that package is not used: it chooses a replica for the caller, and here a caller
/// must reach a certain one, or each once.
/// </summary>
public static class ServiceAddresses
{
    /// <summary>Plain HTTP where offered (everything stands on loopback or in a mesh), HTTPS otherwise.</summary>
    public static string Query(string service) => $"http+https://{service}";

    /// <summary>The base addresses of a service's replicas, in order; empty when none is referenced. Not resolved by DNS.</summary>
    public static async ValueTask<IReadOnlyList<Uri>> GetAddressesAsync(
        this ServiceEndpointResolver services, string service, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        var found = await services.GetEndpointsAsync(Query(service), cancellationToken);
        return found.Addresses();
    }

    /// <summary>A name that configuration does not have comes back as a host to ask DNS for: that is none.</summary>
    public static IReadOnlyList<Uri> Addresses(this ServiceEndpointSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return [.. source.Endpoints.Select(endpoint => endpoint.EndPoint).OfType<UriEndPoint>().Select(endpoint => endpoint.Uri)];
    }

    /// <summary>A replica's name, which AppHost gives it too: <c>chat-api</c>, <c>chat-api-2</c>, …</summary>
    public static string ReplicaName(string service, int index) => index == 0 ? service : $"{service}-{index + 1}";
}
