using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

/// <summary>Adds RabbitMQ brokers in containers.</summary>
public static class RabbitMQBuilderExtensions
{
    private const int PortInContainer = 5672;
    private const int ManagementPortInContainer = 15672;
    private const string Tag = "4.3";
    private const string DataDirectory = "/var/lib/rabbitmq";

    /// <summary>Healthy when it answers a client's first frame.</summary>
    /// <param name="password">Null generates one, which lives as long as the host: give one where there is a data volume.</param>
    public static IResourceBuilder<RabbitMQServerResource> AddRabbitMQ(
        this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null,
        IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var server = new RabbitMQServerResource(
            name, userName?.Resource,
            password?.Resource
                ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false));
        builder.Services.AddHealthChecks().AddAsyncCheck($"{name}_check", ct => CheckAsync(server.PrimaryEndpoint, ct));

        return builder.AddContainer(server, "library/rabbitmq", Tag, "docker.io")
            .WithEndpoint(port, PortInContainer, name: RabbitMQServerResource.PrimaryEndpointName)
            .WithEnvironment(context =>
            {
                context.EnvironmentVariables["RABBITMQ_DEFAULT_USER"] = server.UserNameReference;
                context.EnvironmentVariables["RABBITMQ_DEFAULT_PASS"] = server.PasswordParameter;
            })
            .WithHealthCheck($"{name}_check");
    }

    public static IResourceBuilder<RabbitMQServerResource> WithDataVolume(
        this IResourceBuilder<RabbitMQServerResource> builder, string? name = null, bool isReadOnly = false)
        => builder.WithVolume(name ?? VolumeNameGenerator.Generate(builder, "data"), DataDirectory, isReadOnly)
            .WithStableNodeName();

    public static IResourceBuilder<RabbitMQServerResource> WithDataBindMount(
        this IResourceBuilder<RabbitMQServerResource> builder, string source, bool isReadOnly = false)
        => builder.WithBindMount(source, DataDirectory, isReadOnly).WithStableNodeName();

    public static IResourceBuilder<RabbitMQServerResource> WithManagementPlugin(
        this IResourceBuilder<RabbitMQServerResource> builder)
        => builder.WithManagementPlugin(port: null);

    public static IResourceBuilder<RabbitMQServerResource> WithManagementPlugin(
        this IResourceBuilder<RabbitMQServerResource> builder, int? port)
        => builder.WithImageTag($"{Tag}-management").WithHttpEndpoint(
            port, ManagementPortInContainer, name: RabbitMQServerResource.ManagementEndpointName);

    // The broker keeps its data under its node's name, which is otherwise that of the container.
    private static IResourceBuilder<RabbitMQServerResource> WithStableNodeName(
        this IResourceBuilder<RabbitMQServerResource> builder)
        => builder.WithEnvironment("RABBITMQ_NODENAME", $"{builder.Resource.Name}@localhost");

    private static async Task<HealthCheckResult> CheckAsync(
        EndpointReference endpoint, CancellationToken cancellationToken)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellationToken);
            var stream = client.GetStream();
            await stream.WriteAsync("AMQP\0\0\x09\x01"u8.ToArray(), cancellationToken);

            // A broker answers with a method frame (Connection.Start); an older protocol's, with its own header.
            var first = new byte[1];
            await stream.ReadExactlyAsync(first, cancellationToken);
            return first[0] == 1 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The broker speaks another protocol.");
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            return HealthCheckResult.Unhealthy(exception.Message, exception);
        }
    }
}
