using System.Diagnostics.CodeAnalysis;
using Aspire.Hosting.Orchestration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Asks resources about their annotations.</summary>
public static class ResourceExtensions
{
    public static bool HasAnnotationOfType<T>(this IResource resource)
        where T : IResourceAnnotation
        => resource.Annotations.OfType<T>().Any();

    public static bool TryGetLastAnnotation<T>(this IResource resource, [NotNullWhen(true)] out T? annotation)
        where T : IResourceAnnotation
    {
        annotation = resource.Annotations.OfType<T>().LastOrDefault();
        return annotation is not null;
    }

    public static bool TryGetAnnotationsOfType<T>(
        this IResource resource, [NotNullWhen(true)] out IEnumerable<T>? result)
        where T : IResourceAnnotation
    {
        var annotations = resource.Annotations.OfType<T>().ToList();
        result = annotations.Count > 0 ? annotations : null;
        return result is not null;
    }

    /// <summary>Also those of its parent, and of its parent's parent.</summary>
    public static bool TryGetAnnotationsIncludingAncestorsOfType<T>(
        this IResource resource, [NotNullWhen(true)] out IEnumerable<T>? result)
        where T : IResourceAnnotation
    {
        var annotations = new List<T>();
        for (var current = resource; current is not null; current = (current as IResourceWithParent)?.Parent)
            annotations.AddRange(current.Annotations.OfType<T>());
        result = annotations.Count > 0 ? annotations : null;
        return result is not null;
    }

    public static bool TryGetEndpoints(
        this IResource resource, [NotNullWhen(true)] out IEnumerable<EndpointAnnotation>? endpoints)
        => resource.TryGetAnnotationsOfType(out endpoints);

    public static bool TryGetUrls(
        this IResource resource, [NotNullWhen(true)] out IEnumerable<ResourceUrlAnnotation>? urls)
        => resource.TryGetAnnotationsOfType(out urls);

    public static bool TryGetEnvironmentVariables(
        this IResource resource, [NotNullWhen(true)] out IEnumerable<EnvironmentCallbackAnnotation>? environmentVariables)
        => resource.TryGetAnnotationsOfType(out environmentVariables);

    public static IEnumerable<EndpointReference> GetEndpoints(this IResourceWithEndpoints resource)
        => resource.Annotations.OfType<EndpointAnnotation>().Select(e => new EndpointReference(resource, e));

    public static IEnumerable<EndpointReference> GetEndpoints(
        this IResourceWithEndpoints resource, NetworkIdentifier contextNetworkId)
        => resource.Annotations
            .OfType<EndpointAnnotation>().Select(e => new EndpointReference(resource, e, contextNetworkId));

    /// <summary>The endpoint need not exist yet.</summary>
    public static EndpointReference GetEndpoint(this IResourceWithEndpoints resource, string endpointName)
        => new(resource, endpointName);

    /// <inheritdoc cref="GetEndpoint(IResourceWithEndpoints, string)"/>
    public static EndpointReference GetEndpoint(
        this IResourceWithEndpoints resource, string endpointName, NetworkIdentifier contextNetworkId)
        => new(resource, endpointName, contextNetworkId);

    /// <summary>Always one: here each replica is a resource of its own.</summary>
    public static int GetReplicaCount(this IResource resource) => 1;

    /// <summary>The environment that the resource's process would get; waits for endpoints to be allocated.</summary>
    public static async ValueTask<Dictionary<string, string>> GetEnvironmentVariableValuesAsync(
        this IResourceWithEnvironment resource,
        DistributedApplicationOperation applicationOperation = DistributedApplicationOperation.Run)
        => await LaunchPlanner.EnvironmentAsync(
            resource, new DistributedApplicationExecutionContext(applicationOperation), NullLogger.Instance, CancellationToken.None);

    /// <summary>The command line that the resource's process would get; waits for endpoints to be allocated.</summary>
    public static async ValueTask<string[]> GetArgumentValuesAsync(
        this IResourceWithArgs resource,
        DistributedApplicationOperation applicationOperation = DistributedApplicationOperation.Run)
        => [.. await LaunchPlanner.ArgumentsAsync(
            resource, new DistributedApplicationExecutionContext(applicationOperation), NullLogger.Instance, CancellationToken.None)];
}

/// <summary>Asks projects about where they lie.</summary>
public static class ProjectResourceExtensions
{
    public static IEnumerable<ProjectResource> GetProjectResources(this DistributedApplicationModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Resources.OfType<ProjectResource>();
    }

    public static IProjectMetadata GetProjectMetadata(this ProjectResource projectResource)
    {
        ArgumentNullException.ThrowIfNull(projectResource);
        return projectResource.Annotations.OfType<IProjectMetadata>().Single();
    }
}
