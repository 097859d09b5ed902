namespace Lyceum.Gateway.Observe;

/// <summary>Bounds of what is observed, section <c>Observe</c>.</summary>
public sealed class ObserveOptions
{
    /// <summary>How long an event is kept, and its id known.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How often what is older is looked for; every replica does, neither minds the other.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Rows that one statement of the sweep deletes.</summary>
    public int SweepBatch { get; set; } = 5000;

    /// <summary>Events that share one commit, at most (one request's always do).</summary>
    public int MaxBatch { get; set; } = 5000;

    /// <summary>Bytes of events that wait for their commit here; beyond it 503 <c>overloaded</c> with <c>Retry-After</c>.</summary>
    public int MaxPendingBytes { get; set; } = 32 * 1024 * 1024;
}
