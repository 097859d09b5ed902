using Lyceum.Durability.Postgres;
using Lyceum.Durability.Leases;
using Lyceum.Durability.Work;
using Microsoft.Extensions.Options;

namespace Lyceum.Jobs;

/// <summary>
/// Claims tasks from the queue while there is room, and runs them. It claims when it is woken (by a request here, a message from
/// elsewhere, a task that ended) and once a second by itself: nothing depends on a wake-up.
/// </summary>
public sealed partial class JobWorker(
    JobQueue queue, JobRunner runner, RunningJobs running, LeaseKeeper lease, DatabaseReady ready, LoopProgress progress,
    IOptions<JobOptions> options,
    TimeProvider time, ILogger<JobWorker> logger) : BackgroundService
{
    private readonly JobOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var loop = progress.Follow(nameof(JobWorker));
        while (true)
        {
            try
            {
                loop.Begin();
                while (lease.IsHeld && await ClaimAsync(lease.OwnerId, stoppingToken))
                {
                }
                loop.Done();
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                loop.Failed(e);
                LogUnclaimed(logger, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(200), time, stoppingToken);
            }
            await running.WaitAsync(_options.Poll, stoppingToken);
        }
    }

    /// <returns>Whether there may be more, and room for it.</returns>
    private async Task<bool> ClaimAsync(Guid owner, CancellationToken stoppingToken)
    {
        var room = Math.Min(_options.Concurrency - running.Count, _options.MaxBatch);
        if (room <= 0 || running.IsDraining)
            return false;
        var reserve = Math.Max(_options.Concurrency / 8, _options.Concurrency > 1 ? 1 : 0);
        var low = Math.Clamp(_options.Concurrency - reserve - running.Count, 0, room);
        var claimed = await queue.ClaimAsync(owner, room, low, stoppingToken);
        foreach (var job in claimed.Select(running.Add).ToList()) // counted before the next claim asks for room
            _ = Task.Run(() => RunAsync(job), CancellationToken.None);
        return claimed.Count == room;
    }

    private async Task RunAsync(RunningJob job)
    {
        await runner.RunAsync(job);
        running.Remove(job);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Claim failed, retrying: {Reason}")]
    private static partial void LogUnclaimed(ILogger logger, string reason);
}
