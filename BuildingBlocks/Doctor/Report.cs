using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lyceum.Doctor;

/// <summary>Findings, for people and for programs.</summary>
public static class Report
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for terminals and files, never for HTML
        WriteIndented = true,
    };

    /// <summary>1 where one failed, else 0.</summary>
    public static int ExitCode(IReadOnlyList<Finding> findings) => findings.Any(finding => finding.Verdict == Verdict.Fail) ? 1 : 0;

    /// <summary><c>{"verdict", "checks": […]}</c>; the verdict is the worst of them.</summary>
    public static string ToJson(IReadOnlyList<Finding> findings) => JsonSerializer.Serialize(new { Verdict = Worst(findings), Checks = findings }, Json);

    /// <summary>A line for each that is well; what it saw, expected and what to do for each that is not.</summary>
    public static void Write(IReadOnlyList<Finding> findings, TextWriter writer)
    {
        foreach (var finding in findings)
        {
            writer.WriteLine($"{Word(finding.Verdict),-7} {finding.Id,-13} {OneLine(finding.Saw)}");
            if (finding.Verdict is not (Verdict.Warn or Verdict.Fail))
                continue;
            writer.WriteLine($"{"",-21} expected: {OneLine(finding.Expected)}");
            if (finding.Fix is { } fix)
                writer.WriteLine($"{"",-21} do: {OneLine(fix)}");
            if (finding.Doc is { } doc)
                writer.WriteLine($"{"",-21} see {doc}");
        }
        writer.WriteLine(
            $"{Count(Verdict.Ok)} ok, {Count(Verdict.Warn)} warnings, {Count(Verdict.Fail)} failed, {Count(Verdict.Skipped)} skipped");

        int Count(Verdict verdict) => findings.Count(finding => finding.Verdict == verdict);
    }

    private static Verdict Worst(IReadOnlyList<Finding> findings) =>
        findings.Any(finding => finding.Verdict == Verdict.Fail) ? Verdict.Fail
        : findings.Any(finding => finding.Verdict == Verdict.Warn) ? Verdict.Warn : Verdict.Ok;

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Ok => "ok",
        Verdict.Warn => "warn",
        Verdict.Fail => "FAIL",
        _ => "skipped",
    };

    // What other servers say is shown on a terminal: no line breaks, no escape codes.
    private static string OneLine(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
            span[i] = char.IsControl(source[i]) ? ' ' : source[i];
    });
}
