using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Events;

/// <summary>
/// A session's events by number, kept for a resume (<see cref="ReplayBuffer"/>), and the one reader that is woken. Safe
/// for use from any thread. Its lock is innermost: it calls nothing while holding it.
/// </summary>
internal sealed class EventStream(LiveSessionOptions options, TimeProvider time)
{
    private readonly Lock _lock = new(); // guards _kept and _publishedAt
    private readonly ReplayBuffer _kept = new(options.ReplayEvents, options.ReplayLimit, options.ReplayAudioBytes);
    private long _publishedAt = time.GetTimestamp();
    private ISessionReader? _reader;
    private long _detachedAt = time.GetTimestamp();
    private long _delivered;

    /// <summary>The number of the last event.</summary>
    public long Last
    {
        get
        {
            lock (_lock)
                return _kept.Last;
        }
    }

    /// <summary>The number of the last event that was sent to a client.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    public bool IsRead => Volatile.Read(ref _reader) is not null;

    /// <summary>How long the session has had no reader.</summary>
    public TimeSpan Unread => IsRead ? TimeSpan.Zero : time.GetElapsedTime(Interlocked.Read(ref _detachedAt));

    /// <summary>Numbers and keeps an event. Does not wake the reader: the caller may hold a lock.</summary>
    public long Publish(SessionEvent happened)
    {
        lock (_lock)
        {
            _publishedAt = time.GetTimestamp();
            return _kept.Add(happened);
        }
    }

    /// <summary>The event after <paramref name="seq"/>, or how many before it are no longer kept.</summary>
    public (SessionEvent? Event, long Gone) After(long seq)
    {
        lock (_lock)
            return (_kept.Find(seq + 1), Math.Max(0, _kept.First - (seq + 1)));
    }

    /// <summary>The client has these events for good: it will not ask for them again.</summary>
    public void Acknowledge(long seq)
    {
        lock (_lock)
            _kept.DropThrough(Math.Min(seq, _kept.Last));
    }

    /// <summary>The audio of events up to and with this one will not be played again.</summary>
    public void OmitAudio(long through)
    {
        lock (_lock)
            _kept.OmitAudio(Math.Min(through, _kept.Last));
    }

    /// <summary>Drops all events when the last one is old, so that idle sessions are small.</summary>
    public void DropOld()
    {
        lock (_lock)
        {
            if (_kept.Last >= _kept.First && time.GetElapsedTime(_publishedAt) > options.ReplayFor)
                _kept.DropThrough(_kept.Last);
        }
    }

    /// <summary>From now on <paramref name="reader"/> is the one that is woken; the one before it is ended.</summary>
    public void Attach(ISessionReader reader) => Interlocked.Exchange(ref _reader, reader)?.End("replaced");

    public void Detach(ISessionReader reader)
    {
        Interlocked.Exchange(ref _detachedAt, time.GetTimestamp());
        Interlocked.CompareExchange(ref _reader, null, reader);
    }

    /// <summary>An event was sent.</summary>
    public void Deliver(long seq) => Interlocked.Exchange(ref _delivered, Math.Max(seq, Delivered));

    /// <summary>There may be new events. Call this and the next two while holding no lock.</summary>
    public void Wake() => Volatile.Read(ref _reader)?.Wake();

    public void End(string reason) => Volatile.Read(ref _reader)?.End(reason);

    public void Tick() => Volatile.Read(ref _reader)?.Tick();
}

/// <summary>What reads a session's events: a socket, in any protocol.</summary>
internal interface ISessionReader
{
    /// <summary>There may be new events. From any thread, holding no lock.</summary>
    void Wake();

    /// <summary>It is to end: another one reads the session now, or there will be no more events.</summary>
    void End(string reason);

    /// <summary>About once a second.</summary>
    void Tick();
}
