using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Reviews;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>202: the task is recorded. The set has the task's id, and is there when the task is completed.</summary>
public sealed record PracticeAccepted(Guid TaskId, Guid SetId, string Status, string StatusUrl, string EventsUrl, string SetUrl);

/// <param name="Status"><c>queued | running | completed | failed | cancelled</c>.</param>
/// <param name="Stage"><c>gather | write | store | done</c>.</param>
/// <param name="Progress">0-100.</param>
/// <param name="SetId">There when it is completed.</param>
public sealed record PracticeTask(
    Guid TaskId, Guid SetId, string Status, string Stage, int Progress, int Attempt, string? ErrorCode, string? ErrorMessage,
    DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset UpdatedAt, DateTimeOffset? EndedAt);

/// <param name="NextCursor">What to send as <c>?cursor=</c> for older ones; null at the end.</param>
public sealed record PracticeTaskList(IReadOnlyList<PracticeTask> Tasks, Guid? NextCursor);

/// <param name="MadeBy"><c>model | catalogue | passages</c>: a language model, a roadmap's quiz, or words left out of passages.</param>
/// <param name="MadeFrom"><c>concept | kb | conversation</c>.</param>
/// <param name="Notes">How it was made, in its language: no model, fewer items than asked for.</param>
/// <param name="IsOwn">False: it is shared with a class of the caller's.</param>
public sealed record SetView(
    Guid Id, string Title, string Language, string MadeBy, string MadeFrom, Guid? TaskId, string? ConceptId, string? KbId, Guid? ConversationId,
    IReadOnlyList<string> Notes, bool IsOwn, DateTimeOffset CreatedAt)
{
    internal static SetView Of(PracticeSetRow set, string subject) => new(
        set.Id, set.Title, set.Language, set.MadeBy, set.MadeFrom, set.TaskId, set.ConceptId, set.KbId, set.ConversationId, set.Notes,
        set.Subject == subject, set.CreatedAt);
}

/// <param name="Shared"><c>included</c>, or <c>unavailable</c>: what is shared could not be looked up, and is missing.</param>
public sealed record SetPage(IReadOnlyList<SetView> Sets, Guid? NextCursor, string Shared);

/// <summary>A set with its items.</summary>
public sealed record SetWithItems(SetView Set, IReadOnlyList<ItemView> Items);

/// <summary>A question, without its answer.</summary>
/// <param name="Kind"><c>choice | cloze | short</c>; a cloze's question has <c>____</c> for what is missing.</param>
/// <param name="Options">Of a choice.</param>
/// <param name="Source">What it rests on; its words are shown with the answer.</param>
/// <param name="NeedsSelfGrade">A short answer without a rubric: nobody but the learner can grade it.</param>
/// <param name="Solution">Only for who made the set and is no student.</param>
public sealed record ItemView(
    Guid Id, Guid SetId, int Number, string Kind, string Question, IReadOnlyList<string>? Options, Guid? TaskId, string? ConceptId,
    ItemSource? Source, bool NeedsSelfGrade, Guid? Supersedes, Solution? Solution)
{
    internal static ItemView Of(PracticeItemRow item, bool withSolution = false) => new(
        item.Id, item.SetId, item.Number, item.Kind, item.Question, item.Options, item.TaskId, item.ConceptId,
        Solution.SourceOf(item), item.Kind == ItemKinds.Short && item.Rubric is null, item.Supersedes, withSolution ? Solution.Of(item) : null);
}

/// <summary>What is shown of an item after an attempt.</summary>
/// <param name="Answers">Right ones.</param>
/// <param name="Choice">Of a choice: the right option's index.</param>
/// <param name="Quote">The words of the passage that it rests on.</param>
public sealed record Solution(
    IReadOnlyList<string> Answers, int? Choice, string? Rubric, string? Explanation, string? Quote, ItemSource? Source)
{
    internal static Solution Of(PracticeItemRow item) => new(
        item.Answers, item.Options is { } options ? Array.IndexOf(options, item.Answers[0]) : null, item.Rubric, item.Explanation, item.Quote,
        SourceOf(item));

    internal static ItemSource? SourceOf(PracticeItemRow item) => item.Source is { } source ? JobJson.Read<ItemSource>(source) : null;
}

/// <param name="IsNew">It was never answered.</param>
public sealed record DueItemView(ItemView Item, DateTimeOffset Due, bool IsNew);

/// <param name="DueCount">How many are due in all; 100: so many or more.</param>
/// <param name="NextCursor">What to send as <c>?cursor=</c> for more; null at the end.</param>
/// <param name="Shared"><c>included</c>, or <c>unavailable</c>: what is shared could not be looked up, and is missing.</param>
public sealed record DuePage(IReadOnlyList<DueItemView> Items, int DueCount, string? NextCursor, string Shared);

/// <summary>An answer to an item.</summary>
/// <param name="AttemptId">
/// Chosen by the client, 1 to 200 characters; the same again is the same attempt. The header <c>Idempotency-Key</c> says the same.
/// </param>
/// <param name="Choice">Of a choice: the option's index.</param>
/// <param name="Answer">Of a cloze or short answer, 4,000 characters at most.</param>
/// <param name="SelfGrade">
/// <c>again | hard | good | easy</c>: the learner's own grade, where an attempt is <c>ungraded</c>. Sent with the same attempt id and
/// answer.
/// </param>
public sealed record AttemptRequest(string? AttemptId = null, int? Choice = null, string? Answer = null, Rating? SelfGrade = null);

/// <param name="Outcome"><c>correct | partial | wrong</c>, or <c>ungraded</c>: send it again with <c>self_grade</c>.</param>
/// <param name="Score">0 to 1.</param>
/// <param name="GradedBy"><c>rule | model | learner</c>.</param>
/// <param name="Feedback">What the model says of the answer.</param>
/// <param name="Counted">Whether it moved the schedule: the item was due, and no other attempt came first.</param>
/// <param name="NextDue">When the item is due again.</param>
public sealed record AttemptView(
    Guid Id, string AttemptId, Guid ItemId, string Answer, string Outcome, double? Score, Rating? Rating, string? GradedBy, string? Feedback,
    bool Counted, DateTimeOffset At, DateTimeOffset NextDue, Solution Solution)
{
    internal static AttemptView Of(PracticeAttemptRow attempt, PracticeItemRow item) => new(
        attempt.Id, attempt.IdempotencyKey, attempt.ItemId, attempt.Answer, attempt.Outcome, attempt.Score, (Rating?)attempt.Rating,
        attempt.GradedBy, attempt.Feedback, attempt.Counted, attempt.At, attempt.NextDue, Solution.Of(item));
}

/// <summary>What an item is to be instead; its kind, quote and source stay.</summary>
/// <param name="Answers">Of a choice the right option; of a cloze all that may stand in the gap; of a short answer a model one.</param>
/// <param name="Rubric">Of a short answer: what it is graded by; null: the learner grades it.</param>
public sealed record ChangeItemRequest(
    string? Question, IReadOnlyList<string>? Answers, IReadOnlyList<string>? Options = null, string? Rubric = null, string? Explanation = null);
