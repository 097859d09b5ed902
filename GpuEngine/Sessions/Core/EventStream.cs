namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// What a session tells, and who reads it: events by number out of the <see cref="ReplayBuffer"/>, and the one reader that is
/// woken. Events are the session's lock's to guard; the reader may come and go at any time.
/// </summary>
internal sealed class EventStream(SessionOptions options, TimeProvider time)
{
    private readonly ReplayBuffer _kept = new(options.ReplayEvents, options.ReplayBytes, options.ReplayAudioBytes);
    private ISessionReader? _reader;
    private long _publishedAt = time.GetTimestamp();
    private long _detachedAt = time.GetTimestamp();
    private long _delivered;

    /// <summary>The number of the last event.</summary>
    public long Last => _kept.Last;

    /// <summary>The last event that was sent to anybody.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    public bool IsRead => Volatile.Read(ref _reader) is not null;

    /// <summary>How long nobody has been reading.</summary>
    public TimeSpan Unread => IsRead ? TimeSpan.Zero : time.GetElapsedTime(Interlocked.Read(ref _detachedAt));

    public long Publish(SessionEvent happened)
    {
        _publishedAt = time.GetTimestamp();
        return _kept.Add(happened);
    }

    /// <summary>The event after <paramref name="seq"/>, or how many are gone that should have come first.</summary>
    public (SessionEvent? Event, long Gone) After(long seq) => (_kept.Find(seq + 1), Math.Max(0, _kept.First - (seq + 1)));

    public void Acknowledge(long seq) => _kept.DropThrough(Math.Min(seq, _kept.Last));

    /// <summary>Nobody will want to hear this again.</summary>
    public void OmitAudio(long through) => _kept.OmitAudio(Math.Min(through, _kept.Last));

    /// <summary>Forgets what was kept so long without a new event that nobody comes back for it: idle sessions are small.</summary>
    public void ForgetOld()
    {
        if (_kept.Last >= _kept.First && time.GetElapsedTime(_publishedAt) > options.ReplayFor)
            _kept.DropThrough(_kept.Last);
    }

    /// <summary>From now on <paramref name="reader"/> is the one that is woken; the one before it is told that it was replaced.</summary>
    public void Attach(ISessionReader reader) => Interlocked.Exchange(ref _reader, reader)?.End("replaced");

    public void Detach(ISessionReader reader)
    {
        Interlocked.Exchange(ref _detachedAt, time.GetTimestamp());
        Interlocked.CompareExchange(ref _reader, null, reader);
    }

    /// <summary>An event was sent.</summary>
    public void Deliver(long seq) => Interlocked.Exchange(ref _delivered, Math.Max(seq, Delivered));

    /// <summary>There may be something new. Holding no lock, as the next two.</summary>
    public void Wake() => Volatile.Read(ref _reader)?.Wake();

    public void End(string reason) => Volatile.Read(ref _reader)?.End(reason);

    public void Tick() => Volatile.Read(ref _reader)?.Tick();
}

/// <summary>Whoever is attached to a session: a socket, whatever it speaks.</summary>
internal interface ISessionReader
{
    /// <summary>There may be something new. From any thread, holding no lock.</summary>
    void Wake();

    /// <summary>It is to leave: another one reads the session now, or there will be nothing more to read.</summary>
    void End(string reason);

    /// <summary>About once a second.</summary>
    void Tick();
}
