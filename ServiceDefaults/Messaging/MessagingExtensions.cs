using Lyceum.ServiceDefaults.Hosting;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.ServiceDefaults.Messaging;

/// <summary>
/// MassTransit over RabbitMQ with Lyceum's conventions: kebab-case endpoints, a failed message tried again at once
/// and then ever later, then set aside in <c>{endpoint}_error</c>. The bus connects in the background, for as long as it
/// takes; a broker that is away degrades <c>/health</c> and slows hints, and fails nothing.
/// </summary>
public static class MessagingExtensions
{
    public const string ConnectionName = "messaging";

    /// <summary>
    /// Milliseconds: at once for what is over in a moment, then ever later. One list, because of two retry filters on an
    /// endpoint only the inner one takes effect.
    /// </summary>
    private static readonly int[] Retries = [0, 0, 200, 1000, 5000];

    /// <param name="builder">The service.</param>
    /// <param name="configure">Its consumers.</param>
    /// <remarks>
    /// Without a connection string <c>messaging</c> (<c>amqp://user:password@host:port/vhost</c>) there is no bus, hints
    /// go nowhere, and health says so: sweeps do the work alone.
    /// </remarks>
    public static WebApplicationBuilder AddMessaging(
        this WebApplicationBuilder builder, Action<IBusRegistrationConfigurator>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        if (builder.Configuration.GetConnectionString(ConnectionName) is not { Length: > 0 } broker)
        {
            builder.Services.AddSingleton<IHints, NoHints>();
            builder.Services.AddHealthChecks().AddCheck(
                ConnectionName, () => HealthCheckResult.Healthy("not configured: hints are not sent, sweeps do the work"));
            return builder;
        }

        builder.Services.AddMassTransit(bus =>
        {
            bus.DisableUsageTelemetry();
            bus.SetKebabCaseEndpointNameFormatter();
            bus.ConfigureHealthCheckOptions(health =>
            {
                health.Name = ConnectionName;
                health.MinimalFailureStatus = HealthStatus.Degraded;
            });
            bus.AddConfigureEndpointsCallback((_, endpoint) => endpoint.UseMessageRetry(retry => retry.Intervals(Retries)));
            configure?.Invoke(bus);
            bus.UsingRabbitMq((context, rabbit) =>
            {
                rabbit.Host(new Uri(broker), context.GetRequiredService<ServiceInfo>().Instance);
                rabbit.OfThisProcess(); // the bus's own queue
                rabbit.ConfigureEndpoints(context);
            });
        });
        builder.Services.AddOptions<MassTransitHostOptions>().Configure(host =>
        {
            host.WaitUntilStarted = false;
            // A bus without a broker waits for all of it; it is part of Drain:Timeout.
            host.StopTimeout = TimeSpan.FromSeconds(2);
        });

        builder.Services.AddSingleton<BrokerMetrics>();
        builder.Services.AddHostedService(services => services.GetRequiredService<BrokerMetrics>());
        // After the bus, and so stopped before it: what is queued then can still be sent.
        builder.Services.AddSingleton<HintPublisher>();
        builder.Services.AddSingleton<IHints>(services => services.GetRequiredService<HintPublisher>());
        builder.Services.AddHostedService(services => services.GetRequiredService<HintPublisher>());
        return builder;
    }

    /// <summary>
    /// A consumer on a queue of this process alone, gone with it: for events every replica must hear. (Consumers added
    /// the usual way share one queue per service: one replica gets each message.)
    /// </summary>
    public static void AddFanOutConsumer<TConsumer>(this IBusRegistrationConfigurator bus)
        where TConsumer : class, IConsumer
    {
        ArgumentNullException.ThrowIfNull(bus);
        bus.AddConsumer<TConsumer>().Endpoint(endpoint =>
        {
            endpoint.InstanceId = $"-{NewId.NextGuid():N}";
            endpoint.OfThisProcess();
        });
    }

    /// <summary>The endpoint's queue is one process's alone.</summary>
    public static void OfThisProcess(this IEndpointRegistrationConfigurator endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        endpoint.AddConfigureEndpointCallback(static configured =>
        {
            if (configured is IRabbitMqReceiveEndpointConfigurator rabbit)
                rabbit.OfThisProcess();
        });
    }

    /// <summary>
    /// Gone a minute after its last consumer (MassTransit makes of auto-delete with an expiration the expiration
    /// alone), its exchange with it. Durable all the same, and so not MassTransit's <c>Temporary</c>: RabbitMQ 4.3
    /// refuses queues that are neither durable nor exclusive, and an exclusive one is locked to a connection that may be
    /// dead when its process connects again.
    /// </summary>
    private static void OfThisProcess(this IRabbitMqQueueEndpointConfigurator queue)
    {
        (queue.Durable, queue.AutoDelete) = (true, true);
        queue.QueueExpiration = TimeSpan.FromMinutes(1);
    }

    private sealed class NoHints : IHints
    {
        public void Publish<T>(T message) where T : class => ArgumentNullException.ThrowIfNull(message);
    }
}
