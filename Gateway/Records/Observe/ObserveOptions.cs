namespace Lyceum.Gateway.Records.Observe;

/// <summary>Bounds of observed events, section <c>Observe</c>.</summary>
internal sealed class ObserveOptions
{
    /// <summary>How long an event is kept, and its id known.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(30);

    /// <summary>
    /// Events that a tenant may keep; more get 409. Exact but for what other replicas add within a minute.
    /// </summary>
    public long MaxEvents { get; set; } = 5_000_000;

    /// <summary>Bytes of their attributes, as they are stored; as <see cref="MaxEvents"/>.</summary>
    public long MaxBytes { get; set; } = 4L * 1024 * 1024 * 1024;

    /// <summary>How often older events are deleted; every replica does it, without waiting for the others.</summary>
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Rows that one statement of the sweep deletes.</summary>
    public int SweepBatch { get; set; } = 5000;

    /// <summary>The most events in one commit (those of one request are always in one).</summary>
    public int MaxBatch { get; set; } = 5000;

    /// <summary>Bytes of events that wait for their commit here; beyond it 503 <c>overloaded</c> with <c>Retry-After</c>.</summary>
    public int MaxPendingBytes { get; set; } = 32 * 1024 * 1024;
}
