namespace Lyceum.Durability.Leases;

/// <summary>
/// How long this process may take its lease for granted, by its own clock: what no fence in the database can hold back (a request
/// to somebody else) is done only until then. A process that was stopped and goes on finds it in the past.
/// </summary>
public sealed class LeaseClock(TimeProvider time)
{
    private long _until;

    public bool IsFresh => time.GetTimestamp() < Volatile.Read(ref _until);

    /// <param name="asked">Timestamp taken before the renewal was sent.</param>
    internal void Renewed(long asked, TimeSpan duration) =>
        Volatile.Write(ref _until, asked + (long)(duration.TotalSeconds * time.TimestampFrequency));
}
