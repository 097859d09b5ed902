using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

/// <summary>Adds connection strings that are made of other resources' values.</summary>
public static class ConnectionStringBuilderExtensions
{
    public static IResourceBuilder<ConnectionStringResource> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, Action<ReferenceExpressionBuilder> connectionStringBuilder)
    {
        ArgumentNullException.ThrowIfNull(connectionStringBuilder);

        var expression = new ReferenceExpressionBuilder();
        connectionStringBuilder(expression);
        return builder.AddConnectionString(name, expression.Build());
    }

    /// <summary>It runs once the resources that it is made of do, and all that it waits for is there.</summary>
    public static IResourceBuilder<ConnectionStringResource> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, ReferenceExpression connectionStringExpression)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(connectionStringExpression);

        var connectionString = builder.AddResource(new ConnectionStringResource(name, connectionStringExpression))
            .WithInitialState(new CustomResourceSnapshot
            {
                ResourceType = KnownResourceTypes.ConnectionString,
                State = KnownResourceStates.NotStarted,
                Properties = [],
            });

        foreach (var part in PartsOf(connectionStringExpression)
            .Where(r => r is not IResourceWithoutLifetime).Distinct())
            connectionString.WaitForStart(builder.CreateResourceBuilder(part)).WithReferenceRelationship(part);

        return connectionString.OnInitializeResource(async (resource, e, ct) =>
        {
            await e.Eventing.PublishAsync(new BeforeResourceStartedEvent(resource, e.Services), ct);
            await e.Notifications.PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.Running });
            await e.Eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, e.Services), ct);
        });
    }

    private static IEnumerable<IResource> PartsOf(ReferenceExpression expression)
    {
        foreach (var value in expression.ValueProviders)
        {
            if (value is IResource resource)
                yield return resource;
            else if (value is IValueWithReferences { References: var references })
            {
                foreach (var inner in references.OfType<IResource>())
                    yield return inner;
            }
        }
    }
}
