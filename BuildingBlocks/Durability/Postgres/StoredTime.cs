namespace Lyceum.Durability.Postgres;

public static class StoredTime
{
    /// <summary>Now, as Postgres keeps it, in whole microseconds: what is answered at once is what is read later.</summary>
    public static DateTimeOffset GetStoredNow(this TimeProvider time)
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
