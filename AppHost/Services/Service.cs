using Lyceum.AppHost.Publishing;
using Microsoft.Extensions.Configuration;

namespace Lyceum.AppHost;

/// <summary>
/// One service with all its replicas. Each replica is a resource of its own (<c>chat-api</c>, <c>chat-api-2</c>), so that
/// it can be addressed, killed and watched; what is said here is said to each of them.
/// </summary>
public sealed class Service
{
    internal Service(string name, IReadOnlyList<IResourceBuilder<ProjectResource>> replicas)
    {
        Name = name;
        Replicas = replicas;
    }

    public string Name { get; }

    public IReadOnlyList<IResourceBuilder<ProjectResource>> Replicas { get; }

    /// <summary>Gives each replica its pool on <paramref name="database"/>; it starts when the database is there.</summary>
    /// <param name="minPoolSize">Connections that each replica keeps open.</param>
    public Service WithDatabase(Database database, int minPoolSize = 5)
    {
        ArgumentNullException.ThrowIfNull(database);
        foreach (var replica in Replicas)
        {
            database.Server.AddInstances(replica.Resource.GetReplicaCount());
            // A server that died is started again (Supervisor): waiting for it goes on meanwhile, also in tests.
            replica.WaitFor(database.Resource, WaitBehavior.WaitOnResourceUnavailable);
            replica.WithEnvironment(context =>
            {
                var pool = database.Server.PoolSettings(minPoolSize, replica.Resource.Name);
                context.EnvironmentVariables[$"ConnectionStrings__{database.Name}"] =
                    ReferenceExpression.Create($"{pool};{database.ConnectionString}");
            });
        }
        return this;
    }

    /// <summary>Tells each replica where the broker is, if there is one. Nobody waits for it: messages are hints.</summary>
    public Service WithMessaging(MessageBroker broker)
    {
        ArgumentNullException.ThrowIfNull(broker);
        if (broker.ConnectionString is { } connectionString)
        {
            foreach (var replica in Replicas)
                replica.WithEnvironment($"ConnectionStrings__{broker.Name}", connectionString);
        }
        return this;
    }

    /// <summary>Service discovery: each replica here is told the address of every replica of <paramref name="other"/>.</summary>
    public Service WithReference(Service other)
    {
        ArgumentNullException.ThrowIfNull(other);
        foreach (var replica in Replicas)
        {
            foreach (var (index, target) in other.Replicas.Index())
            {
                // As Aspire's WithReference, which knows one resource per name: services:chat-api:http:0, :1, …
                var address = AddressOf(target);
                replica.WithEnvironment($"services__{other.Name}__{address.EndpointName}__{index}", address)
                    .WithReferenceRelationship(target);
            }
        }
        return this;
    }

    /// <summary>
    /// Where others reach a replica: by HTTPS where it is published, else by HTTP.
    /// </summary>
    internal static EndpointReference AddressOf(IResourceBuilder<ProjectResource> replica) =>
        replica.GetEndpoint(replica.Resource.Annotations.OfType<EndpointAnnotation>().Any(endpoint => endpoint.Name == "https") ? "https" : "http");

    /// <summary>Passes on a section of AppHost's own configuration as it stands (<c>Llm</c>: <c>Llm__Endpoint</c>, …).</summary>
    internal Service WithSection(IConfiguration configuration, string section) =>
        WithSettings(configuration.GetSection(section), prefix: section);

    /// <summary>Every value below <paramref name="section"/> as an environment variable of each replica.</summary>
    internal Service WithSettings(IConfigurationSection section, string prefix = "")
    {
        foreach (var (key, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (key.Length == 0 || value is null)
                continue;
            var name = (prefix.Length == 0 ? key : $"{prefix}:{key}").Replace(":", "__", StringComparison.Ordinal);
            foreach (var replica in Replicas)
                replica.WithSetting(name, value);
        }
        return this;
    }
}
