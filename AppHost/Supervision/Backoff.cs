namespace Lyceum.AppHost.Supervision;

/// <summary>
/// How long a resource that died stays down before it is started again: 0.5 s, doubling to 15 s while it keeps dying,
/// from the beginning again once it has run for a while.
/// </summary>
/// <param name="settled">That while (<c>Lyceum:SettledAfter</c>, default 60 s).</param>
internal sealed class Backoff(TimeProvider time, TimeSpan? settled = null)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    public static readonly TimeSpan Settled = TimeSpan.FromSeconds(60);

    private TimeSpan next = First;
    private DateTimeOffset? runningSince;

    public void Running() => runningSince ??= time.GetUtcNow();

    /// <summary>The resource has died: what to wait now.</summary>
    public TimeSpan Died()
    {
        if (runningSince is { } since && time.GetUtcNow() - since >= (settled ?? Settled))
            next = First;
        runningSince = null;
        var delay = next;
        next = TimeSpan.FromTicks(Math.Min(Longest.Ticks, next.Ticks * 2));
        return delay;
    }
}
