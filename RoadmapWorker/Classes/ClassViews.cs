using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Mastery;

namespace Lyceum.RoadmapWorker.Classes;

/// <summary>A class as its teacher sees it.</summary>
/// <param name="GroupFigures"><c>shown</c>, or <c>too_few_students</c>: below five students a mean would tell of each of them.</param>
/// <param name="Concepts">Of the roadmaps shared with the class; empty where group figures are not shown.</param>
/// <param name="Sets">Of the practice sets shared with the class that belong to no such roadmap; as <paramref name="Concepts"/>.</param>
public sealed record ClassOverview(
    Guid ClassId, string Name, IReadOnlyList<StudentSummary> Students, string GroupFigures, IReadOnlyList<ConceptOfClass> Concepts,
    IReadOnlyList<SetOfClass> Sets);

/// <param name="IsActive">Practised within the last 7 days.</param>
/// <param name="LastActive">The last attempt that counted, at what is shared with the class.</param>
/// <param name="Mastery">The mean over what they began; null where they began nothing.</param>
/// <param name="Due">Items to be reviewed now.</param>
/// <param name="Overdue">Concepts that were to be done by now, and are not mastered.</param>
/// <param name="NeedsHelp">Why: <c>low_mastery | overdue | inactive</c>; empty: they get on.</param>
public sealed record StudentSummary(
    string Subject, string Name, bool IsActive, DateTimeOffset? LastActive, int Attempts, double? Mastery, int Due,
    IReadOnlyList<string> Overdue, IReadOnlyList<string> NeedsHelp);

/// <param name="Started">Students who began it; null below five of them.</param>
/// <param name="Mastery">The mean over those who began it; null below five of them.</param>
public sealed record ConceptOfClass(Guid TaskId, string ConceptId, string Title, DateOnly? DueOn, int? Started, double? Mastery);

/// <inheritdoc cref="ConceptOfClass"/>
public sealed record SetOfClass(Guid SetId, string Title, int? Started, double? Mastery);

/// <summary>One student of a class: what they practised, how well, and what is due; no words of theirs.</summary>
/// <param name="Visibility"><c>progress | conversations</c>: what was said at joining.</param>
public sealed record StudentView(
    Guid ClassId, string Subject, string Name, Visibility Visibility, StudentSummary Summary, IReadOnlyList<RoadmapProgress> Roadmaps);
