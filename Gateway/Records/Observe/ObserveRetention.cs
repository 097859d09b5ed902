using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Records.Observe;

/// <summary>Deletes events that are older than <see cref="ObserveOptions.Retention"/>, in small statements.</summary>
internal sealed partial class ObserveRetention(
    ObserveStore store, DatabaseReady ready, IOptions<ObserveOptions> options, TimeProvider time, ILogger<ObserveRetention> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(options.Value.SweepInterval, time);
        do
        {
            try
            {
                if (await SweepAsync(stoppingToken) is > 0 and var deleted)
                    LogDeleted(deleted);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<int> SweepAsync(CancellationToken stoppingToken)
    {
        var (all, deleted) = (0, 0);
        do
        {
            deleted = await store.DeleteAsync(time.GetUtcNow() - options.Value.Retention, options.Value.SweepBatch, stoppingToken);
            all += deleted;
        }
        while (deleted == options.Value.SweepBatch);
        return all;
    }

    [LoggerMessage(LogLevel.Information, "Observed events deleted after their retention: {Count}")]
    private partial void LogDeleted(int count);

    [LoggerMessage(LogLevel.Warning, "Observed events past their retention not deleted, retrying: {Reason}")]
    private partial void LogRetry(string reason);
}
