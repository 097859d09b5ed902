using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary><c>POST /api/practice/sets</c>.</summary>
/// <param name="Count">Items, 1 to 30; fewer where there is not enough to make them from.</param>
/// <param name="Language">A language tag; absent: the material's, Chinese or English.</param>
public sealed record MakeSetRequest(SetOrigin? From, int Count = 8, string? Language = null);

/// <summary>What a set is made from.</summary>
/// <param name="Kind"><c>concept | kb | conversation</c>.</param>
/// <param name="TaskId">Of a concept: its roadmap, one's own or one that is shared with one's class.</param>
/// <param name="ConceptId">Of a concept.</param>
/// <param name="KbId">A knowledge base; for <c>kb</c>, unless <paramref name="TutorId"/> names it.</param>
/// <param name="TutorId">The tutor whose knowledge base it is: a student's only way to one.</param>
/// <param name="Topic">For <c>kb</c>: what to practise, in words.</param>
/// <param name="ConversationId">For <c>conversation</c>: one's own.</param>
public sealed record SetOrigin(
    string? Kind, Guid? TaskId = null, string? ConceptId = null, string? KbId = null, int? TutorId = null, string? Topic = null,
    Guid? ConversationId = null);

/// <summary>What is to be made, checked: the task's input.</summary>
/// <param name="KbId">Once it is recorded, the tutor's if the request names none.</param>
/// <param name="Owner">Whose roadmap it is, once it is recorded.</param>
internal sealed record PracticeOrder(
    string Kind, int Count, string? Language, Guid? TaskId = null, string? ConceptId = null, string? KbId = null, int? TutorId = null,
    string? Topic = null, Guid? ConversationId = null, string? Owner = null)
{
    public const string Concept = "concept";
    public const string Kb = "kb";
    public const string Conversation = "conversation";
    private const int MaxCount = 30;
    private const int MaxTopic = 1000;

    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with all that is wrong.</exception>
    public static PracticeOrder Check(MakeSetRequest request)
    {
        var faults = new ValidationErrors();
        var from = request.From;
        faults.AddIf(from?.Kind is not (Concept or Kb or Conversation), "from.kind", "from.kind must be concept, kb or conversation.");
        faults.AddIf(request.Count is < 1 or > MaxCount, "count", $"count must be from 1 to {MaxCount}.");
        faults.AddIf(request.Language is { } tag && !IsLanguage(tag), "language", "language must be a language tag such as en or zh-CN.");
        faults.AddIf(from is { Kind: Concept, TaskId: null }, "from.task_id", "from.task_id must name a roadmap.");
        faults.AddIf(from is { Kind: Conversation, ConversationId: null }, "from.conversation_id", "from.conversation_id must be given.");
        faults.AddIf(from is { Kind: Kb, KbId: null, TutorId: null }, "from.kb_id", "from.kb_id or from.tutor_id must be given.");
        faults.CheckText("from.concept_id", from?.ConceptId, 80, required: from?.Kind == Concept);
        faults.CheckText("from.topic", from?.Topic, MaxTopic, required: from?.Kind == Kb);
        faults.AddIf(from is { Kind: Kb, KbId: { } kb } && !Slug.IsValid(kb), "from.kb_id", "from.kb_id must be a knowledge base's id.");
        faults.ThrowIfAny();
        var (count, language) = (request.Count, request.Language);
        return from!.Kind switch
        {
            Concept => new(Concept, count, language, from.TaskId, from.ConceptId),
            Kb => new(Kb, count, language, KbId: from.KbId, TutorId: from.TutorId, Topic: from.Topic!.Trim()),
            _ => new(Conversation, count, language, ConversationId: from.ConversationId),
        };
    }

    private static bool IsLanguage(string tag) =>
        tag.Length is >= 2 and <= 35 && tag.All(sign => char.IsAsciiLetterOrDigit(sign) || sign == '-') && char.IsAsciiLetter(tag[0]);
}
