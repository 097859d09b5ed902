namespace Lyceum.RoadmapWorker.Planning;

/// <summary>What is to be made, checked and complete: the task's input.</summary>
/// <param name="Language">A language tag.</param>
/// <param name="Today">When it was asked for: a plan made later is the same plan.</param>
/// <param name="KbId">Once it is recorded, the tutor's if the request names none.</param>
public sealed record RoadmapOrder(
    string? UserId, string Query, double WeeklyHours, IReadOnlyList<string> Styles, string Language, string Level, DateOnly? Deadline,
    DateOnly Today, int? TutorId = null, string? KbId = null)
{
    /// <summary>Whole weeks until the deadline; null without one.</summary>
    public int? WeeksUntilDeadline => Deadline is { } day ? Math.Max(1, (day.DayNumber - Today.DayNumber) / 7) : null;

    public bool IsChinese => Language.StartsWith("zh", StringComparison.OrdinalIgnoreCase);

    public bool IsEnglish => Language.StartsWith("en", StringComparison.OrdinalIgnoreCase);
}

/// <summary>How a learner likes to learn.</summary>
public static class LearningStyles
{
    public const string Visual = "visual";
    public const string Auditory = "auditory";
    public const string Reading = "reading";
    public const string HandsOn = "hands_on";

    public static readonly string[] All = [Visual, Auditory, Reading, HandsOn];
    public static readonly string[] Default = [Reading, HandsOn];
}
