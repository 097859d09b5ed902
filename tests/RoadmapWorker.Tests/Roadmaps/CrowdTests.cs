using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Roadmaps;

/// <summary>Many roadmaps at once, and many more who ask how far they are: nobody waits for a connection in vain.</summary>
public sealed class CrowdTests(PostgresFixture postgres)
{
    private const int Roadmaps = 100;
    private const int PollsPerSecond = 1_000;

    [Fact]
    [Trait("Category", "Long")]
    public async Task Roadmaps_MadeUnderAThousandPollsASecond_AreAllMadeAndNoPollIsRefused()
    {
        var slow = new SlowModel();
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: slow, settings: [
            ("Logging:LogLevel:Lyceum", "Warning"), ("Models:QuestionsAtOnce", "100")]);
        var tasks = await Task.WhenAll(Enumerable.Range(0, Roadmaps).Select(async number =>
            (await worker.JsonAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", RoadmapTests.Request($"violin {number}", "en"))).GetProperty("task_id").GetGuid()));

        var (times, refused) = (new ConcurrentBag<double>(), new ConcurrentBag<HttpStatusCode>());
        var polls = new List<Task>();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < PollsPerSecond * 5; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / PollsPerSecond) - Stopwatch.GetElapsedTime(begun);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, TestContext.Current.CancellationToken);
            polls.Add(PollAsync(tasks[i % Roadmaps]));
        }
        await Task.WhenAll(polls);
        await Eventually.TrueAsync(async () => await worker.ScalarAsync("SELECT count(*) FROM jobs WHERE status = 'completed'") is (long)Roadmaps, "all are made", 120);
        var sorted = times.Order().ToArray();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{sorted.Length} polls in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s with {Roadmaps} roadmaps being made: p50 {sorted[sorted.Length / 2]:0.0} ms, p99 {sorted[sorted.Length * 99 / 100]:0.0} ms");
        refused.ShouldBeEmpty();

        async Task PollAsync(Guid task)
        {
            var started = Stopwatch.GetTimestamp();
            using var response = await worker.SendAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/status");
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            if (response.StatusCode != HttpStatusCode.OK)
                refused.Add(response.StatusCode);
        }
    }

    /// <summary>Takes its time over each answer, as models do.</summary>
    private sealed class SlowModel : FakeModel
    {
        private readonly ScriptedModel _model = new();

        public override Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken) => Task.FromResult(true);

        public override async Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken)
        {
            await Task.Delay(Random.Shared.Next(200, 800), cancellationToken);
            return await _model.AskAsync(question, tenant, subject, cancellationToken);
        }
    }
}
