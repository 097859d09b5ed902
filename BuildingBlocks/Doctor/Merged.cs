namespace Lyceum.Doctor;

/// <summary>One report of several: the same checks, carried out by several instances.</summary>
public static class Merged
{
    private static readonly Verdict[] WorstFirst = [Verdict.Fail, Verdict.Warn, Verdict.Ok, Verdict.Skipped];

    /// <summary>
    /// Each check once, with the worst that anybody found, and who that was. What one found behind a check that failed for another is
    /// skipped, as in one examination.
    /// </summary>
    /// <param name="found">The first one's order is kept.</param>
    /// <param name="checks">What they need of each other.</param>
    public static IReadOnlyList<Finding> Of(IReadOnlyList<(string Who, IReadOnlyList<Finding> Findings)> found, IReadOnlyList<Check> checks)
    {
        var all = (
            from one in found
            from finding in one.Findings
            group (one.Who, Finding: finding) by finding.Id into ofId
            select Worst([.. ofId])).ToList();
        var failed = all.Where(finding => finding.Verdict == Verdict.Fail).Select(finding => finding.Id).ToHashSet(StringComparer.Ordinal);
        var needs = checks.ToDictionary(check => check.Id, check => check.Needs);
        return [.. all.Select(finding => needs.GetValueOrDefault(finding.Id)?.FirstOrDefault(failed.Contains) is { } behind
            ? Examination.Behind(finding, behind) : finding)];
    }

    private static Finding Worst(IReadOnlyList<(string Who, Finding Finding)> all)
    {
        var verdict = WorstFirst.First(verdict => all.Any(one => one.Finding.Verdict == verdict));
        var those = all.Where(one => one.Finding.Verdict == verdict).ToList();
        var worst = those[0].Finding;
        // Skipped for want of knowledge: why, the first of them knows best. And what only one could look at is nobody's in particular.
        var saw = verdict == Verdict.Skipped || (those.Count == 1 && all.All(one => one.Finding == worst || one.Finding.Verdict == Verdict.Skipped))
            ? worst.Saw : Told.Together(those.Select(one => (one.Who, one.Finding.Saw)))!;
        return worst with { Saw = saw, Expected = verdict == Verdict.Ok ? saw : worst.Expected, Ms = all.Max(one => one.Finding.Ms) };
    }
}
