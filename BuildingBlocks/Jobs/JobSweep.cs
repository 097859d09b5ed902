using Lyceum.Durability.Leases;

namespace Lyceum.Jobs;

/// <summary>
/// Makes sure that every task ends: once a second, tasks whose worker is gone are requeued, and requested
/// cancellations are
/// carried out. It makes up for every lost hint.
/// </summary>
public sealed class JobSweep(JobQueue queue, RunningJobs running) : ILeasedWork
{
    public async Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken)
    {
        if (running.IsDraining)
            return; // what was just handed over is for others
        if (await queue.RequeueLostAsync(owner, running.Tasks, cancellationToken) > 0)
            running.Wake();
        foreach (var taskId in await queue.CancelRequestedAsync(owner, cancellationToken))
            running.Cancel(taskId);
    }

    public void OnLeaseLost(Guid owner) => running.DropAllOf(owner);

    public Task HandOverAsync(CancellationToken cancellationToken) => running.ReleaseAllAsync(cancellationToken);
}
