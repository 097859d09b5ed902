using Lyceum.Contracts;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Hearing;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>What a session has its work done by; shared by all sessions.</summary>
internal sealed record SessionWorkers(TurnWriter Writer, Speaker Speaker, Listener Listener);

/// <summary>
/// One live conversation, apart from any wire protocol: takes a user's messages and speech, has turns written and
/// spoken, and publishes numbered events that whichever reader is attached reads by number. It goes on while no reader
/// is attached. Everything said is recorded before it is published (<see cref="ITranscript"/>).
/// </summary>
/// <remarks>
/// This class admits what clients send: which connection counts, which messages are known, whether the session is
/// ending. Its lock guards that. <see cref="TurnSequence"/>, <see cref="EventStream"/> and <see cref="SessionClock"/>
/// guard their own state. Locks are taken in this order: session, turns, then events or clock; none of them calls
/// upwards. Readers are woken and turns cancelled after all locks are released.
/// </remarks>
internal sealed partial class Session
{
    /// <summary>Why a session ended: its engine stops.</summary>
    public const string ShuttingDown = "shutting_down";

    private const int RememberedIds = 32;

    private readonly LiveSessionOptions _options;
    private readonly ITranscript _transcript;
    private readonly SessionWorkers _workers;
    private readonly TimeProvider _time;
    private readonly EventStream _events;
    private readonly SessionClock _clock;
    private readonly TurnSequence _turns;
    private readonly UtteranceQueue _utterances;
    private readonly Lock _lock = new(); // guards all below
    private readonly Queue<string> _ids = new();
    private AudioSetup _audio = AudioSetup.None;
    private ISessionReader? _latest; // the last one attached; it may have left
    private bool _ending;
    private bool _isGoingAway;
    private long? _idleSince; // the time provider's timestamp, while the engine drains
    private string? _ended; // why; set when the last event is published

    public Session(
        SessionSetup setup, LiveSessionOptions options, ITranscript transcript, SessionWorkers workers,
        TimeProvider time)
    {
        (Setup, _options, _transcript, _workers, _time) = (setup, options, transcript, workers, time);
        _events = new EventStream(options, time);
        _clock = new SessionClock(options, time);
        _turns = new TurnSequence(
            setup, options, _events, transcript, workers.Writer, workers.Speaker, _clock.Touch, time);
        _utterances = new UtteranceQueue(HearAsync, options.Audio.MaxWaiting);
        Credentials = new SessionCredentials(options, time);
    }

    public SessionSetup Setup { get; }

    public string Id => Setup.Id;

    public DateTimeOffset CreatedAt => _clock.CreatedAt;

    public DateTimeOffset ExpiresAt => _clock.ExpiresAt;

    /// <summary>Connect tokens and resume handles.</summary>
    public SessionCredentials Credentials { get; }

    /// <summary>The number of the last event that was sent to a client.</summary>
    public long Delivered => _events.Delivered;

    /// <summary>Null while it lives: <c>deleted | idle_timeout | session_timeout | shutting_down</c>.</summary>
    public string? Ended => Volatile.Read(ref _ended);

    public bool IsConnected => _events.IsRead;

    public int Turns => _turns.Count;

    /// <summary>The number of the last event.</summary>
    public long LastEvent => _events.Last;

    /// <summary>
    /// From now on <paramref name="reader"/> is the one that is woken. The one before it is ended, and messages that
    /// still come by it are ignored.
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

    /// <summary>Ends nothing: a turn goes on.</summary>
    public void Detach(ISessionReader reader) => _events.Detach(reader);

    /// <summary>The event after <paramref name="seq"/>, or how many before it are no longer kept.</summary>
    public (SessionEvent? Event, long Gone) After(long seq) => _events.After(seq);

    /// <summary>This event was sent; null: it is no longer kept, and the client got an error event.</summary>
    public void Deliver(long seq, SessionEvent? happened)
    {
        _events.Deliver(seq);
        if (happened is AudioFrame frame)
            _turns.Deliver(seq, frame);
    }

