using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Durability.Leases;

/// <summary>
/// The orderly end, before any service is stopped: the work is handed over, then the lease is released, so that
/// others go on
/// with the work at once instead of after the lease's end. Without another process the next start of this one does.
/// </summary>
internal sealed partial class LeaseDrain(
    ILeasedWork work, LeaseKeeper lease, IOptions<DrainOptions> options, ILogger<LeaseDrain> logger)
    : IHostedLifecycleService
{
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(options.Value.HandOver);
            await work.HandOverAsync(limit.Token);
            await lease.ReleaseAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException or TimeoutException)
        {
            // Nothing is lost: others claim the rest when the lease expires.
            LogIncomplete(logger, e.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Drain incomplete, the lease will expire: {Reason}")]
    private static partial void LogIncomplete(ILogger logger, string reason);
}
