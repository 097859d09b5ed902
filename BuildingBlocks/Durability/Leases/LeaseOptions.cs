namespace Lyceum.Durability.Leases;

/// <summary>Timing of ownership (rule 3), section <c>Leases</c>. Times are measured by Postgres' clock.</summary>
public sealed class LeaseOptions
{
    /// <summary>How long a process owns what it owns without renewing.</summary>
    public TimeSpan Duration { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Between two renewals, and between two sweeps for dead owners.</summary>
    public TimeSpan Renewal { get; set; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// What a process does with the things it may own. Implemented by the service; called by <see cref="LeaseKeeper"/>, from
/// one loop, never at the same time.
/// </summary>
public interface ILeasedWork
{
    /// <summary>
    /// Claims everything unfinished whose owner has no row in <c>owners</c>, with its epoch incremented, for
    /// <paramref name="owner"/>, and carries on with it. Called about once a second; must be idempotent and short.
    /// </summary>
    Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken);

    /// <summary>The lease of <paramref name="owner"/> is gone: whatever it owned is somebody else's now. Drop it unwritten.</summary>
    void OnLeaseLost(Guid owner);
}
