using System.Text.Json.Serialization;

namespace Lyceum.Contracts;

/// <summary>
/// Command, for SessionApi: keep these records of sessions' transcripts. Sent by the engine until it is answered with
/// <see cref="SessionTurnsRecorded"/>, so it may come twice, late or out of order: a record at or below the highest one
/// stored of its session is skipped, and one that would leave a gap is not stored but answered with the highest there is.
/// </summary>
/// <param name="Sessions">Each once.</param>
public sealed record RecordSessionTurns(IReadOnlyList<SessionTurns> Sessions);

/// <summary>Of one session.</summary>
/// <param name="SessionId">The session; begins with its engine's id.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Owner">The subject it belongs to.</param>
/// <param name="Records">One at least; in order of <see cref="SessionTurnRecord.Seq"/>, without a gap.</param>
public sealed record SessionTurns(string SessionId, string Tenant, string Owner, IReadOnlyList<SessionTurnRecord> Records);

/// <summary>
/// One record of a transcript. A turn is one <c>user</c> record, then any number of <c>delta</c> ones (and of
/// <c>thinking</c> ones, the model's reasoning, which is no part of what was said), then one <c>end</c>
/// (none where the engine died). A <c>flag</c> says what moderation made of the turn: its status is <c>help</c> (signs of self-harm
/// in the question), <c>refused</c> (the question) or <c>blocked</c> (the next sentence of the answer), its finish reason the
/// category, its text what was found. What was said is the deltas joined, cut to the end's <paramref name="Length"/>.
/// The last of a session that was not cut short by its engine's death is <c>closed</c>.
/// </summary>
/// <param name="Seq">1, 2, 3, … within the session.</param>
/// <param name="Turn">1, 2, 3, … within the session.</param>
/// <param name="Kind"><c>user | thinking | delta | flag | end | closed</c>.</param>
/// <param name="At">When it was recorded.</param>
/// <param name="Text">What was asked, or a piece of what was said; empty at the end.</param>
/// <param name="Status">Of an end: <c>complete | interrupted | failed</c>.</param>
/// <param name="FinishReason">
/// Of an end: the model's own, or why it broke off. Of closed: why, as the client was told (<c>bye</c>). Also of the delta
/// without text that follows the last one of an answer that is spoken: its text is whole and shown, its end comes when it was
/// played.
/// </param>
/// <param name="Length">Of an end: UTF-8 bytes of the turn's deltas that count as said.</param>
/// <param name="Citations">Of an end, or of that delta: JSON array of the passages cited; null where there are none.</param>
/// <param name="By">Of a flag: what judged, <c>words | guard | moderations</c>.</param>
/// <param name="Then">Of a delta: the turn's next pieces, each a record of its own that is numbered on from this one; null: none.</param>
public sealed record SessionTurnRecord(
    long Seq, int Turn, string Kind, DateTimeOffset At, string Text = "", string? Status = null, string? FinishReason = null,
    int? Length = null, string? Citations = null, IReadOnlyList<string>? Then = null, string? By = null)
{
    /// <summary>The number of the last record in it.</summary>
    [JsonIgnore]
    public long ThroughSeq => Seq + (Then?.Count ?? 0);
}

/// <summary>Event, for the engine: of these sessions everything up to and with a record is stored; it may forget it.</summary>
public sealed record SessionTurnsRecorded(IReadOnlyList<RecordedSession> Sessions);

/// <param name="ThroughSeq">The highest <see cref="SessionTurnRecord.Seq"/> stored; 0: none.</param>
public sealed record RecordedSession(string SessionId, long ThroughSeq);
