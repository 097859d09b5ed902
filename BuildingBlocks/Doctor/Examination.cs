using System.Diagnostics;

namespace Lyceum.Doctor;

/// <summary>
/// Runs checks side by side, each after those that it needs. One cause is told once: what stands behind a failed check is skipped,
/// and names it.
/// </summary>
public static class Examination
{
    /// <param name="checks">Ids are unique; needs that are not among them are taken as well.</param>
    /// <param name="only">Ids, or their beginnings (<c>LYC-NET</c>); empty: all. What those need runs too.</param>
    /// <param name="deep">Also checks that wait longer than an answer may take.</param>
    /// <returns>In the order of the checks.</returns>
    public static async Task<IReadOnlyList<Finding>> RunAsync(
        IReadOnlyList<Check> checks, IReadOnlyList<string> only, bool deep, CancellationToken cancellationToken)
    {
        var byId = checks.ToDictionary(check => check.Id);
        var wanted = new HashSet<string>();
        foreach (var check in checks.Where(check => only.Count == 0 || only.Any(o => Begins(check.Id, o))))
            Want(check);
        var runs = new Dictionary<string, Task<Finding>>();
        return await Task.WhenAll(checks.Where(check => wanted.Contains(check.Id)).Select(Run));

        void Want(Check check)
        {
            if (!wanted.Add(check.Id))
                return;
            foreach (var need in check.Needs)
            {
                if (byId.TryGetValue(need, out var needed))
                    Want(needed);
            }
        }

        Task<Finding> Run(Check check)
        {
            if (!runs.TryGetValue(check.Id, out var run))
            {
                Task<Finding>[] needs = [.. check.Needs.Where(byId.ContainsKey).Select(need => Run(byId[need]))];
                runs[check.Id] = run = FindAsync(check, needs, deep, cancellationToken);
            }
            return run;
        }
    }

    /// <summary>True where a user's <paramref name="only"/> means the check of that id.</summary>
    private static bool Begins(string id, string only) => id.StartsWith(only, StringComparison.OrdinalIgnoreCase);

    private static async Task<Finding> FindAsync(Check check, Task<Finding>[] needs, bool deep, CancellationToken cancellationToken)
    {
        await Task.Yield(); // a check that does not wait must not hold up those after it
        foreach (var need in await Task.WhenAll(needs))
        {
            if (need.Verdict == Verdict.Fail)
                return Found(check, Outcome.Skipped($"behind {need.Id}, which failed", $"mend {need.Id} first"), 0);
            if (need.Verdict == Verdict.Skipped)
                return Found(check, Outcome.Skipped(need.Saw, need.Expected), 0);
        }
        if (check.Deep && !deep)
            return Found(check, Outcome.Skipped("it waits longer than an answer may take", "ask with --deep"), 0);

        var began = Stopwatch.GetTimestamp();
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(check.Limit);
        Outcome outcome;
        try
        {
            outcome = await check.RunAsync(limited.Token).WaitAsync(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            outcome = Outcome.Fail(
                $"no end within {check.Limit.TotalSeconds:0.#} s", "an answer", "See what it waits for; a machine that is too busy also does this.");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            outcome = Outcome.Fail($"{e.GetType().Name}: {FirstLine(e.Message)}", "that the check can be carried out", "Mend what the message names.");
        }
        return Found(check, outcome, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
    }

    private static Finding Found(Check check, Outcome outcome, double ms) =>
        new(check.Id, outcome.Verdict, outcome.Saw, outcome.Expected, outcome.Fix, check.Doc, Math.Round(ms, 1));

    private static string FirstLine(string text) => text.AsSpan().IndexOfAny('\r', '\n') is var at and >= 0 ? text[..at] : text;
}
