using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lyceum.AppHost.Supervision;

/// <summary>
/// Stops the services before anything else. Aspire's orchestrator stops everything at once, so services would lose
/// Postgres and the broker while they still save what they have.
/// </summary>
internal sealed partial class OrderedStop(
    DistributedApplicationModel model, ResourceCommandService commands, ResourceNotificationService notifications,
    ILogger<OrderedStop> logger) : IHostedLifecycleService
{
    /// <summary>A service drains in 5 s and is killed after 6; the rest is for a busy machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        await Task.WhenAll(model.Resources.OfType<ProjectResource>().Select(project => StopAsync(project.Name, limit.Token)));
    }

    private async Task StopAsync(string service, CancellationToken cancellationToken)
    {
        try
        {
            if (!notifications.TryGetCurrentState(service, out var before) || before.Snapshot.State?.Text != KnownResourceStates.Running)
                return;
            await commands.ExecuteCommandAsync(service, KnownResourceCommands.StopCommand, cancellationToken);
            var after = await notifications.WaitForResourceAsync(
                service, change => KnownResourceStates.TerminalStates.Contains(change.Snapshot.State?.Text), cancellationToken);
            if (after.Snapshot.ExitCode is not (0 or null))
                LogKilled(service, after.Snapshot.ExitCode.Value);
        }
        catch (Exception e)
        {
            LogNotStopped(service, e); // the orchestrator stops it with everything else
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning, "{Service} ended with exit code {ExitCode} when it was stopped; -1 and 137: it did not drain in time and was killed")]
    private partial void LogKilled(string service, int exitCode);

    [LoggerMessage(LogLevel.Warning, "{Service} did not stop in order")]
    private partial void LogNotStopped(string service, Exception exception);
}
