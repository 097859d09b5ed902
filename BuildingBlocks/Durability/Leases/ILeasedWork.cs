namespace Lyceum.Durability.Leases;

/// <summary>
/// What a process owns under its lease. Implemented by the service; called by <see cref="LeaseKeeper"/> from one
/// loop, never at
/// the same time, and at the end by <see cref="LeaseDrain"/>.
/// </summary>
public interface ILeasedWork
{
    /// <summary>
    /// Claims everything unfinished whose owner has no row in <c>owners</c>, with its epoch incremented, for
    /// <paramref name="owner"/>, and carries on with it. Called about once a second; must be idempotent and short.
    /// </summary>
    Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken);

    /// <summary>The lease of <paramref name="owner"/> is gone and other processes may own its work: drop it
    /// unwritten.</summary>
    void OnLeaseLost(Guid owner);

    /// <summary>
    /// Lets go of everything, committed as far as it came, so that another process can go on with it. Nothing is
    /// claimed or
    /// written after this returns.
    /// </summary>
    Task HandOverAsync(CancellationToken cancellationToken);
}
