using System.Collections.Concurrent;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Jobs;

/// <summary>The tasks this process is doing, and the signal that makes it claim more. Any thread.</summary>
public sealed class RunningJobs(TimeProvider time)
{
    private readonly ReaderSignal _wake = new();
    private readonly ConcurrentDictionary<Guid, RunningJob> _jobs = new(); // by task

    public int Count => _jobs.Count;
    public Guid[] Tasks => [.. _jobs.Keys];

    /// <summary>This process claims nothing any more.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>There may be something to claim. Never blocks.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Until woken, <paramref name="atMost"/> at most. By one waiter.</summary>
    public Task WaitAsync(TimeSpan atMost, CancellationToken cancellationToken) => _wake.WaitAtMostAsync(atMost, cancellationToken);

    public RunningJob Add(ClaimedJob claimed)
    {
        var job = new RunningJob(claimed, time);
        // A former claim of the same task that still runs here is fenced by the new epoch.
        _jobs.AddOrUpdate(claimed.TaskId, job, (_, former) =>
        {
            former.End(EndReason.Fenced);
            return job;
        });
        if (IsDraining)
            job.End(EndReason.Released);
        return job;
    }

    public void Remove(RunningJob job)
    {
        _jobs.TryRemove(new(job.Job.TaskId, job));
        job.Dispose();
        Wake();
    }

    /// <summary>Ends a task that runs here; false if it does not.</summary>
    public bool Cancel(Guid taskId)
    {
        if (!_jobs.TryGetValue(taskId, out var job))
            return false;
        job.End(EndReason.Cancelled);
        return true;
    }

    /// <summary>The lease of <paramref name="owner"/> is gone: its tasks end unwritten.</summary>
    public void DropAllOf(Guid owner)
    {
        foreach (var (_, job) in _jobs)
        {
            if (job.Job.Owner == owner)
                job.End(EndReason.Fenced);
        }
    }

    /// <summary>Requeues everything: each task goes on elsewhere from its last finished stage. Nothing is claimed after this.</summary>
    public async Task ReleaseAllAsync(CancellationToken cancellationToken)
    {
        IsDraining = true;
        foreach (var (_, job) in _jobs)
            job.End(EndReason.Released);
        while (!_jobs.IsEmpty)
            await Task.Delay(TimeSpan.FromMilliseconds(10), time, cancellationToken);
    }
}
