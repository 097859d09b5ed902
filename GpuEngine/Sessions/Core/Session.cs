using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// One live conversation, apart from any wire protocol: takes a user's messages and speech, has turns written and spoken, and
/// publishes numbered events that whoever is attached reads by number. It goes on while nobody is attached. Everything said
/// is recorded before it is published (<see cref="ITranscript"/>).
/// </summary>
/// <remarks>
/// One lock around all state, which lies in the parts that this one joins. Those woken and cancelled are so after it is let go.
/// </remarks>
internal sealed partial class Session
{
    private const int RememberedIds = 32;

    private readonly SessionOptions _options;
    private readonly ITranscript _transcript;
    private readonly SessionWorkers _workers;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly EventStream _events;
    private readonly SessionClock _clock;
    private readonly Turns _turns;
    private readonly Hearing _hearing;
    private readonly Queue<string> _ids = new();
    private AudioSetup _audio = AudioSetup.None;
    private ISessionReader? _latest; // to attach; it may have left
    private bool _ending;          // decided
    private string? _endedAndTold; // and its last event is published

    public Session(SessionSetup setup, SessionOptions options, ITranscript transcript, SessionWorkers workers, TimeProvider time)
    {
        (Setup, _options, _transcript, _workers, _time) = (setup, options, transcript, workers, time);
        _events = new EventStream(options, time);
        _clock = new SessionClock(options, time);
        _turns = new Turns(this, _lock, _events, workers, transcript, options, time);
        _hearing = new Hearing(this, workers.Listener, options.Audio.MaxWaiting);
        Credentials = new SessionCredentials(options, time);
    }

    public SessionSetup Setup { get; }

    public string Id => Setup.Id;

    public DateTimeOffset CreatedAt => _clock.CreatedAt;

    public DateTimeOffset ExpiresAt => _clock.ExpiresAt;

    /// <summary>Connect tokens and resume handles.</summary>
    public SessionCredentials Credentials { get; }

    /// <summary>The last event that was sent to anybody.</summary>
    public long Delivered => _events.Delivered;

    /// <summary>Null while it lives: <c>deleted | idle_timeout | session_timeout | shutting_down</c>.</summary>
    public string? Ended => Volatile.Read(ref _endedAndTold);

    public bool IsConnected => _events.IsRead;

    public int Turns
    {
        get
        {
            lock (_lock)
                return _turns.Count;
        }
    }

    /// <summary>The number of the last event.</summary>
    public long LastEvent
    {
        get
        {
            lock (_lock)
                return _events.Last;
        }
    }

    /// <summary>
    /// From now on <paramref name="reader"/> is the one that is woken; the one before it is told that it was replaced, and what
    /// it still has to say counts no more.
    /// </summary>
    /// <param name="takesAudio">Else there is none from now on.</param>
    public void Attach(ISessionReader reader, bool takesAudio)
    {
        lock (_lock)
        {
            _latest = reader;
            _clock.Touch();
            if (!takesAudio)
            {
                _turns.SpeakAs(null);
                _audio = AudioSetup.None;
            }
        }
        _events.Attach(reader);
    }

    /// <summary>Nothing ends by it: a turn goes on.</summary>
    public void Detach(ISessionReader reader) => _events.Detach(reader);

    /// <summary>The event after <paramref name="seq"/>, or how many are gone that should have come first.</summary>
    public (SessionEvent? Event, long Gone) After(long seq)
    {
        lock (_lock)
            return _events.After(seq);
    }

    /// <summary>This event was sent; null: it is gone, and that was.</summary>
    public void Deliver(long seq, SessionEvent? happened)
    {
        _events.Deliver(seq);
        if (happened is AudioFrame frame)
        {
            lock (_lock)
            {
                if (_turns.Running is { Spoken: { } spoken } turn && turn.Number == frame.Turn)
                    spoken.Deliver(seq, frame);
            }
        }
    }

    /// <summary>The client has these events for good: nobody will ask for them again.</summary>
    public void Acknowledge(long seq, ISessionReader from)
    {
        lock (_lock)
        {
            if (!IsReplaced(from))
                _events.Acknowledge(seq);
        }
    }

    /// <summary>A message: begins a turn, at once or when the one that runs is over.</summary>
    /// <param name="from">The connection that it came by; null: it was spoken before.</param>
    /// <returns>
    /// Why not: <see cref="ErrorCodes.Busy"/>, <see cref="ErrorCodes.SessionEnded"/>; null where it was taken, or known already, or
    /// came by a connection that was replaced.
    /// </returns>
    public string? Submit(UserMessage message, ISessionReader? from = null)
    {
        Turn? broken;
        lock (_lock)
        {
            if (_ending)
                return ErrorCodes.SessionEnded;
            if (IsReplaced(from))
                return null;
            if (message.Id is { } id && !Remember(id))
                return null;
            _clock.Heard();
            if (!_turns.TrySubmit(message, out broken))
                return ErrorCodes.Busy;
        }
        broken?.Cancel();
        return null;
    }

    /// <summary>Ends it; the first reason counts. Returns when its turn occupies nothing any more.</summary>
    public async Task EndAsync(string reason)
    {
        Turn? last;
        lock (_lock)
        {
            if (_ending)
                return;
            _ending = true;
            _turns.End(reason);
            last = _turns.Latest;
        }
        last?.Cancel();
        await _hearing.EndAsync();
        _transcript.Append(
            Id, Setup.Tenant, Setup.Owner, new SessionTurnRecord(0, Turns, "closed", _time.GetUtcNow(), FinishReason: reason), static _ => { });
        _transcript.Closed(Id);
        if (last is not null)
            await Task.WhenAll(last.Work, last.Recorded); // neither fails
        // From here on whoever attaches, or is attached, has everything there will ever be.
        Volatile.Write(ref _endedAndTold, reason);
        _events.End(reason);
    }

    /// <summary>Looks at the clock, about once a second. Returns why the session's time is over, or null.</summary>
    public string? Tick()
    {
        bool isNews;
        lock (_lock)
        {
            var last = _events.Last;
            if (_turns.Running is { } turn)
            {
                if (turn.Spoken is { IsSpeaking: true } && _events.Unread > _options.Audio.UnheardFor)
                    _turns.StopSpeech(); // nobody listens: whoever comes back reads it
                // Being played by the clock counts; waiting for a client's word that it was does not.
                if (turn.Written is null || turn.Spoken is { IsPlaying: true })
                    _clock.Touch();
            }
            _events.ForgetOld();
            if (_clock.Look(out var warning) is { } over)
                return over;
            if (warning is not null)
                _events.Publish(warning);
            isNews = _events.Last != last;
        }
        if (isNews) // else thousands of idle readers would look for it at once, every second
            _events.Wake();
        _events.Tick();
        return null;
    }

    /// <summary>Under the lock: what a connection had on its way must not break off what its successor asked.</summary>
    private bool IsReplaced(ISessionReader? from) => from is not null && from != _latest;

    private bool Remember(string id)
    {
        if (_ids.Contains(id))
            return false;
        _ids.Enqueue(id);
        if (_ids.Count > RememberedIds)
            _ids.Dequeue();
        return true;
    }
}
