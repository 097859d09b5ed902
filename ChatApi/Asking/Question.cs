using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Work;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Asking;

/// <summary>A question as it is asked, already validated.</summary>
/// <param name="ConversationId">Null begins a conversation.</param>
/// <param name="IdempotencyKey">A request with the same key is not asked again but read again; null: every request asks.</param>
/// <param name="TutorId">Who is asked; null: no tutor.</param>
/// <param name="KbId">The knowledge base to answer from, whatever the tutor's; null: the tutor's, if any.</param>
public sealed record Question(
    Guid? ConversationId, string Text, bool StopsOnDisconnect, string? IdempotencyKey, int? TutorId = null, string? KbId = null)
{
    public byte[] Fingerprint() => IdempotencyKeys.Fingerprint($"{ConversationId}{AskedOf}\n{Text}");

    private string AskedOf => TutorId is null && KbId is null ? "" : $"\t{TutorId}\t{KbId}";
}

/// <param name="Order">What to start; null if the question had been asked before under the same key, or is refused.</param>
/// <param name="Help">What the school says at signs of self-harm in the question; null: there were none.</param>
public sealed record RecordedQuestion(Guid ConversationId, Guid MessageId, GenerationOrder? Order, SafetyHelp? Help = null);
