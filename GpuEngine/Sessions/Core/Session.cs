using System.Text;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>What a session was made with.</summary>
internal sealed record SessionSetup(
    string Id, string Tenant, string Owner, long TutorId, string StudentId, string? KbId, string? Instructions, string? Language,
    IReadOnlyList<ChatMessage> History, RetrievalSource? Retrieval);

/// <summary>
/// One live conversation, apart from any wire protocol: takes a user's messages, has turns written, and publishes numbered
/// events that whoever is attached reads by number. It goes on while nobody is attached. Everything said is recorded
/// before it is published (<see cref="ITranscript"/>).
/// </summary>
/// <remarks>
/// One lock around all state; the transcript is appended to under it, so that records and events have one order. Those
/// woken and cancelled are so after it is let go.
/// </remarks>
internal sealed class Session
{
    private const int RememberedIds = 32;

    private readonly SessionOptions _options;
    private readonly ITranscript _transcript;
    private readonly TurnWriter _writer;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ReplayBuffer _events;
    private readonly History _history;
    private readonly Queue<UserMessage> _waiting = new();
    private readonly Queue<string> _ids = new();
    private ISessionReader? _reader;
    private Turn? _turn;
    private int _turns;
    private string? _ended;        // decided
    private string? _endedAndTold; // and its last event is published
    private long _delivered;
    private long _activeAt;
    private long _publishedAt;
    private bool _warnedIdle;
    private bool _warnedEnd;

    public Session(SessionSetup setup, SessionOptions options, ITranscript transcript, TurnWriter writer, TimeProvider time)
    {
        (Setup, _options, _transcript, _writer, _time) = (setup, options, transcript, writer, time);
        _events = new ReplayBuffer(options.ReplayEvents, options.ReplayBytes);
        _history = new History(options.MaxHistoryTokens);
        foreach (var message in setup.History)
        {
            _history.Add(message.Role, message.Text);
        }
        CreatedAt = time.GetUtcNow();
        ExpiresAt = CreatedAt + options.Timeout;
        _activeAt = _publishedAt = time.GetTimestamp();
        Credentials = new SessionCredentials(options, time);
    }

    public SessionSetup Setup { get; }

    public string Id => Setup.Id;

    public DateTimeOffset CreatedAt { get; }

    public DateTimeOffset ExpiresAt { get; }

    /// <summary>Connect tokens and resume handles.</summary>
    public SessionCredentials Credentials { get; }

    /// <summary>The last event that was sent to anybody.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Null while it lives: <c>deleted | idle_timeout | session_timeout | shutting_down</c>.</summary>
    public string? Ended => Volatile.Read(ref _endedAndTold);

    public bool IsConnected => Volatile.Read(ref _reader) is not null;

    public int Turns => Volatile.Read(ref _turns);

    /// <summary>The number of the last event.</summary>
    public long LastEvent
    {
        get
        {
            lock (_lock)
            {
                return _events.Last;
            }
        }
    }

    /// <summary>From now on <paramref name="reader"/> is the one that is woken; the one before it is told that it was replaced.</summary>
    public void Attach(ISessionReader reader)
    {
        var before = Interlocked.Exchange(ref _reader, reader);
        Interlocked.Exchange(ref _activeAt, _time.GetTimestamp());
        before?.End("replaced");
    }

    /// <summary>Nothing ends by it: a turn goes on.</summary>
    public void Detach(ISessionReader reader) => Interlocked.CompareExchange(ref _reader, null, reader);

    /// <summary>The event after <paramref name="seq"/>, or how many are gone that should have come first.</summary>
    public (SessionEvent? Event, long Gone) After(long seq)
    {
        lock (_lock)
        {
            return (_events.Find(seq + 1), Math.Max(0, _events.First - (seq + 1)));
        }
    }

    /// <summary>An event was sent.</summary>
    public void Deliver(long seq) => Interlocked.Exchange(ref _delivered, Math.Max(seq, Delivered));

    /// <summary>The client has these events for good: nobody will ask for them again.</summary>
    public void Acknowledge(long seq)
    {
        lock (_lock)
        {
            _events.DropThrough(Math.Min(seq, _events.Last));
        }
    }

