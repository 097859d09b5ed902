using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <summary>
    /// Sets <c>ConnectionStrings__{connectionName}</c>, and <c>{CONNECTIONNAME}_{PROPERTY}</c> for each property of the
    /// connection.
    /// </summary>
    /// <param name="optional">Whether the connection string may be missing; otherwise the process does not start without it.</param>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithConnectionString> source,
        string? connectionName = null, bool optional = false)
        where TDestination : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(source);

        var resource = source.Resource;
        var name = connectionName ?? resource.Name;
        builder.WithReferenceRelationship(resource);

        return builder.WithEnvironment(context =>
        {
            var flags = ReferenceFlags(context.Resource);
            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ConnectionString))
            {
                context.EnvironmentVariables[resource.ConnectionStringEnvironmentVariable ?? $"ConnectionStrings__{name}"] =
                    new ConnectionStringReference(resource, optional);
            }

            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ConnectionProperties))
            {
                var prefix = name.Length == 0 ? "" : $"{EncodeVariable(name).ToUpperInvariant()}_";
                foreach (var (property, value) in resource.GetConnectionProperties())
                    context.EnvironmentVariables[prefix + property.ToUpperInvariant()] = value;
                foreach (var property in resource.Annotations.OfType<ConnectionPropertyAnnotation>())
                    context.EnvironmentVariables[prefix + property.Name.ToUpperInvariant()] = property.Value;
            }
        });
    }

    /// <summary>Sets <c>services__{name}__{endpoint}__0</c> and <c>{NAME}_{ENDPOINT}</c> for each endpoint of the source.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source)
        where TDestination : IResourceWithEnvironment
        => builder.WithEndpoints((source
            ?? throw new ArgumentNullException(nameof(source))).Resource, endpoint: null, name: null);

    /// <inheritdoc cref="WithReference{TDestination}(IResourceBuilder{TDestination}, IResourceBuilder{IResourceWithServiceDiscovery})"/>
    /// <param name="name">The name by which the destination knows the source.</param>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source, string name)
        where TDestination : IResourceWithEnvironment
        => builder.WithEndpoints((source
            ?? throw new ArgumentNullException(nameof(source))).Resource, endpoint: null, name);

    /// <summary>The same for one endpoint.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, EndpointReference endpointReference)
        where TDestination : IResourceWithEnvironment
        => builder.WithEndpoints(
            (endpointReference ?? throw new ArgumentNullException(nameof(endpointReference))).Resource,
            endpointReference.EndpointName, name: null);

    /// <summary>Sets <c>services__{name}__default__0</c> and <c>{name}</c> to an address outside of the application.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, string name, Uri uri)
        where TDestination : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!uri.IsAbsoluteUri || uri.Fragment.Length > 0 || uri.Query.Length > 0)
        {
            throw new InvalidOperationException(
                $"The URI for service reference '{name}' must be absolute and have neither query nor fragment.");
        }

        return builder.WithEnvironment(context =>
        {
            var flags = ReferenceFlags(context.Resource);
            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ServiceDiscovery))
                context.EnvironmentVariables[$"services__{name}__default__0"] = uri.ToString();
            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.Endpoints))
                context.EnvironmentVariables[EncodeVariable(name)] = uri.ToString();
        });
    }

    /// <summary>Which variables references set on this resource; all of them unless said.</summary>
    public static IResourceBuilder<TDestination> WithReferenceEnvironment<TDestination>(
        this IResourceBuilder<TDestination> builder, ReferenceEnvironmentInjectionFlags flags)
        where TDestination : IResourceWithEnvironment
        => builder.WithAnnotation(new ReferenceEnvironmentInjectionAnnotation(flags));

    public static ReferenceExpression GetConnectionProperty(this IResourceWithConnectionString resource, string key)
    {
        ArgumentNullException.ThrowIfNull(resource);
        return resource.GetConnectionProperties()
            .First(p => p.Key.Equals(key, StringComparison.OrdinalIgnoreCase)).Value;
    }

    public static IResourceBuilder<T> WithConnectionProperty<T>(
        this IResourceBuilder<T> builder, string name, ReferenceExpression value)
        where T : IResourceWithConnectionString
        => builder.WithAnnotation(new ConnectionPropertyAnnotation(name, value));

    public static IResourceBuilder<T> WithConnectionProperty<T>(
        this IResourceBuilder<T> builder, string name, string value)
        where T : IResourceWithConnectionString
        => builder.WithConnectionProperty(name, ReferenceExpression.Create($"{value}"));

    public static IResourceBuilder<T> WithConnectionStringRedirection<T>(
        this IResourceBuilder<T> builder, IResourceWithConnectionString resource)
        where T : IResourceWithConnectionString
        => builder.WithAnnotation(new ConnectionStringRedirectAnnotation(resource), ResourceAnnotationMutationBehavior.Replace);

    /// <summary>Letters, digits and underscores, not beginning with a digit.</summary>
    internal static string EncodeVariable(string name)
    {
        var encoded = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return encoded.Length == 0 || char.IsAsciiDigit(encoded[0]) ? $"_{encoded}" : encoded;
    }

    private static IResourceBuilder<T> WithEndpoints<T>(
        this IResourceBuilder<T> builder, IResourceWithEndpoints source, string? endpoint, string? name)
        where T : IResourceWithEnvironment
    {
        // References to several endpoints of one source share one annotation and one callback.
        var reference = builder.Resource.Annotations
            .OfType<EndpointReferenceAnnotation>().FirstOrDefault(r => r.Resource == source);
        if (reference is null)
        {
            reference = new EndpointReferenceAnnotation(source);
            builder.WithAnnotation(reference);
            builder.WithEnvironment(context => AddEndpoints(context, reference, name));
        }

        if (endpoint is null)
            reference.UseAllEndpoints = true;
        else
            reference.EndpointNames.Add(endpoint);
        return builder.WithReferenceRelationship(source);
    }

    private static void AddEndpoints(
        EnvironmentCallbackContext context, EndpointReferenceAnnotation reference, string? name)
    {
        var flags = ReferenceFlags(context.Resource);
        var service = name ?? reference.Resource.Name;
        foreach (var endpoint in reference.Resource.GetEndpoints(reference.ContextNetworkId))
        {
            if (!reference.EndpointNames.Contains(endpoint.EndpointName)
                && !(reference.UseAllEndpoints && !endpoint.ExcludeReferenceEndpoint))
            {
                continue;
            }

            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.Endpoints))
            {
                var prefix = EncodeVariable(name ?? service.ToUpperInvariant());
                context.EnvironmentVariables[$"{prefix}_{EncodeVariable(endpoint.EndpointName).ToUpperInvariant()}"] = endpoint;
            }

            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ServiceDiscovery))
            {
                var scheme = endpoint.IsHttpSchemeNamedEndpoint ? endpoint.Scheme : endpoint.EndpointName;
                var index = 0;
                while (context.EnvironmentVariables.ContainsKey($"services__{service}__{scheme}__{index}"))
                    index++;
                context.EnvironmentVariables[$"services__{service}__{scheme}__{index}"] = endpoint;
            }
        }
    }

    private static ReferenceEnvironmentInjectionFlags ReferenceFlags(IResource resource)
        => resource.TryGetLastAnnotation<ReferenceEnvironmentInjectionAnnotation>(out var annotation)
            ? annotation.Flags
            : ReferenceEnvironmentInjectionFlags.All;
}
