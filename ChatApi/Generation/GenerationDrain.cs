using Lyceum.ServiceDefaults.Hosting;
using Lyceum.Durability.Leases;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.ChatApi.Generation;

/// <summary>
/// The orderly end, before any service is stopped: everything written is committed, then the lease is given back, and
/// another replica goes on where this one stopped within a second. With no other replica the next start of this one does.
/// </summary>
public sealed partial class GenerationDrain(
    GenerationRunner runner, LeaseKeeper lease, IOptions<DrainOptions> options, ILogger<GenerationDrain> logger) : IHostedLifecycleService
{
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(options.Value.HandOver);
            await runner.HandOverAsync(limit.Token);
            await lease.ReleaseAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException or TimeoutException)
        {
            // Nothing is lost: what is not let go of here is claimed when the lease runs out.
            LogIncomplete(logger, e.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything handed over in time, the lease will run out: {Reason}")]
    private static partial void LogIncomplete(ILogger logger, string reason);
}
