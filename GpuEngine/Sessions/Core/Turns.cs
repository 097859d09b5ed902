using System.Text;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// The turns of a session, one after the other: begun, written, spoken, ended, each step recorded before it is shown. The
/// session's lock guards it; the transcript is appended to under it, so that records and events have one order.
/// </summary>
/// <param name="sync">The session's lock, which what was recorded is published under.</param>
internal sealed class Turns(
    Session session, Lock sync, EventStream events, SessionWorkers workers, ITranscript transcript, SessionOptions options, TimeProvider time)
{
    private readonly History _history = new(session.Setup.History, options.MaxHistoryTokens);
    private readonly Queue<UserMessage> _waiting = new();
    private AudioOutput? _output;
    private bool _ended;

    /// <summary>The latest one; null before the first.</summary>
    public Turn? Latest { get; private set; }

    public int Count { get; private set; }

    /// <summary>The one that runs: whose text is being written, or whose speech was not played yet.</summary>
    public Turn? Running => Latest is { IsOver: false } turn ? turn : null;

    /// <summary>How answers are spoken from the next one on; null: not at all, and what is being spoken ends.</summary>
    public void SpeakAs(AudioOutput? output)
    {
        _output = output;
        if (output is null)
            StopSpeech();
    }

    public List<ChatMessage> History => _history.ToMessages();

    /// <summary>Begins a turn, or has the message wait for its turn.</summary>
    /// <param name="broken">The turn that was broken off for it, to be cancelled when the lock is let go.</param>
    /// <returns>False where too many wait.</returns>
    public bool TrySubmit(UserMessage message, out Turn? broken)
    {
        broken = null;
        if (Running is { } running)
        {
            if (!message.Interrupts)
            {
                if (_waiting.Count == options.MaxWaiting)
                    return false;
                _waiting.Enqueue(message);
                return true;
            }
            BreakOff(broken = running, message.Ack, message.Played, "barge_in");
        }
        Begin(message);
        return true;
    }

    /// <summary>A piece of the answer.</summary>
    public void Say(Turn turn, string text)
    {
        if (turn.IsOver)
            return;
        turn.Say(text);
        Record(turn, new SessionTurnRecord(0, turn.Number, "delta", time.GetUtcNow(), text), () =>
        {
            // Of a turn that was broken off meanwhile nothing comes after its end was decided.
            if (!turn.IsBroken)
            {
                turn.FirstDelta ??= time.GetElapsedTime(turn.StartedAt);
                turn.Shown(events.Publish(new TextDelta(turn.Number, text)), text);
            }
        });
    }

    /// <summary>
    /// The answer's text is whole. Where it is spoken, the turn goes on until that was played: a record without text keeps what
    /// <c>text</c> shows beyond the deltas, and the end comes later.
    /// </summary>
    public void Finish(Turn turn, TurnEnd end)
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
        Record(
            turn,
            new SessionTurnRecord(
                0, turn.Number, "delta", time.GetUtcNow(), FinishReason: end.FinishReason, Citations: Json(end.Citations)),
            () =>
            {
                if (!turn.IsBroken)
                {
                    ShowWhole(turn, said, end);
                    spoken.EndText();
                }
            });
    }

    /// <summary>It failed. What was said before stays said; the error stands beside it.</summary>
    public void Fail(Turn turn, string code, string message)
    {
        if (turn.IsOver)
            return;
        turn.IsOver = true;
        turn.Spoken?.Stop();
        var said = turn.Said;
        _history.Add("assistant", said);
        Record(turn, End(turn, "failed", code, said), () => events.Publish(new TurnFailed(turn.Number, code, message)));
        Next();
    }

    /// <summary>A piece of the answer's speech. Zero: published. Else how long to wait with it; null: nothing is spoken any more.</summary>
    public TimeSpan? Speak(Turn turn, AudioFrame frame, Speech.Sentence sentence)
    {
        if (turn.IsOver || turn.Spoken is not { IsSpeaking: true } spoken)
            return null;
        var wait = spoken.UntilRoomFor(frame.Length);
        if (wait == TimeSpan.Zero)
        {
            turn.FirstAudio ??= time.GetElapsedTime(turn.StartedAt);
            spoken.Publish(events.Publish(frame), frame, sentence);
        }
        return wait;
    }

    /// <summary>All was published. Zero: and played, so the turn is over. Else as <see cref="Speak"/>.</summary>
    public TimeSpan? EndSpeech(Turn turn)
    {
        if (turn.IsOver || turn.Spoken is not { IsSpeaking: true } spoken)
            return null;
        var wait = spoken.UntilPlayed;
        if (wait == TimeSpan.Zero)
            StopSpeech();
        return wait;
    }

    /// <summary>The running turn is not spoken any further; it is over where it was only being spoken.</summary>
    public void StopSpeech()
    {
        if (Running is not { Spoken: { IsSpeaking: true } spoken } turn)
            return;
        spoken.Stop();
        if (turn.Written is { } end)
            Complete(turn, end);
    }

    /// <summary>Decides the running turn's end. What is on its way to the disk is no longer shown; nor is speech that nobody has yet.</summary>
    /// <returns>It, to be cancelled when the lock is let go.</returns>
    public Turn? BreakOff(PlayPosition? played, string reason)
    {
        if (Running is { } turn)
        {
            BreakOff(turn, null, played, reason);
            return turn;
        }
        return null;
    }

    /// <summary>No turn begins any more.</summary>
    public void End(string reason)
    {
        BreakOff(null, reason);
        _waiting.Clear();
        _ended = true;
    }

    private void Begin(UserMessage message)
    {
        var spoken = _output is { } output && workers.Speaker.IsAvailable ? new SpokenAnswer(output, options, time) : null;
        var turn = Latest = new Turn(++Count, message, message.Heard?.EndedAt ?? time.GetTimestamp(), spoken);
        _history.Add("user", message.Text);
        Record(
            turn,
            new SessionTurnRecord(0, turn.Number, "user", time.GetUtcNow(), message.Text),
            () => events.Publish(new TurnAccepted(turn.Number, message.Id, message.Heard is null ? null : message.Text)));
        var writing = workers.Writer.Start(session, turn);
        turn.Work = spoken is null ? writing : Task.WhenAll(writing, workers.Speaker.Start(session, turn, spoken));
    }

    private void Next()
    {
        if (!_ended && _waiting.TryDequeue(out var message))
            Begin(message);
        session.Touch();
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
            ForgetSpeech(turn);
        });
        Next();
    }

    private void ShowWhole(Turn turn, string said, TurnEnd end)
    {
        events.Publish(new TurnText(turn.Number, said, end.FinishReason, end.Citations));
        turn.Total = time.GetElapsedTime(turn.StartedAt);
    }

    private void BreakOff(Turn turn, long? ack, PlayPosition? played, string reason)
    {
        if (played is { } position)
            turn.Spoken?.Report(position);
        turn.IsOver = true;
        turn.IsBroken = true;
        var kept = turn.Kept(ack);
        _history.Add("assistant", kept);
        turn.Spoken?.Stop();
        ForgetSpeech(turn);
        Record(turn, End(turn, "interrupted", reason, kept), () => events.Publish(new TurnInterrupted(turn.Number, kept, reason)));
    }

    private void ForgetSpeech(Turn turn)
    {
        if (turn.Spoken is not null)
            events.OmitAudio(events.Last);
    }

    private SessionTurnRecord End(Turn turn, string status, string reason, string text) => new(
        0, turn.Number, "end", time.GetUtcNow(), Status: status, FinishReason: reason, Length: Encoding.UTF8.GetByteCount(text));

    private static string? Json(IReadOnlyList<Citation> citations) =>
        citations.Count == 0 ? null : JsonSerializer.Serialize(citations, CitationJson.Default.IReadOnlyListCitation);

    /// <summary>Records, and publishes when that is durable. What cannot be recorded is not shown: the turn fails.</summary>
    private void Record(Turn turn, SessionTurnRecord record, Action publish) =>
        transcript.Append(session.Id, session.Setup.Tenant, session.Setup.Owner, record, durable =>
        {
            lock (sync)
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
        turn.IsLost = turn.IsBroken = turn.IsOver = true;
        turn.Spoken?.Stop();
        events.Publish(new TurnFailed(turn.Number, ErrorCodes.TranscriptUnavailable, "What was said cannot be recorded, and so is not shown."));
        if (ran)
            Next();
    }
}
