using Microsoft.Extensions.Hosting;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// Exports what is left after everything else has stopped, all three signals at once, for a second at most, and less where the
/// host's time is over. Left to the disposal of the providers, each would wait up to 5 s, one after the other, for a collector that
/// does not answer.
/// </summary>
internal sealed class LastExport(TracerProvider traces, MeterProvider metrics, LoggerProvider logs) : IHostedLifecycleService
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(250);

    public Task StoppedAsync(CancellationToken cancellationToken)
    {
        var limit = (int)(cancellationToken.IsCancellationRequested ? Late : Limit).TotalMilliseconds;
        // Each is bounded by itself, and awaited: a disposal that came first would be the one that shuts down, with its own 5 s.
        return Task.WhenAll(Start(() => traces.Shutdown(limit)), Start(() => metrics.Shutdown(limit)), Start(() => logs.Shutdown(limit)));
    }

    /// <summary>On a thread of its own: it blocks.</summary>
    private static Task<bool> Start(Func<bool> shutdown) =>
        Task.Factory.StartNew(shutdown, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
