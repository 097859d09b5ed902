using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.RoadmapWorker.Mastery;

/// <summary>By when a part of a roadmap is to be done: a week of its plan, or a concept, which goes before its week.</summary>
public sealed record PlanDate(DateOnly Due, int? Week = null, string? ConceptId = null);

/// <summary>A roadmap's dates, all of them: those before are replaced.</summary>
public sealed record DatesRequest(IReadOnlyList<PlanDate>? Dates);

/// <summary>What a learner says of a concept; it is kept apart from what their attempts show.</summary>
/// <param name="Mark"><c>known | learning</c>; null: nothing any more.</param>
public sealed record MarkRequest(string? ConceptId, string? Mark = null);

/// <param name="WeeklyCommitmentHours">Hours a week, 0.5 to 80; absent: the roadmap's.</param>
public sealed record RescheduleRequest(double? WeeklyCommitmentHours = null);

/// <summary>A learner's way through a roadmap.</summary>
/// <param name="IsOwn">False: it is shared with a class of the learner's.</param>
/// <param name="Mastery">The mean of its concepts.</param>
/// <param name="Weeks">As the learner re-scheduled them, or else as the roadmap has them.</param>
/// <param name="RescheduledAt">Null: it was not.</param>
public sealed record RoadmapProgress(
    Guid TaskId, string Title, bool IsOwn, double Mastery, IReadOnlyList<ConceptProgress> Concepts, IReadOnlyList<PlannedWeek> Weeks,
    DateTimeOffset? RescheduledAt);

/// <param name="State"><c>not_started | learning | mastered</c>, from attempts alone.</param>
/// <param name="Mastery">0 to 1, from attempts alone.</param>
/// <param name="Attempts">Those that counted.</param>
/// <param name="Due">Items to be reviewed now.</param>
/// <param name="New">Items that were never answered.</param>
/// <param name="Mark">What the learner says: <c>known | learning</c>.</param>
/// <param name="DueOn">By when the roadmap's owner wants it done.</param>
/// <param name="Evidence">The latest attempts, 10 at most.</param>
public sealed record ConceptProgress(
    string ConceptId, string Title, string State, double Mastery, int Attempts, DateTimeOffset? LastAt, int Due, int New, string? Mark,
    DateOnly? DueOn, IReadOnlyList<Evidence> Evidence);

/// <param name="StartsOn">Null where the plan was never begun by a date.</param>
/// <param name="Hours">At most the weekly hours.</param>
public sealed record PlannedWeek(int Number, DateOnly? StartsOn, double Hours, IReadOnlyList<WeekItem> Items);

/// <summary>What is left of a roadmap, in weeks from today on.</summary>
/// <param name="Done">Concepts that need no more time: mastered, or marked as known.</param>
/// <param name="Late">Concepts that are planned to end after their date.</param>
public sealed record Rescheduled(
    Guid TaskId, double RemainingHours, IReadOnlyList<PlannedWeek> Weeks, IReadOnlyList<string> Done, IReadOnlyList<string> Late);
