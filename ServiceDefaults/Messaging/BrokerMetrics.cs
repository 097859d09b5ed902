using System.Diagnostics.Metrics;
using MassTransit;
using Microsoft.Extensions.Hosting;

namespace Lyceum.ServiceDefaults.Messaging;

/// <summary>Whether this process reaches the broker, as its bus sees it.</summary>
internal sealed class BrokerMetrics : IHostedService
{
    public BrokerMetrics(IBusControl bus, IMeterFactory meters) => meters.Create("Lyceum.Messaging").CreateObservableGauge(
        "lyceum.broker.up", () => bus.CheckHealth().Status == BusHealthStatus.Healthy ? 1 : 0,
        description: "1 while this process is connected to the message broker");

    // Hosted, so that the gauge is there from the start.
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