    /// <summary>A message: begins a turn, at once or when the one that runs is over.</summary>
    /// <returns>Why not: <see cref="ErrorCodes.Busy"/>, <see cref="ErrorCodes.SessionEnded"/>; null where it was taken, or known already.</returns>
    public string? Submit(UserMessage message)
    {
        Turn? broken = null;
        lock (_lock)
        {
            if (_ended is not null)
            {
                return ErrorCodes.SessionEnded;
            }
            if (message.Id is { } id && !Remember(id))
            {
                return null;
            }
            (_activeAt, _warnedIdle) = (_time.GetTimestamp(), false);
            if (_turn is not { IsOver: false } running)
            {
                Begin(message);
            }
            else if (message.Interrupts)
            {
                BreakOff(broken = running, message.Ack, "barge_in");
                Begin(message);
            }
            else if (_waiting.Count < _options.MaxWaiting)
            {
                _waiting.Enqueue(message);
            }
            else
            {
                return ErrorCodes.Busy;
            }
        }
        broken?.Cancel();
        return null;
    }

    /// <summary>What the model is asked for this turn: the instructions and as much history as fits.</summary>
    public IReadOnlyList<ChatMessage> Prompt()
    {
        lock (_lock)
        {
            var system = string.Join("\n\n", new[]
            {
                Setup.Instructions, Setup.Language is { } language ? $"Answer in this language: {language}." : null,
            }.Where(part => !string.IsNullOrWhiteSpace(part)));
            return system.Length == 0 ? _history.ToMessages() : [new ChatMessage("system", system), .. _history.ToMessages()];
        }
    }

    /// <summary>The writer's: a piece of the answer, which is recorded and then published.</summary>
    public void Say(Turn turn, string text)
    {
        lock (_lock)
        {
            if (turn.IsOver)
            {
                return;
            }
            turn.Say(text);
            Record(turn, new SessionTurnRecord(0, turn.Number, "delta", _time.GetUtcNow(), text), () =>
            {
                // Of a turn that was broken off meanwhile nothing comes after its end was decided.
                if (!turn.IsBroken)
                {
                    turn.FirstDelta ??= _time.GetElapsedTime(turn.StartedAt);
                    turn.Shown(Publish(new TextDelta(turn.Number, text)), text);
                }
            });
        }
    }

    /// <summary>The writer's: the answer is whole.</summary>
    public void Finish(Turn turn, TurnEnd end)
    {
        lock (_lock)
        {
            if (turn.IsOver)
            {
                return;
            }
            turn.IsOver = true;
            var said = turn.Said;
            _history.Add("assistant", said);
            var citations = end.Citations.Count == 0 ? null : JsonSerializer.Serialize(end.Citations, CitationJson.Default.IReadOnlyListCitation);
            Record(turn, End(turn, "complete", end.FinishReason, said) with { Citations = citations }, () =>
            {
                Publish(new TurnText(turn.Number, said, end.FinishReason, end.Citations));
                Publish(new LatencyReport(
                    turn.Number, end.Retrieval, end.FirstToken, turn.FirstDelta, _time.GetElapsedTime(turn.StartedAt), end.Usage));
            });
            Next();
        }
    }

    /// <summary>The writer's: it failed. What was said before stays said; the error stands beside it.</summary>
    public void Fail(Turn turn, string code, string message)
    {
        lock (_lock)
        {
            if (turn.IsOver)
            {
                return;
            }
            turn.IsOver = true;
            var said = turn.Said;
            _history.Add("assistant", said);
            Record(turn, End(turn, "failed", code, said), () => Publish(new TurnFailed(turn.Number, code, message)));
            Next();
        }
    }

    /// <summary>Tells the client something beside the turns.</summary>
    public void Warn(SessionWarning warning)
    {
        lock (_lock)
        {
            Publish(warning);
        }
        Wake();
    }

    /// <summary>Ends it; the first reason counts. Returns when its turn occupies nothing any more.</summary>
    public async Task EndAsync(string reason)
    {
        Turn? running;
        lock (_lock)
        {
            if (_ended is not null)
            {
                return;
            }
            if (_turn is { IsOver: false } broken)
            {
                BreakOff(broken, null, reason);
            }
            _waiting.Clear();
            _ended = reason;
            running = _turn;
        }
        running?.Cancel();
        _transcript.Append(
            Id, Setup.Tenant, Setup.Owner, new SessionTurnRecord(0, _turns, "closed", _time.GetUtcNow(), FinishReason: reason), static _ => { });
        _transcript.Closed(Id);
        if (running is not null)
        {
            await Task.WhenAll(running.Work, running.Recorded); // neither fails
        }
        // From here on whoever attaches, or is attached, has everything there will ever be.
        Volatile.Write(ref _endedAndTold, reason);
        Volatile.Read(ref _reader)?.End(reason);
    }

