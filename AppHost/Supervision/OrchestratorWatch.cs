using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.AppHost.Supervision;

/// <summary>
/// Ends the system when Aspire's orchestrator (DCP, two processes between AppHost and the resources) dies. Its own monitors
/// then end the resources, but AppHost would go on with nothing to supervise. Needs <c>/proc</c>: elsewhere it watches nothing.
/// </summary>
internal sealed partial class OrchestratorWatch(
    ResourceNotificationService notifications, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<OrchestratorWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(0.5);

    /// <summary>From the orchestrator's death: an orderly stop asks the dead orchestrator, and would wait longer.</summary>
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(6);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var orchestrator = await FindAsync(stoppingToken);
            while (orchestrator.All(process => ProcessTree.StartTime(process.Pid) == process.Started))
                await Task.Delay(Interval, time, stoppingToken);
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
                End(orchestrator.Select(process => process.Pid));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            LogStopping();
        }
    }

    /// <summary>The parent and the grandparent of the first resource that has a process; none where there is no /proc.</summary>
    private async Task<List<(int Pid, string? Started)>> FindAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in notifications.WatchAsync(cancellationToken))
        {
            var value = change.Snapshot.Properties.FirstOrDefault(property => property.Name == Supervisor.PidProperty)?.Value;
            if (!int.TryParse(Convert.ToString(value, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture, out var pid))
                continue;
            if (ProcessTree.Parent(pid) is { } controllers && ProcessTree.Parent(controllers) is { } server && ProcessTree.Program(controllers) == "dcp")
                return [(controllers, ProcessTree.StartTime(controllers)), (server, ProcessTree.StartTime(server))];
        }
        cancellationToken.ThrowIfCancellationRequested();
        return [];
    }

    private void End(IEnumerable<int> orchestrator)
    {
        LogDied();
        Environment.ExitCode = 1;
        foreach (var pid in orchestrator)
            Kill(pid); // one half without the other serves nothing, and only the death of both ends the resources
        lifetime.StopApplication();
        _ = time.CreateTimer(static _ => Environment.Exit(1), null, EndWithin, Timeout.InfiniteTimeSpan);
    }

    private static void Kill(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // gone already
        }
    }

    [LoggerMessage(LogLevel.Critical, "Aspire's orchestrator (dcp) ended unexpectedly, and its resources with it; AppHost ends too")]
    private partial void LogDied();

    [LoggerMessage(LogLevel.Debug, "the system is stopping; so is its orchestrator")]
    private partial void LogStopping();
}
