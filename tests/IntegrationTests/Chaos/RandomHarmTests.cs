using System.Diagnostics;
using System.Globalization;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>
/// Random harm under streams. A few rounds in the default suite, <c>./test.sh --chaos N</c> for more
/// (<c>LYCEUM_CHAOS_ROUNDS</c>); the seed is printed and can be given (<c>LYCEUM_CHAOS_SEED</c>). A seed fixes the plan of
/// every round, not the moment at which a signal meets a process.
/// </summary>
[Collection(ChatCollection.Name)]
public sealed class RandomHarmTests(SharedSystem system)
{
    private const int DefaultRounds = 2;
    private const int DefaultSeed = 20261366; // replicas of ChatApi are killed while branches are written
    private const int BadRounds = 3; // enough to go by

    [Fact]
    public async Task Answers_UnderRandomHarm_LoseNothingAndEndOnce()
    {
        _ = system.App;
        // The default suite harms by one plan, so that a red run means the code; N rounds look for what nobody has thought of.
        var asked = SharedSystem.ChaosRounds;
        var (rounds, seed) = (asked ?? DefaultRounds, Setting("LYCEUM_CHAOS_SEED") ?? (asked is null ? DefaultSeed : Environment.TickCount));
        var (total, settled, started) = (new Figures(), new Dictionary<Guid, Stored>(), Stopwatch.GetTimestamp());
        var findings = new List<string>();
        var since = DateTime.UtcNow; // the database is on this machine
        await system.Stub.UntilAsync(log => log.Running == 0, TimeSpan.FromSeconds(60));
        await using var watch = new OwnerWatch(system);
        for (var (number, bad) = (1, 0); number <= rounds && bad < BadRounds; number++)
        {
            var begun = Stopwatch.GetTimestamp();
            var round = new Round(system, since, watch, new Random(unchecked(seed * 1_000_003 + number)));
            await round.RunAsync();
            total.Add(round.Figures);
            await SayAsync($"round {number}/{rounds} of seed {seed}, {Stopwatch.GetElapsedTime(begun).TotalSeconds:f1} s: {round.Plan}: {round.Figures}");

            // An end is final: whatever happens in later rounds, earlier answers stay as they are.
            var stored = await Stored.ReadAllAsync(system, since, CancellationToken.None);
            round.Findings.AddRange(settled.Values.Where(before => stored.GetValueOrDefault(before.Id) != before)
                .Select(before => $"{before.Id} changed after its end: {before.Status}, now {stored.GetValueOrDefault(before.Id)}"));
            if (stored.Count != total.Questions)
                round.Findings.Add($"{total.Questions} questions were asked in all, {stored.Count} answers are stored");
            settled = stored;
            bad += round.Findings.Count > 0 ? 1 : 0;
            findings.AddRange(round.Findings.Select(finding => $"round {number} of seed {seed} ({round.Plan}): {finding}"));
            foreach (var finding in round.Findings)
                await SayAsync($"FOUND {finding}");
        }
        await SayAsync($"seed={seed} seconds={Stopwatch.GetElapsedTime(started).TotalSeconds:f0} {total}");
        findings.ShouldBeEmpty();
        total.BytesAudited.ShouldBeGreaterThan(0);
        total.BytesLost.ShouldBe(0);
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : null;

    // The console, not the test's output: it is shown as it happens, and for a run that passes.
    private static Task SayAsync(string line) => Console.Out.WriteLineAsync($"[chaos] {line}");
}
