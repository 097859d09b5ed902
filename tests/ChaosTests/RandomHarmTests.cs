using System.Diagnostics;
using System.Globalization;

namespace Lyceum.Tests.ChaosTests;

/// <summary>
/// Random harm under streams. A few rounds in the default suite, <c>./test.sh --chaos N</c> for more
/// (<c>LYCEUM_CHAOS_ROUNDS</c>); the seed is printed and can be given (<c>LYCEUM_CHAOS_SEED</c>). A seed fixes the plan of
/// every round, not the moment at which a signal meets a process.
/// </summary>
public sealed class RandomHarmTests(ChaosHouse house) : IClassFixture<ChaosHouse>
{
    private const int DefaultRounds = 3;

    [Fact]
    public async Task Answers_UnderRandomHarm_LoseNothingAndEndOnce()
    {
        _ = house.App;
        var (rounds, seed) = (Setting("LYCEUM_CHAOS_ROUNDS") ?? DefaultRounds, Setting("LYCEUM_CHAOS_SEED") ?? Environment.TickCount);
        var (total, settled, started) = (new Figures(), new Dictionary<Guid, Stored>(), Stopwatch.GetTimestamp());
        await using var watch = new OwnerWatch(house);
        for (var number = 1; number <= rounds; number++)
        {
            var begun = Stopwatch.GetTimestamp();
            var round = new Round(house, watch, new Random(unchecked(seed * 1_000_003 + number)));
            await round.RunAsync();
            total.Add(round.Figures);
            await SayAsync($"round {number}/{rounds} of seed {seed}, {Stopwatch.GetElapsedTime(begun).TotalSeconds:f1} s: {round.Plan}: {round.Figures}");
            round.Findings.ShouldBeEmpty($"round {number} of seed {seed}: {round.Plan}");

            // An end is final: whatever happens in later rounds, earlier answers stay as they are.
            var stored = await Stored.ReadAllAsync(house, CancellationToken.None);
            settled.Values.Where(before => stored.GetValueOrDefault(before.Id) != before).ShouldBeEmpty("changed after its end");
            settled = stored;
            stored.Count.ShouldBe(total.Questions, "a question was asked twice");
        }
        await SayAsync($"seed={seed} seconds={Stopwatch.GetElapsedTime(started).TotalSeconds:f0} {total}");
        total.BytesAudited.ShouldBeGreaterThan(0);
        total.BytesLost.ShouldBe(0);
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : null;

    // The console, not the test's output: it is shown as it happens, and for a run that passes.
    private static Task SayAsync(string line) => Console.Out.WriteLineAsync($"[chaos] {line}");
}