    /// <summary>Looks at the clock, about once a second. Returns why the session's time is over, or null.</summary>
    public string? Tick()
    {
        lock (_lock)
        {
            if (_turn is { IsOver: false })
            {
                _activeAt = _time.GetTimestamp();
            }
            if (_events.Last >= _events.First && _time.GetElapsedTime(_publishedAt) > _options.ReplayFor)
            {
                _events.DropThrough(_events.Last);
            }
            var idle = _options.IdleTimeout - _time.GetElapsedTime(Interlocked.Read(ref _activeAt));
            var life = ExpiresAt - _time.GetUtcNow();
            if (idle <= TimeSpan.Zero || life <= TimeSpan.Zero)
            {
                return life <= TimeSpan.Zero ? "session_timeout" : "idle_timeout";
            }
            if (!_warnedEnd && life <= _options.WarningFor(_options.Timeout))
            {
                _warnedEnd = true;
                Publish(new SessionWarning("session_timeout", life));
            }
            if (!_warnedIdle && idle <= _options.WarningFor(_options.IdleTimeout) && idle < life)
            {
                _warnedIdle = true;
                Publish(new SessionWarning("idle_timeout", idle));
            }
        }
        Wake();
        Volatile.Read(ref _reader)?.Tick();
        return null;
    }

    private void Begin(UserMessage message)
    {
        var turn = _turn = new Turn(++_turns, message, _time.GetTimestamp());
        _history.Add("user", message.Text);
        Record(
            turn,
            new SessionTurnRecord(0, turn.Number, "user", _time.GetUtcNow(), message.Text),
            () => Publish(new TurnAccepted(turn.Number, message.Id)));
        turn.Work = _writer.Start(this, turn);
    }

    private void Next()
    {
        if (_ended is null && _waiting.TryDequeue(out var message))
        {
            Begin(message);
        }
        _activeAt = _time.GetTimestamp();
    }

    private void BreakOff(Turn turn, long? ack, string reason)
    {
        turn.IsOver = true;
        turn.IsBroken = true;
        var kept = turn.Kept(ack);
        _history.Add("assistant", kept);
        Record(turn, End(turn, "interrupted", reason, kept), () => Publish(new TurnInterrupted(turn.Number, kept, reason)));
    }

    private SessionTurnRecord End(Turn turn, string status, string reason, string text) => new(
        0, turn.Number, "end", _time.GetUtcNow(), Status: status, FinishReason: reason, Length: Encoding.UTF8.GetByteCount(text));

    /// <summary>Records, and publishes when that is durable. What cannot be recorded is not shown: the turn fails.</summary>
    private void Record(Turn turn, SessionTurnRecord record, Action publish) =>
        _transcript.Append(Id, Setup.Tenant, Setup.Owner, record, durable =>
        {
            lock (_lock)
            {
                if (!durable)
                {
                    Lose(turn);
                }
                else if (!turn.IsLost)
                {
                    publish();
                }
                if (record.Kind is "end" || turn.IsLost)
                {
                    turn.Close();
                }
            }
            if (record.Kind is "delta")
            {
                turn.Room.Release();
            }
            if (!durable)
            {
                turn.Cancel();
            }
            Wake();
        });

    private void Lose(Turn turn)
    {
        if (turn.IsLost)
        {
            return;
        }
        var ran = !turn.IsOver;
        turn.IsLost = turn.IsBroken = turn.IsOver = true;
        Publish(new TurnFailed(turn.Number, ErrorCodes.TranscriptUnavailable, "What was said cannot be recorded, and so is not shown."));
        if (ran)
        {
            Next();
        }
    }

    private long Publish(SessionEvent happened)
    {
        _publishedAt = _time.GetTimestamp();
        return _events.Add(happened);
    }

    private bool Remember(string id)
    {
        if (_ids.Contains(id))
        {
            return false;
        }
        _ids.Enqueue(id);
        if (_ids.Count > RememberedIds)
        {
            _ids.Dequeue();
        }
        return true;
    }

    private void Wake() => Volatile.Read(ref _reader)?.Wake();
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
