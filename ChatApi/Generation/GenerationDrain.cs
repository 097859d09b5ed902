using Lyceum.ServiceDefaults.Leases;
using Npgsql;

namespace Lyceum.ChatApi.Generation;

/// <summary>
/// The orderly end, before any service is stopped: every answer ends and is committed, its readers are told, and the
/// lease is given back. Otherwise Kestrel would wait for streams that wait for answers that go on.
/// </summary>
public sealed partial class GenerationDrain(GenerationRunner runner, LeaseKeeper lease, ILogger<GenerationDrain> logger)
    : IHostedLifecycleService
{
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await runner.DrainAsync(cancellationToken);
            await lease.ReleaseAsync(cancellationToken);
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException or TimeoutException)
        {
            // Nothing is lost: what is not ended here is found by the sweep when the lease runs out.
            LogIncomplete(logger, e.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything ended in time, the sweep will: {Reason}")]
    private static partial void LogIncomplete(ILogger logger, string reason);
}
