using System.Globalization;
using System.Text.RegularExpressions;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Hosting;

namespace Lyceum.Doctor.Files.Rules;

/// <summary>What a hop must allow (docs: architecture, Timeouts), by the settings that the files have, else by the services' defaults.</summary>
internal sealed partial class Bounds
{
    // Between the service's own end and the hop's.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    private static readonly AnswersOptions Answers = new();

    private Bounds(TimeSpan longestAnswer, TimeSpan session)
    {
        LongestAnswer = longestAnswer;
        Whole = (longestAnswer > session ? longestAnswer : session) + Margin;
        Silent = longestAnswer + (Answers.WholeAnswerTimeout - Answers.MaxDuration);
    }

    /// <summary><c>Answers:MaxDuration</c></summary>
    public TimeSpan LongestAnswer { get; }

    /// <summary>For a hop that bounds the complete response, live sessions among them.</summary>
    public TimeSpan Whole { get; }

    /// <summary>For a hop that bounds silence: an answer that comes whole is silent until its end.</summary>
    public TimeSpan Silent { get; }

    public static Bounds Of(RenderedFiles files)
    {
        var answers = files.Running.Select(running => running.Container.Duration("Answers__MaxDuration") ?? Answers.MaxDuration)
            .DefaultIfEmpty(Answers.MaxDuration);
        var sessions = files.Running.Where(running => running.Container.Service == "gpu-engine")
            .Select(running => SessionTime(running.Container)).OfType<TimeSpan>().ToList();
        return new Bounds(
            answers.Max(),
            sessions.Count > 0 ? sessions.Max() : TimeSpan.FromHours(1)); // Engine:Sessions:Timeout
    }

    /// <summary>From SIGTERM to a service's own end.</summary>
    public static TimeSpan Drain(Container container)
    {
        var whole = container.Duration("Drain__Timeout") ?? new DrainOptions().Timeout;
        if (container.Service != "gpu-engine")
            return whole;
        var answer = container.Duration("Answers__MaxDuration") ?? Answers.MaxDuration;
        return whole + (container.Duration("Drain__Answers") ?? answer + TimeSpan.FromSeconds(15));
    }

    /// <summary><c>600s</c>, <c>10m</c>, <c>1h30m</c>, <c>500ms</c>; a number alone is seconds. Null: nothing of these.</summary>
    public static TimeSpan? Duration(string? text)
    {
        if (text is null)
            return null;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
            return TimeSpan.FromSeconds(seconds);
        if (!WholeDuration.IsMatch(text))
            return null;
        return Part.Matches(text).Aggregate(TimeSpan.Zero, (sum, part) =>
        {
            var number = double.Parse(part.Groups["number"].ValueSpan, CultureInfo.InvariantCulture);
            return sum + part.Groups["unit"].Value switch
            {
                "d" => TimeSpan.FromDays(number),
                "h" => TimeSpan.FromHours(number),
                "m" => TimeSpan.FromMinutes(number),
                "ms" => TimeSpan.FromMilliseconds(number),
                _ => TimeSpan.FromSeconds(number),
            };
        });
    }

    public static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");

    private static TimeSpan? SessionTime(Container engine) => engine.Duration("Engine__Sessions__Timeout")
        ?? (int.TryParse(engine.Value("SESSION_TIMEOUT_SECONDS"), out var seconds) ? TimeSpan.FromSeconds(seconds) : null);

    [GeneratedRegex(@"^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|d|h|m|s))+$", RegexOptions.NonBacktracking)]
    private static partial Regex WholeDuration { get; }

    [GeneratedRegex(@"(?<number>\d{1,9}(?:\.\d{1,3})?)(?<unit>ms|d|h|m|s)", RegexOptions.NonBacktracking)]
    private static partial Regex Part { get; }
}
