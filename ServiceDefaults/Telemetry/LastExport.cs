using Microsoft.Extensions.Hosting;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// Exports what is left after everything else has stopped, all three signals at once and for no longer than <see cref="Limit"/>.
/// Left to the disposal of the providers, each would wait up to 5 s, one after the other, for a collector that does not answer.
/// </summary>
internal sealed class LastExport(TracerProvider traces, MeterProvider metrics, LoggerProvider logs) : IHostedLifecycleService
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        var limit = (int)Limit.TotalMilliseconds;
        // Shutdown blocks; and it happens once, so that disposal finds nothing to wait for.
        var all = Task.WhenAll(
            Task.Run(() => traces.Shutdown(limit), CancellationToken.None),
            Task.Run(() => metrics.Shutdown(limit), CancellationToken.None),
            Task.Run(() => logs.Shutdown(limit), CancellationToken.None));
        await Task.WhenAny(all, Task.Delay(Limit, cancellationToken));
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
