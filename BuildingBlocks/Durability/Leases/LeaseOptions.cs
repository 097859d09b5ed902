namespace Lyceum.Durability.Leases;

/// <summary>Timing of ownership (rule 3), section <c>Leases</c>. Times are measured by Postgres' clock.</summary>
public sealed class LeaseOptions
{
    /// <summary>How long a process owns what it owns without renewing.</summary>
    public TimeSpan Duration { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Between two renewals, and between two sweeps for dead owners.</summary>
    public TimeSpan Renewal { get; set; } = TimeSpan.FromSeconds(1);
}
