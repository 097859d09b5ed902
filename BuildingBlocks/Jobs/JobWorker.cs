using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.Durability.Leases;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Jobs;

/// <summary>
/// Takes tasks from the queue while there is room, and does them. It looks when it is woken (a request here, a message from
/// elsewhere, a task that ended), and once a second by itself: no wake-up is needed for anything to be done.
/// </summary>
public sealed partial class JobWorker(
    JobQueue queue, JobRunner runner, RunningJobs running, LeaseKeeper lease, DatabaseReady ready, IOptions<JobOptions> options,
    TimeProvider time, ILogger<JobWorker> logger) : BackgroundService
{
    private readonly JobOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                while (lease.IsHeld && await ClaimAsync(lease.OwnerId, stoppingToken))
                {
                }
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
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
        var claimed = await queue.ClaimAsync(owner, room, stoppingToken);
        foreach (var job in claimed.Select(running.Add).ToList()) // counted before the next claim asks for room
            _ = Task.Run(() => DoAsync(job), CancellationToken.None);
        return claimed.Count == room;
    }

    private async Task DoAsync(RunningJob job)
    {
        await runner.RunAsync(job);
        running.Remove(job);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Nothing claimed, trying again: {Reason}")]
    private static partial void LogUnclaimed(ILogger logger, string reason);
}

/// <summary>
/// What makes every task end: once a second, what was being done by nobody goes back into the queue, and what was asked to be
/// cancelled is. Every hint that was lost is made up for here.
/// </summary>
public sealed class JobSweep(JobQueue queue, RunningJobs running) : ILeasedWork
{
    public async Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken)
    {
        if (running.IsDraining)
            return; // what was just given back is not ours to look after
        if (await queue.PutBackLostAsync(owner, running.Tasks, cancellationToken) > 0)
            running.Wake();
        foreach (var taskId in await queue.CancelRequestedAsync(owner, cancellationToken))
            running.Cancel(taskId);
    }

    public void OnLeaseLost(Guid owner) => running.DropAllOf(owner);
}

/// <summary>
/// The orderly end, before any service is stopped: tasks are given back, then the lease is, so that others need not wait for it.
/// </summary>
public sealed partial class JobDrain(RunningJobs running, LeaseKeeper lease, IOptions<DrainOptions> options, ILogger<JobDrain> logger)
    : IHostedLifecycleService
{
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(options.Value.HandOver);
            await running.ReleaseAllAsync(limit.Token);
            await lease.ReleaseAsync(limit.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException or TimeoutException)
        {
            // Nothing is lost: what is not given back here is found when the lease runs out.
            LogIncomplete(logger, e.Message);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything given back in time, the lease will run out: {Reason}")]
    private static partial void LogIncomplete(ILogger logger, string reason);
}
