using Microsoft.Extensions.Configuration;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Where other services are, read from the variables Aspire sets for references (<c>services:{name}:http:0</c>). Each
/// replica is a resource of its own: <c>chat-api</c>, <c>chat-api-2</c>, …
/// </summary>
public sealed class ServiceEndpoints(IConfiguration configuration)
{
    /// <summary>The base addresses of a service and of its replicas, in order; empty when none is referenced.</summary>
    public IReadOnlyList<Uri> All(string service) =>
    [
        .. configuration.GetSection("services").GetChildren()
            .Select(resource => (resource, replica: ReplicaOf(service, resource.Key)))
            .Where(found => found.replica is not null)
            .OrderBy(found => found.replica)
            .SelectMany(found => Addresses(found.resource)),
    ];

    /// <summary>1 for the service itself, n for <c>{service}-n</c>, null for others.</summary>
    private static int? ReplicaOf(string service, string resource)
    {
        if (string.Equals(resource, service, StringComparison.OrdinalIgnoreCase))
            return 1;
        return resource.StartsWith(service + "-", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(resource.AsSpan(service.Length + 1), out var replica) && replica > 1
                ? replica
                : null;
    }

    /// <summary>Plain HTTP where offered (everything stands on loopback or in a mesh), HTTPS otherwise.</summary>
    private static IEnumerable<Uri> Addresses(IConfigurationSection resource)
    {
        var scheme = resource.GetSection("http").GetChildren().Any() ? "http" : "https";
        return resource.GetSection(scheme).GetChildren()
            .Where(address => !string.IsNullOrWhiteSpace(address.Value))
            .Select(address => new Uri(address.Value!, UriKind.Absolute));
    }
}
