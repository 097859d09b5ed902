namespace Lyceum.GpuEngine.Sessions.Speaking;

/// <summary>
/// How far a client has played a turn's audio, in bytes from its beginning: what it reports; and while it reports nothing,
/// what the clock allows, since audio plays no faster than real time. Guarded by the lock of its turn.
/// </summary>
internal sealed class Playback(int bytesPerSecond, TimeProvider time)
{
    private long _delivered;
    private long _played;  // by the clock, at _at
    private long _at;
    private long? _reported;

    public long Position => _reported ?? ByClock;

    /// <summary>By the clock, what was sent is still being played.</summary>
    public bool IsPlaying => ByClock < _delivered;

    public void Deliver(int bytes)
    {
        (_played, _at) = (ByClock, time.GetTimestamp());
        _delivered += bytes;
    }

    /// <summary>The client reports: from now on only its reports count. The position never decreases.</summary>
    public void Report(long position) => _reported = Math.Max(_reported ?? 0, position);

    /// <summary>
    /// How long until this is played; infinite where only the client can report it, or it was not sent yet.
    /// </summary>
    public TimeSpan Until(long position) =>
        Position >= position ? TimeSpan.Zero
        : _reported is not null || position > _delivered ? Timeout.InfiniteTimeSpan
        // A millisecond more, as timers are that coarse.
        : TimeSpan.FromSeconds((double)(position - ByClock) / bytesPerSecond) + TimeSpan.FromMilliseconds(1);

    private long ByClock => _at == 0
        ? 0
        : Math.Min(_delivered, _played + (long)(time.GetElapsedTime(_at).TotalSeconds * bytesPerSecond));
}

/// <summary>
/// How far a client has played: all before this audio event, and of it so many milliseconds; null: all of it.
/// </summary>
internal sealed record PlayPosition(long Seq, double? Milliseconds);
