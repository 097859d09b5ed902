using Lyceum.ChatApi.Answers;
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
    /// <summary>
    /// The answer that it follows; null: the last of the active branch. The conversation itself: none, it is a first question
    /// beside the others. Where an answer is asked for anew: that answer's question.
    /// </summary>
    public Guid? ParentId { get; init; }

    /// <summary>The answer beside which another is asked for, to the same question; null: a question of its own.</summary>
    public Guid? RegenerateOf { get; init; }

    /// <summary>How to answer; null: nothing is said.</summary>
    public Teaching? Teaching { get; init; }

    /// <summary>Images of the asker's that it is asked with, in order; where it is answered anew, those it has.</summary>
    public IReadOnlyList<Guid> Images { get; init; } = [];

    /// <summary>Whether it begins a branch at the conversation's root.</summary>
    public bool IsRoot => ParentId is not null && ParentId == ConversationId;

    public byte[] Fingerprint() => IdempotencyKeys.Fingerprint($"{ConversationId}{AskedOf}{Branch}{Seen}\n{Text}");

    private string Seen => Images.Count == 0 ? "" : $"\f{string.Join(' ', Images)}";

    private string Branch => (ParentId, RegenerateOf, Teaching) is (null, null, null) ? "" : $"\v{ParentId}\t{RegenerateOf}\t{Teaching}";

    private string AskedOf => TutorId is null && KbId is null ? "" : $"\t{TutorId}\t{KbId}";
}

/// <param name="MessageId">The answer.</param>
/// <param name="Order">What to start; null if the question had been asked before under the same key, or is refused.</param>
/// <param name="QuestionId">Null where it had been asked before.</param>
/// <param name="Help">What the school says at signs of self-harm in the question; null: there were none.</param>
public sealed record RecordedQuestion(
    Guid ConversationId, Guid MessageId, GenerationOrder? Order, Guid? QuestionId = null, SafetyHelp? Help = null);
