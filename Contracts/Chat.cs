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
