namespace Lyceum.Jobs;

/// <summary>
/// Where the next claim begins, per priority. A claimed task leaves a dead entry in the queue's index until vacuum, which
/// a snapshot held elsewhere (a backup, a forgotten transaction) keeps from its work: a claim that begins at the start walks over
/// every one of them. So it begins where the last one ended, less <see cref="Overlap"/> for commits that came out of order. What
/// was requeued behind the cursor (a dead worker's task) is found by the rescan.
/// <para>Used by the claiming loop alone.</para>
/// </summary>
internal sealed class QueueCursor(TimeSpan rescan, TimeProvider time)
{
    private static readonly TimeSpan Overlap = TimeSpan.FromMilliseconds(500);

    private readonly DateTime[] _since = [DateTime.UnixEpoch, DateTime.UnixEpoch, DateTime.UnixEpoch];
    private long _rescanned = time.GetTimestamp();

    /// <summary>By priority, UTC.</summary>
    public IReadOnlyList<DateTime> Since
    {
        get
        {
            if (time.GetElapsedTime(_rescanned) >= rescan)
                Restart();
            return _since;
        }
    }

    /// <summary>The next claim reads the whole queue.</summary>
    public void Restart()
    {
        _rescanned = time.GetTimestamp();
        Array.Fill(_since, DateTime.UnixEpoch);
    }

    public void Passed(int priority, DateTime runAfter)
    {
        if (runAfter - Overlap > _since[priority])
            _since[priority] = runAfter - Overlap;
    }
}
