using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Orchestration;

/// <summary>
/// Checks the health of what runs: after 1, 2, 3, 4, 5, 5 … seconds while it is not healthy, every 30 s while it is.
/// </summary>
internal sealed partial class HealthMonitor(
    ResourceNotificationService notifications, HealthCheckService checks, IDistributedApplicationEventing eventing,
    IServiceProvider services, TimeProvider time, ILogger<HealthMonitor> logger) : BackgroundService
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HealthyInterval = TimeSpan.FromSeconds(30);
    private const int MaxSteps = 5;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Touched by this loop alone: the monitor of each resource that runs, by the start it belongs to.
        var monitors = new Dictionary<IResource, (DateTime? Start, CancellationTokenSource Stop)>();
        try
        {
            await foreach (var update in notifications.WatchAsync(stoppingToken))
            {
                var (resource, snapshot) = (update.Resource, update.Snapshot);
                var running = snapshot.State?.Text == KnownResourceStates.Running;
                var monitored = monitors.TryGetValue(resource, out var monitor);

                if (monitored && (!running || monitor.Start != snapshot.StartTimeStamp))
                {
                    await monitor.Stop.CancelAsync();
                    monitor.Stop.Dispose();
                    monitors.Remove(resource);
                    monitored = false;
                }

                if (running && !monitored)
                {
                    var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                    monitors.Add(resource, (snapshot.StartTimeStamp, stop));
                    _ = Task.Run(() => MonitorAsync(resource, stop.Token), CancellationToken.None);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            LogStopped(logger);
        }
        finally
        {
            foreach (var (_, stop) in monitors.Values)
                stop.Dispose();
        }
    }

    private async Task MonitorAsync(IResource resource, CancellationToken cancellationToken)
    {
        try
        {
            var keys = resource.TryGetAnnotationsIncludingAncestorsOfType<HealthCheckAnnotation>(out var annotations)
                ? annotations.Select(a => a.Key).ToImmutableHashSet()
                : [];
            var ready = keys.Count == 0;
            if (ready)
                await PublishReadyAsync(resource, cancellationToken);

            for (var failures = 0; keys.Count > 0;)
            {
                var report = await checks.CheckHealthAsync(r => keys.Contains(r.Name), cancellationToken);
                var missing = keys.Except(report.Entries.Keys);
                var healthy = report.Status == HealthStatus.Healthy && missing.IsEmpty;
                await PublishAsync(resource, report, missing, cancellationToken);
                if (healthy && !ready)
                {
                    ready = true;
                    await PublishReadyAsync(resource, cancellationToken);
                }

                failures = healthy ? 0 : Math.Min(failures + 1, MaxSteps);
                await Task.Delay(healthy ? HealthyInterval : Step * failures, time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            LogMonitorStopped(logger, resource.Name);
        }
        catch (Exception exception)
        {
            LogMonitorFailed(logger, exception, resource.Name);
        }
    }

    private async Task PublishAsync(
        IResource resource, HealthReport report, IEnumerable<string> missing, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        ImmutableArray<HealthReportSnapshot> reports =
        [
            .. report.Entries.Select(e => new HealthReportSnapshot(
                e.Key, e.Value.Status, e.Value.Description, e.Value.Exception?.ToString()) { LastRunAt = now }),
            .. missing.Select(key => new HealthReportSnapshot(
                key, HealthStatus.Unhealthy, "There is no health check of this name.", ExceptionText: null) { LastRunAt = now }),
        ];

        // The result of a check that outlived its process must not count for the next one.
        await notifications.PublishUpdateAsync(
            resource, s => cancellationToken.IsCancellationRequested ? s : s with { HealthReports = reports });
    }

    private async Task PublishReadyAsync(IResource resource, CancellationToken cancellationToken)
    {
        var handlers = eventing.PublishAsync(new ResourceReadyEvent(resource, services), cancellationToken);
        await handlers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (handlers.IsFaulted)
            LogReadyFailed(logger, handlers.Exception, resource.Name);

        // Who waits for the resource observes what the handlers threw.
        await notifications.PublishUpdateAsync(
            resource, s => cancellationToken.IsCancellationRequested ? s : s with { ReadyHandlers = handlers });
    }

    [LoggerMessage(LogLevel.Debug, "Health monitoring has stopped.")]
    private static partial void LogStopped(ILogger logger);

    [LoggerMessage(LogLevel.Debug, "The health of resource '{Resource}' is no longer monitored.")]
    private static partial void LogMonitorStopped(ILogger logger, string resource);

    [LoggerMessage(LogLevel.Error, "The health monitoring of resource '{Resource}' failed.")]
    private static partial void LogMonitorFailed(ILogger logger, Exception exception, string resource);

    [LoggerMessage(LogLevel.Error, "A handler of the readiness of resource '{Resource}' failed.")]
    private static partial void LogReadyFailed(ILogger logger, Exception exception, string resource);
}