    /// <summary>The client has these events for good: it will not ask for them again.</summary>
    public void Acknowledge(long seq, ISessionReader from)
    {
        lock (_lock)
        {
            if (!IsReplaced(from))
                _events.Acknowledge(seq);
        }
    }

    /// <summary>A message: begins a turn, at once or after the one that runs.</summary>
    /// <param name="from">The connection that it came by; null: it was spoken.</param>
    /// <returns>
    /// Why not: <see cref="ErrorCodes.Busy"/>, <see cref="ErrorCodes.SessionEnded"/>; null where it was taken, or known
    /// already, or came by a connection that was replaced, or as the engine was going away: what it did not accept is asked
    /// again where the session goes on.
    /// </returns>
    public string? Submit(UserMessage message, ISessionReader? from = null)
    {
        Turn? interrupted;
        lock (_lock)
        {
            if (_isGoingAway)
                return null;
            if (_ending)
                return ErrorCodes.SessionEnded;
            if (IsReplaced(from) || (message.Id is { } id && !Remember(id)))
                return null;
            _clock.TouchByClient();
            if (!_turns.TrySubmit(message, out interrupted))
                return ErrorCodes.Busy;
        }
        interrupted?.Cancel();
        return null;
    }

    /// <summary>Ends it; the first reason counts. Returns when its turn has freed what it occupied.</summary>
    public async Task EndAsync(string reason)
    {
        Turn? last;
        lock (_lock)
        {
            if (_ending)
                return;
            _ending = true;
            last = _turns.End(reason);
        }
        await EndAsync(reason, last);
    }

    /// <summary>
    /// Ends it because its engine stops, except where a turn runs or waits, or speech is being recognized. From the first call
    /// that finds it idle no turn begins.
    /// </summary>
    /// <param name="forStoring">
    /// How long it waits, from the first call that finds it idle, until all that was said is stored where the next session finds
    /// it.
    /// </param>
    /// <param name="ended">Completes when its turns have freed what they occupied.</param>
    /// <returns>False where it was not ended.</returns>
    public bool TryGoAway(TimeSpan forStoring, out Task ended)
    {
        Turn? last;
        ended = Task.CompletedTask;
        lock (_lock)
        {
            if (_ending || !_turns.IsBetweenTurns || !_utterances.IsEmpty)
                return false;
            _isGoingAway = true;
            _idleSince ??= _time.GetTimestamp();
            if (!_transcript.IsStored(Id) && _time.GetElapsedTime(_idleSince.Value) < forStoring)
                return false;
            _ending = true;
            last = _turns.End(ShuttingDown);
        }
        ended = EndAsync(ShuttingDown, last);
        return true;
    }

    private async Task EndAsync(string reason, Turn? last)
    {
        last?.Cancel();
        await _utterances.EndAsync();
        _transcript.Append(
            Id, Setup.Tenant, Setup.Owner,
            new SessionTurnRecord(0, Turns, "closed", _time.GetUtcNow(), FinishReason: reason), static _ => { });
        _transcript.Closed(Id);
        if (last is not null)
            await Task.WhenAll(last.Work, last.Recorded); // neither fails
        // All events are published now: a reader that sees the reason has them all.
        Volatile.Write(ref _ended, reason);
        _events.End(reason);
    }

    /// <summary>Checks the clock, about once a second. Returns which timeout is reached, or null.</summary>
    public string? Tick()
    {
        var last = _events.Last;
        // After a while without a reader the answer is no longer spoken: a client that comes back reads it.
        if (_turns.Tick(stopSpeech: _events.Unread > _options.Audio.UnheardFor))
            _clock.Touch();
        _events.DropOld();
        if (_clock.Check(out var warning) is { } over)
            return over;
        if (warning is not null)
            _events.Publish(warning);
        if (_events.Last != last) // else thousands of idle readers would be woken at once, every second
            _events.Wake();
        _events.Tick();
        return null;
    }

    /// <summary>Under the lock: a message of an older connection must not interrupt what the newer one asked.</summary>
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
