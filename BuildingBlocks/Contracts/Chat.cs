namespace Lyceum.Contracts;

/// <summary>
/// Event: an answer reached its terminal status. A hint (rule 2): readers on other replicas look at once instead of at
/// their next poll; nothing depends on its arrival.
/// </summary>
/// <param name="MessageId">The assistant message, UUIDv7.</param>
/// <param name="ConversationId">The conversation it belongs to.</param>
/// <param name="Status"><c>complete | stopped | interrupted | timed_out | failed</c>.</param>
/// <param name="Length">UTF-8 bytes stored.</param>
public sealed record ResponseFinished(Guid MessageId, Guid ConversationId, string Status, int Length);

/// <summary>
/// Command, for any replica of ChatApi: store this end of an answer, keeping its part. Sent by a writer that could not store
/// it itself; everything it wrote is committed, and it writes no more. A hint (rule 2): the writer goes on trying and a sweep
/// comes by. Idempotent: it holds for this owner and epoch alone, and only while the answer is running.
/// </summary>
/// <param name="MessageId">The assistant message, UUIDv7.</param>
/// <param name="ConversationId">The conversation it belongs to.</param>
/// <param name="Owner">The writer's lease.</param>
/// <param name="Epoch">The writer's fencing token.</param>
/// <param name="Status">The terminal status.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="Usage">JSON, as it is stored; null where nothing was counted.</param>
/// <param name="Error">JSON of a problem document, as it is stored; null where nothing went wrong.</param>
/// <param name="Sources">JSON, as it is stored: what a grounded answer cites; null where it is not grounded.</param>
/// <param name="Moderation">Whether a part of the answer was withheld, or not judged.</param>
/// <param name="Verdict">JSON: why a part was withheld; null where none was.</param>
public sealed record SavePartialResponse(
    Guid MessageId, Guid ConversationId, Guid Owner, int Epoch, string Status, string FinishReason, string? Usage, string? Error,
    string? Sources = null, string? Moderation = null, string? Verdict = null);
