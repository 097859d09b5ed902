using Lyceum.AppHost.Infrastructure;
using Lyceum.AppHost.Publishing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.AppHost;

/// <summary>
/// RabbitMQ, however it came to be. Its messages are hints: nothing waits for it, and where none can be had the system
/// runs without one.
/// </summary>
/// <param name="Name">The connection string's name.</param>
/// <param name="ConnectionString"><c>amqp://user:password@host:port</c>; null without a broker.</param>
public sealed record MessageBroker(string Name, ReferenceExpression? ConnectionString);

/// <summary>Adds RabbitMQ to the model: external, container or this machine's binaries.</summary>
public static class MessageBrokerExtensions
{
    private const string User = "lyceum";

    public static MessageBroker AddMessageBroker(this IDistributedApplicationBuilder builder, string name, House house)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(house);

        var data = house.PathOf("rabbitmq");
        var isPublished = builder.ExecutionContext.IsPublishMode;
        return Provisioning.Decide(builder, name, data) switch
        {
            Provision.External when isPublished => builder.AddPublishedExternalBroker(name),
            Provision.Container when isPublished => builder.AddPublishedRabbitMq(name, User),
            Provision.External => External(builder, name),
            Provision.Container => Container(builder, name, house),
            _ => Binaries(builder, name, data),
        };
    }

    private static MessageBroker Container(IDistributedApplicationBuilder builder, string name, House house)
    {
        var password = builder.AddParameter("messaging-password", secret: true);
        var user = builder.AddParameter("messaging-user", User);
        var broker = builder.AddRabbitMQ(name, user, password).WithDataVolume(ContainerNames.For(house, name)).WithRestarts();
        return new MessageBroker(name, broker.Resource.ConnectionStringExpression);
    }

    private static MessageBroker External(IDistributedApplicationBuilder builder, string name)
    {
        var connectionString = ReferenceExpression.Create($"{builder.Configuration.GetConnectionString(name)}");
        return WithoutContainer(builder, builder.AddConnectionString(name, connectionString), connectionString);
    }

    private static MessageBroker Binaries(IDistributedApplicationBuilder builder, string name, string data)
    {
        var script = Path.Combine(builder.AppHostDirectory, "Infrastructure", "rabbitmq.sh");
        if (!Tool.Succeeds(script, TimeSpan.FromSeconds(10), "--check"))
        {
            Console.Error.WriteLine(
                "warning: no RabbitMQ found, so services find out about each other's work by polling instead of messages: " +
                "all works, some of it later. Debian, Ubuntu: apt-get install rabbitmq-server.");
            return new MessageBroker(name, ConnectionString: null);
        }

        var password = builder.AddParameter("messaging-password", secret: true);
        var broker = builder.AddExecutable(name, script, builder.AppHostDirectory)
            .WithEndpoint(name: "tcp", scheme: "tcp", env: "AMQP_PORT", isProxied: false)
            .WithEndpoint(name: "epmd", scheme: "tcp", env: "ERL_EPMD_PORT", isProxied: false)
            .WithEndpoint(name: "erlang", scheme: "tcp", env: "RABBITMQ_DIST_PORT", isProxied: false)
            .WithEnvironment("BROKER_DATA", data)
            .WithEnvironment("BROKER_USER", User)
            .WithEnvironment("BROKER_PASSWORD", password)
            .WithEnvironment("BROKER_COOKIE", builder.AddParameter("erlang-cookie", secret: true));
        var endpoint = broker.GetEndpoint("tcp");
        return WithoutContainer(builder, broker, ReferenceExpression.Create(
            $"amqp://{User}:{password}@{endpoint.Property(EndpointProperty.Host)}:{endpoint.Property(EndpointProperty.Port)}"));
    }

    /// <summary>A readiness check, which Aspire's own RabbitMQ resource brings with it.</summary>
    private static MessageBroker WithoutContainer(
        IDistributedApplicationBuilder builder, IResourceBuilder<IResource> resource, ReferenceExpression connectionString)
    {
        var name = resource.Resource.Name;
        builder.Services.AddHealthChecks().Add(AmqpHandshake.Registration($"{name}_ready", connectionString));
        resource.WithHealthCheck($"{name}_ready").WithAnnotation(new ServerConnectionString(connectionString));
        return new MessageBroker(name, connectionString);
    }
}
