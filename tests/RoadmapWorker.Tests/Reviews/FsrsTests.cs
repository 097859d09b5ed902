using System.Diagnostics;
using System.Text.Json;
using Lyceum.RoadmapWorker.Reviews;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.RoadmapWorker.Tests.Reviews;

/// <summary>The scheduler beside the reference implementation, from npm.</summary>
public sealed class FsrsTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Clients");

    [Fact]
    public async Task Histories_ThousandAtRandom_AreScheduledAsTheReferenceDoes()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", "ts-fsrs")),
            "the npm package ts-fsrs is not installed: npm ci in tests/Clients (test.sh does)");
        var histories = Histories(new Random(16), 1000);

        var reference = await ReferenceAsync(histories);

        reference.Count.ShouldBe(histories.Count);
        for (var i = 0; i < histories.Count; i++)
        {
            var state = MemoryState.New(histories[i].Start);
            for (var n = 0; n < histories[i].Reviews.Count; n++)
            {
                var (at, rating) = histories[i].Reviews[n];
                state = Fsrs.Review(state, rating, at);
                var expected = reference[i][n];
                var which = $"history {i}, review {n}";
                state.Stability.ShouldBe(expected[0], 1e-6, which);
                state.Difficulty.ShouldBe(expected[1], 1e-6, which);
                state.Due.ToUnixTimeSeconds().ShouldBe((long)expected[2] / 1000, which);
                (state.ScheduledDays, state.Lapses).ShouldBe(((int)expected[3], (int)expected[4]), which);
            }
        }
    }

    [Fact]
    public void Interval_OfABetterAnswer_IsLonger_AndNeverWithinADay()
    {
        foreach (var (start, reviews) in Histories(new Random(17), 200))
        {
            var state = MemoryState.New(start);
            foreach (var (at, rating) in reviews)
            {
                var days = Enum.GetValues<Rating>().Select(each => Fsrs.Review(state, each, at).ScheduledDays).ToList();
                days.ShouldBe(days.Order());
                days[0].ShouldBeGreaterThanOrEqualTo(1);
                state = Fsrs.Review(state, rating, at);
                state.Due.ShouldBeGreaterThanOrEqualTo(at.AddDays(1));
            }
        }
    }

    [Fact]
    public void Retrievability_IsNinetyPercent_WhenAsManyDaysWentByAsTheStability()
    {
        var now = new DateTimeOffset(2026, 1, 1, 8, 0, 0, TimeSpan.Zero);
        var state = MemoryState.New(now) with { Stability = 10, Difficulty = 5, LastReview = now, Reps = 1 };
        Fsrs.Retrievability(state, now).ShouldBe(1);
        Fsrs.Retrievability(state, now.AddDays(10)).ShouldBe(0.9, 1e-6);
        Fsrs.Retrievability(MemoryState.New(now), now).ShouldBe(0);
    }

    /// <summary>Of people who come when it is due, earlier, later, several times a day, and after years.</summary>
    private static List<(DateTimeOffset Start, List<(DateTimeOffset At, Rating Rating)> Reviews)> Histories(Random random, int count) =>
    [
        .. Enumerable.Range(0, count).Select(_ =>
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + random.NextInt64(100_000_000_000));
            var start = at;
            var reviews = new List<(DateTimeOffset, Rating)>();
            var state = MemoryState.New(at);
            for (var n = random.Next(1, 40); n > 0; n--)
            {
                var rating = (Rating)random.Next(1, 5);
                reviews.Add((at, rating));
                state = Fsrs.Review(state, rating, at);
                at = random.Next(4) switch
                {
                    0 => at.AddMilliseconds(random.Next(1, 40_000_000)),
                    1 => at.AddMilliseconds(random.NextInt64(1, 3_000L * 86_400_000)),
                    _ => state.Due < at.AddDays(5000) ? state.Due.AddMilliseconds(random.Next(86_400_000)) : at.AddDays(1),
                };
            }
            return (start, reviews);
        }),
    ];

    private static async Task<List<double[][]>> ReferenceAsync(
        List<(DateTimeOffset Start, List<(DateTimeOffset At, Rating Rating)> Reviews)> histories)
    {
        var start = new ProcessStartInfo("node", ["fsrs.mjs"])
        {
            WorkingDirectory = Folder, RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        using var node = Process.Start(start)!;
        var output = node.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        foreach (var (begun, reviews) in histories)
        {
            await node.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new
            {
                start = begun.ToUnixTimeMilliseconds(),
                reviews = reviews.Select(review => new[] { review.At.ToUnixTimeMilliseconds(), (long)review.Rating }),
            }));
        }
        node.StandardInput.Close();
        var lines = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
        node.ExitCode.ShouldBe(0);
        return [.. lines.Select(line => JsonSerializer.Deserialize<double[][]>(line)!)];
    }
}
