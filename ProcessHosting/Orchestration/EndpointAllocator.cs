using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Processes;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Orchestration;

/// <summary>Gives every endpoint of a resource its port, and the resource its links.</summary>
internal sealed class EndpointAllocator(
    PortAllocator ports, IConfiguration configuration, IDistributedApplicationEventing eventing,
    ResourceNotificationService notifications, ResourceLoggerService loggers,
    DistributedApplicationExecutionContext execution, IServiceProvider services)
{
    // Real Aspire's switch by the same name: tests set it, so that several applications run side by side.
    private readonly bool _randomize = configuration.GetValue("DcpPublisher:RandomizePorts", defaultValue: false);

    public async Task AllocateAsync(IResource resource, CancellationToken cancellationToken)
    {
        var endpoints = resource.Annotations.OfType<EndpointAnnotation>().ToList();
        foreach (var endpoint in endpoints.Where(e => e.AllocatedEndpoint is null))
        {
            var port = PortOf(resource, endpoint);
            endpoint.TargetPort ??= port;
            endpoint.AllocatedEndpoint = new AllocatedEndpoint(endpoint, AddressOf(endpoint), port, $"{endpoint.TargetPort}");
        }

        if (endpoints.Count > 0)
            await eventing.PublishAsync(new ResourceEndpointsAllocatedEvent(resource, services), cancellationToken);
        await PublishUrlsAsync(resource, endpoints, cancellationToken);
    }

    private int PortOf(IResource resource, EndpointAnnotation endpoint)
    {
        // A container's target port is inside the container; docker publishes it at the port.
        var inContainer = resource is ContainerResource;
        var mayChange = endpoint.IsProxied
            && resource.Annotations.OfType<ProxySupportAnnotation>().LastOrDefault()?.ProxyEnabled != false;
        var port = _randomize && mayChange ? null : endpoint.Port;

        // A process that listens at a port of its own choice has no proxy in front that could offer it at another one.
        return (inContainer ? null : endpoint.TargetPort) ?? port ?? ports.Allocate();
    }

    private static string AddressOf(EndpointAnnotation endpoint)
        => endpoint.TargetHost is "0.0.0.0" or "::" or "*" or "+" ? "localhost" : endpoint.TargetHost;

    private async Task PublishUrlsAsync(
        IResource resource, List<EndpointAnnotation> endpoints, CancellationToken cancellationToken)
    {
        List<ResourceUrlAnnotation> urls = [];
        if (resource is IResourceWithEndpoints owner)
        {
            urls.AddRange(endpoints.Select(e => new ResourceUrlAnnotation
            {
                Url = e.AllocatedEndpoint!.UriString,
                Endpoint = new EndpointReference(owner, e),
            }));
        }

        urls.AddRange(resource.Annotations.OfType<ResourceUrlAnnotation>());

        var context = new ResourceUrlsCallbackContext(execution, resource, urls, cancellationToken) { Logger = loggers.GetLogger(resource) };
        foreach (var callback in resource.Annotations.OfType<ResourceUrlsCallbackAnnotation>().ToList())
            await callback.Callback(context);

        // A callback may have made an endpoint's link relative: "/scalar".
        foreach (var url in urls.Where(u => u.Endpoint is not null && u.Url.StartsWith('/')))
            url.Url = url.Endpoint!.Url.TrimEnd('/') + url.Url;

        await notifications.PublishUpdateAsync(resource, s => s with
        {
            Urls = [.. urls.Select(u => new UrlSnapshot(u.Endpoint?.EndpointName, u.Url, u.DisplayLocation == UrlDisplayLocation.DetailsOnly)
            {
                IsInactive = u.Endpoint is not null,
                DisplayProperties = new UrlDisplayPropertiesSnapshot(u.DisplayText ?? ""),
            })],
        });
    }
}
