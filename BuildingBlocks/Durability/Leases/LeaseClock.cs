namespace Lyceum.Durability.Leases;

/// <summary>
/// Until when this process may rely on its lease, by its own clock. What no fence in the database holds back, such
/// as a request
/// to an engine, is done only until then. A process that was suspended and wakes up finds that time in the past.
/// </summary>
public sealed class LeaseClock(TimeProvider time)
{
    private long _until;

    public bool IsFresh => time.GetTimestamp() < Volatile.Read(ref _until);

    /// <param name="asked">Timestamp taken before the renewal was sent.</param>
    internal void Renewed(long asked, TimeSpan duration) =>
        Volatile.Write(ref _until, asked + (long)(duration.TotalSeconds * time.TimestampFrequency));
}
