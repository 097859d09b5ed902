namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// How far a client has played a turn's audio, in bytes from its beginning: what it reports; and while it reports nothing,
/// what the clock allows, since nobody plays faster than time goes. The session's lock guards it.
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

    /// <summary>The client says so: from now on only its word counts. It never plays backwards.</summary>
    public void Report(long position) => _reported = Math.Max(_reported ?? 0, position);

    /// <summary>How long until this was played; infinite where only the client can say, or it was not sent yet.</summary>
    public TimeSpan Until(long position) =>
        Position >= position ? TimeSpan.Zero
        : _reported is not null || position > _delivered ? Timeout.InfiniteTimeSpan
        // A millisecond more, as timers are that coarse.
        : TimeSpan.FromSeconds((double)(position - ByClock) / bytesPerSecond) + TimeSpan.FromMilliseconds(1);

    private long ByClock => _at == 0
        ? 0
        : Math.Min(_delivered, _played + (long)(time.GetElapsedTime(_at).TotalSeconds * bytesPerSecond));
}
