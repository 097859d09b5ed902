using System.Text;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.GpuEngine.Speech;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>
/// The turns of a session, one after the other: begun, written, spoken, ended, each step recorded before it is
/// published.
/// </summary>
/// <remarks>
/// Its lock guards this class and all that belongs to a turn: <see cref="Turn"/>, <see cref="SpokenAnswer"/> and
/// <see cref="History"/>. The transcript is appended to under the lock, and what was recorded is published under it, so
/// that records and events have one order. The writer and the speaker of a turn call in from their own tasks.
/// </remarks>
/// <param name="touched">
/// Called when a turn is over: the session is active. Under the lock, so it must not call back.
/// </param>
internal sealed class TurnSequence(
    SessionSetup setup, LiveSessionOptions options, EventStream events, ITranscript transcript, TurnWriter writer,
    Speaker speaker, Action touched, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly History _history = new(setup.History, options.MaxHistoryTokens);
    private readonly Queue<UserMessage> _waiting = new();
    private AudioOutput? _output;
    private Turn? _latest;
    private int _count;
    private bool _ended;

    public SessionSetup Setup => setup;

    public int Count => Volatile.Read(ref _count);

    /// <summary>No turn runs or waits, and the end of the last one is recorded.</summary>
    public bool IsBetweenTurns
    {
        get
        {
            lock (_lock)
                return Running is null && _waiting.Count == 0 && _latest?.Recorded.IsCompleted is not false;
        }
    }

    /// <summary>The one that runs: whose text is being written, or whose speech is not yet played to its end.</summary>
    private Turn? Running => _latest is { IsOver: false } turn ? turn : null;

    /// <summary>
    /// How answers are spoken from the next one on; null: not at all, and the running one's speech ends.
    /// </summary>
    /// <param name="announce">Published with the change.</param>
    public void SpeakAs(AudioOutput? output, SessionEvent? announce = null)
    {
        lock (_lock)
        {
            _output = output;
            if (output is null)
                StopSpeech();
            if (announce is not null)
                events.Publish(announce);
        }
    }

    /// <summary>What the model is asked for this turn: the instructions, and as much history as fits.</summary>
    public IReadOnlyList<ChatMessage> Prompt()
    {
        var system = string.Join("\n\n", new[]
        {
            setup.Instructions, setup.Language is { } language ? $"Answer in this language: {language}." : null,
        }.Where(part => !string.IsNullOrWhiteSpace(part)));
        lock (_lock)
        {
            var history = _history.ToMessages();
            return system.Length == 0 ? history : [new ChatMessage("system", system), .. history];
        }
    }

    /// <summary>Begins a turn, or queues the message until the running turn is over.</summary>
    /// <param name="interrupted">
    /// The turn that it interrupted, to be cancelled when the caller has released its locks.
    /// </param>
    /// <returns>False where too many wait.</returns>
    public bool TrySubmit(UserMessage message, out Turn? interrupted)
    {
        interrupted = null;
        lock (_lock)
        {
            if (Running is { } running)
            {
                if (!message.Interrupts)
                {
                    if (_waiting.Count == options.MaxWaiting)
                        return false;
                    _waiting.Enqueue(message);
                    return true;
                }
                Interrupt(interrupted = running, message.Ack, message.Played, "barge_in");
            }
            Begin(message);
            return true;
        }
    }

    /// <summary>The user begins to speak: the running turn is interrupted.</summary>
    /// <param name="announce">Published with it: no event of the turn but its end follows.</param>
    /// <returns>The turn, to be cancelled when the caller has released its locks; null where none runs.</returns>
    public Turn? BargeIn(PlayPosition? played, SessionEvent announce)
    {
        lock (_lock)
        {
            var turn = Running;
            if (turn is not null)
                Interrupt(turn, null, played, "barge_in");
            events.Publish(announce);
            return turn;
        }
    }

    /// <summary>No turn begins any more; the running one is interrupted.</summary>
    /// <returns>
    /// The latest turn, to be cancelled when the caller has released its locks; null where there was none.
    /// </returns>
    public Turn? End(string reason)
    {
        lock (_lock)
        {
            if (Running is { } turn)
                Interrupt(turn, null, null, reason);
            _waiting.Clear();
            _ended = true;
            return _latest;
        }
    }

    /// <summary>About once a second.</summary>
    /// <param name="stopSpeech">The running turn is not spoken any further.</param>
    /// <returns>Whether a turn is active: being written, or by the clock still being played.</returns>
    public bool Tick(bool stopSpeech)
    {
        lock (_lock)
        {
            if (Running is not { } turn)
                return false;
            if (stopSpeech)
                StopSpeech();
            // A client that does not report how far it has played may be gone: waiting for its report is not activity.
            return turn.Written is null || turn.Spoken is { IsPlaying: true };
        }
    }

    /// <summary>The client has played up to here.</summary>
    public void Report(PlayPosition played)
    {
        lock (_lock)
        {
            Running?.Spoken?.Report(played);
            events.OmitAudio(played.Milliseconds is null ? played.Seq : played.Seq - 1);
        }
    }

    /// <summary>A piece of speech was sent.</summary>
    public void Deliver(long seq, AudioFrame frame)
    {
        lock (_lock)
        {
            if (Running is { Spoken: { } spoken } turn && turn.Number == frame.Turn)
                spoken.Deliver(seq, frame);
        }
    }

    /// <summary>The writer's: a piece of the answer.</summary>
    public void Say(Turn turn, string text)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            turn.Say(text);
            Record(turn, new SessionTurnRecord(0, turn.Number, "delta", time.GetUtcNow(), text), () =>
            {
                // Of a turn that was interrupted meanwhile nothing is published after its end was decided.
                if (turn.IsInterrupted)
                    return;
                turn.FirstDelta ??= time.GetElapsedTime(turn.StartedAt);
                turn.Shown(events.Publish(new TextDelta(turn.Number, text)), text);
            });
        }
    }

    /// <summary>The writer's: the model reasons, which is no part of the answer. Clients are told how much.</summary>
    public void Think(Turn turn, string thought)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            var length = turn.ThoughtBytes += Encoding.UTF8.GetByteCount(thought);
            Record(turn, new SessionTurnRecord(0, turn.Number, "thinking", time.GetUtcNow(), thought), () =>
            {
                if (!turn.IsInterrupted)
                    events.Publish(new TurnThinking(turn.Number, length));
            });
        }
    }

    /// <summary>
    /// The writer's: the answer's text is whole. Where it is spoken, the turn goes on until that was played: a record
    /// without text keeps what <c>text</c> shows beyond the deltas, and the end comes later.
    /// </summary>
    public void Finish(Turn turn, TurnEnd end)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            turn.Written = end;
            if (turn.Spoken is not { IsSpeaking: true } spoken)
            {
                Complete(turn, end);
                return;
            }
            var said = turn.Said;
            var record = new SessionTurnRecord(
                0, turn.Number, "delta", time.GetUtcNow(), FinishReason: end.FinishReason,
                Citations: Json(end.Citations));
            Record(turn, record, () =>
            {
                if (turn.IsInterrupted)
                    return;
                ShowWhole(turn, said, end);
                spoken.EndText();
            });
        }
    }

    /// <summary>The writer's: signs of self-harm in the question. Recorded before the help is shown.</summary>
    public void Help(Turn turn, SafetyHelp help, Verdict sign)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            Record(turn, Flag(turn, "help", sign), () => events.Publish(new TurnHelp(turn.Number, help)));
        }
    }

    /// <summary>The writer's: why the question was refused, or the next sentence withheld, for the record.</summary>
    public void Withhold(Turn turn, string status, Verdict verdict)
    {
        lock (_lock)
        {
            if (!turn.IsOver)
                Record(turn, Flag(turn, status, verdict), () => { });
        }
    }

    /// <summary>The writer's: no model is asked, and none will be shown the question later.</summary>
    public void Refuse(Turn turn, string code, string message)
    {
        lock (_lock)
        {
            if (!turn.IsOver)
                _history.RemoveLast("user", turn.Asked.Text);
        }
        Fail(turn, code, message);
    }

    private SessionTurnRecord Flag(Turn turn, string status, Verdict verdict) => new(
        0, turn.Number, "flag", time.GetUtcNow(), verdict.Quote, status, verdict.Category, By: verdict.By switch
        {
            ModerationBy.Guard => "guard",
            ModerationBy.Moderations => "moderations",
            _ => "words",
        });

    /// <summary>The writer's: the turn failed. What was said before stays; the error stands beside it.</summary>
    public void Fail(Turn turn, string code, string message)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            turn.IsOver = true;
            turn.Spoken?.Stop();
            var said = turn.Said;
            _history.Add("assistant", said);
            Record(
                turn, End(turn, "failed", code, said),
                () => events.Publish(new TurnFailed(turn.Number, code, message)));
            Next();
        }
    }

    /// <summary>Publishes a warning beside the turns.</summary>
    public void Warn(string reason)
    {
        events.Publish(new SessionWarning(reason, null));
        events.Wake();
    }

    /// <summary>
    /// The speaker's: a piece of speech. Returns zero where it was published, else how long to wait before the next
    /// attempt; null where the turn is no longer spoken.
    /// </summary>
    public TimeSpan? Speak(Turn turn, AudioFrame frame, Sentence sentence)
    {
        lock (_lock)
        {
            if (turn.IsOver || turn.Spoken is not { IsSpeaking: true } spoken)
                return null;
            var wait = spoken.UntilRoomFor(frame.Length);
            if (wait != TimeSpan.Zero)
                return wait;
            turn.FirstAudio ??= time.GetElapsedTime(turn.StartedAt);
            spoken.Publish(events.Publish(frame), frame, sentence);
        }
        events.Wake();
        return TimeSpan.Zero;
    }

    /// <summary>
    /// The speaker's: all was published. Zero where it was played too, so that the turn is over; else as <see
    /// cref="Speak"/>.
    /// </summary>
    public TimeSpan? EndSpeech(Turn turn)
    {
        lock (_lock)
        {
            if (turn.IsOver || turn.Spoken is not { IsSpeaking: true } spoken)
                return null;
            var wait = spoken.UntilPlayed;
            if (wait == TimeSpan.Zero)
                StopSpeech();
            return wait;
        }
    }

    /// <summary>The speaker's: it failed. The client gets a warning, and the text goes on.</summary>
    public void LoseSpeech(Turn turn)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            events.Publish(new SessionWarning("speech_unavailable", null));
            StopSpeech();
        }
        events.Wake();
    }

    /// <summary>The running turn is not spoken any further; it is over where its text is complete.</summary>
    private void StopSpeech()
    {
        if (Running is not { Spoken: { IsSpeaking: true } spoken } turn)
            return;
        spoken.Stop();
        if (turn.Written is { } end)
            Complete(turn, end);
    }

    private void Begin(UserMessage message)
    {
        var spoken = _output is { } output && speaker.IsAvailable ? new SpokenAnswer(output, options, time) : null;
        var turn = _latest = new Turn(++_count, message, message.Heard?.EndedAt ?? time.GetTimestamp(), spoken);
        _history.Add("user", message.Text);
        Record(
            turn,
            new SessionTurnRecord(0, turn.Number, "user", time.GetUtcNow(), message.Text),
            () => events.Publish(
                new TurnAccepted(turn.Number, message.Id, message.Heard is null ? null : message.Text)));
        var writing = writer.Start(this, turn);
        turn.Work = spoken is null ? writing : Task.WhenAll(writing, speaker.Start(this, turn, spoken));
    }

    private void Next()
    {
        if (!_ended && _waiting.TryDequeue(out var message))
            Begin(message);
        touched();
    }

    private void Complete(Turn turn, TurnEnd end)
    {
        turn.IsOver = true;
        var said = turn.Said;
        _history.Add("assistant", said);
        Record(turn, End(turn, "complete", end.FinishReason, said) with { Citations = Json(end.Citations) }, () =>
        {
            if (turn.Total is null)
                ShowWhole(turn, said, end);
            events.Publish(new LatencyReport(
                turn.Number, turn.Asked.Heard?.Took, end.Retrieval, end.FirstToken, turn.FirstDelta, turn.FirstAudio,
                turn.Total ?? TimeSpan.Zero, end.Usage));
            OmitSpeech(turn);
        });
        Next();
    }

    private void ShowWhole(Turn turn, string said, TurnEnd end)
    {
        events.Publish(new TurnText(turn.Number, said, end.FinishReason, end.Citations));
        turn.Total = time.GetElapsedTime(turn.StartedAt);
    }

    /// <summary>
    /// Decides a running turn's end. Text that is not durable yet is no longer published; speech that was not sent yet
    /// is omitted.
    /// </summary>
    private void Interrupt(Turn turn, long? ack, PlayPosition? played, string reason)
    {
        if (played is { } position)
            turn.Spoken?.Report(position);
        turn.IsOver = true;
        turn.IsInterrupted = true;
        var kept = turn.Kept(ack);
        _history.Add("assistant", kept);
        turn.Spoken?.Stop();
        OmitSpeech(turn);
        Record(
            turn, End(turn, "interrupted", reason, kept),
            () => events.Publish(new TurnInterrupted(turn.Number, kept, reason)));
    }

    private void OmitSpeech(Turn turn)
    {
        if (turn.Spoken is not null)
            events.OmitAudio(events.Last);
    }

    private SessionTurnRecord End(Turn turn, string status, string reason, string text) => new(
        0, turn.Number, "end", time.GetUtcNow(), Status: status, FinishReason: reason,
        Length: Encoding.UTF8.GetByteCount(text));

    private static string? Json(IReadOnlyList<Citation> citations) =>
        citations.Count == 0 ? null : JsonSerializer.Serialize(citations, CitationJson.Default.IReadOnlyListCitation);

    /// <summary>
    /// Records, and publishes when that is durable. What cannot be recorded is not published: the turn fails.
    /// </summary>
    private void Record(Turn turn, SessionTurnRecord record, Action publish) =>
        transcript.Append(setup.Id, setup.Tenant, setup.Owner, record, durable =>
        {
            lock (_lock)
            {
                if (!durable)
                    Lose(turn);
                else if (!turn.IsLost)
                    publish();
                if (record.Kind is "end" || turn.IsLost)
                    turn.Close();
            }
            if (record is { Kind: "delta", Text.Length: > 0 })
                turn.Room.Release();
            if (!durable)
                turn.Cancel();
            events.Wake();
        });

    private void Lose(Turn turn)
    {
        if (turn.IsLost)
            return;
        var ran = !turn.IsOver;
        turn.IsLost = turn.IsInterrupted = turn.IsOver = true;
        turn.Spoken?.Stop();
        events.Publish(new TurnFailed(
            turn.Number, ErrorCodes.TranscriptUnavailable, "What was said cannot be recorded, and so is not shown."));
        if (ran)
            Next();
    }
}
