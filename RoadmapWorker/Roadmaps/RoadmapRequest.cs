using Lyceum.RoadmapWorker.Planning;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary><c>POST /api/v1/roadmaps/generate</c>.</summary>
/// <param name="UserId">Data for the client, never authority: the task is the caller's.</param>
/// <param name="UserQuery">What is to be learned, in the learner's words.</param>
/// <param name="Level"><c>beginner | intermediate | advanced</c>; absent: beginner.</param>
/// <param name="Deadline">The day by which it is to be learned; absent: as long as it takes.</param>
/// <param name="TutorId">Whose knowledge base it is to rest on, unless <paramref name="KbId"/> names another.</param>
/// <param name="KbId">A knowledge base that it is to rest on, by its slug.</param>
public sealed record GenerateRequest(
    string? UserId, string? UserQuery, PreferencesRequest? Preferences, string? Level = null, DateOnly? Deadline = null, int? TutorId = null,
    string? KbId = null);

/// <param name="WeeklyCommitmentHours">Hours a week, 1 to 80.</param>
/// <param name="LearningStyle">Of <see cref="LearningStyles"/>; absent or empty: reading and hands-on.</param>
/// <param name="PrimaryLanguage">A language tag such as <c>en</c>, <c>zh</c>, <c>zh-CN</c>; absent: English.</param>
public sealed record PreferencesRequest(
    double? WeeklyCommitmentHours, IReadOnlyList<string>? LearningStyle = null, string? PrimaryLanguage = null);

/// <summary>Turns a request into an order, or reports all its validation errors.</summary>
public static class RoadmapValidation
{
    public const int MaxQuery = 2000;
    private const int MaxId = 200;
    private const double MinHours = 1;
    private const double MaxHours = 80;
    private static readonly string[] Levels = ["beginner", "intermediate", "advanced"];

    /// <param name="today">UTC.</param>
    /// <exception cref="ProblemException">400 <c>invalid_request</c>, with all that is wrong.</exception>
    public static RoadmapOrder Check(GenerateRequest request, DateOnly today)
    {
        var faults = new ValidationErrors();
        faults.CheckText("user_id", request.UserId, MaxId);
        faults.CheckText("user_query", request.UserQuery, MaxQuery, required: true);
        faults.AddIf(request.Level is { } level && !Levels.Contains(level), "level", $"level must be one of {string.Join(", ", Levels)}.");
        faults.AddIf(request.Deadline is { } day && day.DayNumber - today.DayNumber is < 7 or > 3660, "deadline",
            "deadline must be a day at least a week and at most ten years from now, as yyyy-mm-dd.");

        var preferences = request.Preferences;
        var hours = preferences?.WeeklyCommitmentHours;
        faults.AddIf(preferences is null, "preferences", "preferences must be given.");
        faults.AddIf(preferences is not null && hours is null or < MinHours or > MaxHours, "preferences.weekly_commitment_hours",
            $"weekly_commitment_hours must be a number from {MinHours} to {MaxHours}.");
        var styles = preferences?.LearningStyle ?? [];
        faults.AddIf(styles.Any(style => !LearningStyles.All.Contains(style)), "preferences.learning_style",
            $"learning_style may hold {string.Join(", ", LearningStyles.All)}.");
        faults.AddIf(styles.Count > LearningStyles.All.Length, "preferences.learning_style", "learning_style names each style once.");
        var language = preferences?.PrimaryLanguage ?? "en";
        faults.AddIf(!IsLanguage(language), "preferences.primary_language", "primary_language must be a language tag such as en or zh-CN.");
        faults.ThrowIfAny();

        return new(
            request.UserId, request.UserQuery!.Trim(), RoundDown(hours!.Value), styles is [] ? LearningStyles.Default : [.. styles.Distinct()],
            language, request.Level ?? Levels[0], request.Deadline, today, request.TutorId, request.KbId);
    }

    /// <summary>Plans count in half hours.</summary>
    private static double RoundDown(double hours) => Math.Floor(hours * 2) / 2;

    /// <summary>BCP 47, its common part: a language of two or three letters, then subtags.</summary>
    private static bool IsLanguage(string tag)
    {
        var parts = tag.Split('-');
        return parts[0].Length is 2 or 3 && parts[0].All(char.IsAsciiLetter) && parts.Length <= 4
            && parts.Skip(1).All(part => part.Length is >= 2 and <= 8 && part.All(char.IsAsciiLetterOrDigit));
    }
}
