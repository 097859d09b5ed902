using Lyceum.AppHost.Infrastructure;
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
        var added = Provisioning.Decide(builder, name, data) switch
        {
            Provision.External => External(builder, name),
            Provision.Container => Container(builder, name, house),
            _ => Binaries(builder, name, data),
        };
        if (added is not var (resource, connectionString))
        {
            Console.Error.WriteLine(
                "warning: no RabbitMQ found, so services find out about each other's work by looking instead of being " +
                "told: all works, some of it later. Debian, Ubuntu: apt-get install rabbitmq-server.");
            return new MessageBroker(name, ConnectionString: null);
        }

        builder.Services.AddHealthChecks().Add(AmqpHandshake.Registration($"{name}_ready", connectionString));
        resource.WithHealthCheck($"{name}_ready").WithAnnotation(new ServerConnectionString(connectionString));
        return new MessageBroker(name, connectionString);
    }

    private static (IResourceBuilder<IResource>, ReferenceExpression)? External(
        IDistributedApplicationBuilder builder, string name)
    {
        var connectionString = ReferenceExpression.Create($"{builder.Configuration.GetConnectionString(name)}");
        return (builder.AddConnectionString(name, connectionString), connectionString);
    }

    private static (IResourceBuilder<IResource>, ReferenceExpression)? Binaries(
        IDistributedApplicationBuilder builder, string name, string data)
    {
        var script = Path.Combine(builder.AppHostDirectory, "Infrastructure", "rabbitmq.sh");
        if (!Tool.Succeeds(script, TimeSpan.FromSeconds(10), "--check"))
            return null;

        var password = builder.AddParameter("messaging-password", secret: true);
        var broker = builder.AddExecutable(name, script, builder.AppHostDirectory)
            .WithEndpoint(name: "tcp", scheme: "tcp", env: "AMQP_PORT")
            .WithEndpoint(name: "epmd", scheme: "tcp", env: "ERL_EPMD_PORT")
            .WithEndpoint(name: "erlang", scheme: "tcp", env: "RABBITMQ_DIST_PORT")
            .WithEnvironment("BROKER_DATA", data)
            .WithEnvironment("BROKER_USER", User)
            .WithEnvironment("BROKER_PASSWORD", password)
            .WithEnvironment("BROKER_COOKIE", builder.AddParameter("erlang-cookie", secret: true));
        return (broker, ConnectionString(broker.GetEndpoint("tcp"), password));
    }

#if FULLFEED
    private static (IResourceBuilder<IResource>, ReferenceExpression)? Container(
        IDistributedApplicationBuilder builder, string name, House house)
    {
        var password = builder.AddParameter("messaging-password", secret: true);
        var user = builder.AddParameter("messaging-user", User);
        var broker = builder.AddRabbitMQ(name, user, password).WithDataVolume(ContainerNames.For(house, name));
        return (broker, broker.Resource.ConnectionStringExpression);
    }
#else
    private static (IResourceBuilder<IResource>, ReferenceExpression)? Container(
        IDistributedApplicationBuilder builder, string name, House house)
    {
        var password = builder.AddParameter("messaging-password", secret: true);
        var broker = builder
            .AddContainerCommand(
                name, house, "docker.io/library/rabbitmq:4", 5672, "/var/lib/rabbitmq",
                ["RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"])
            .WithEnvironment("RABBITMQ_DEFAULT_USER", User)
            .WithEnvironment("RABBITMQ_DEFAULT_PASS", password);
        return (broker, ConnectionString(broker.GetEndpoint("tcp"), password));
    }
#endif

    private static ReferenceExpression ConnectionString(
        EndpointReference endpoint, IResourceBuilder<ParameterResource> password) =>
        ReferenceExpression.Create(
            $"amqp://{User}:{password}@{endpoint.Property(EndpointProperty.Host)}:{endpoint.Property(EndpointProperty.Port)}");
}
