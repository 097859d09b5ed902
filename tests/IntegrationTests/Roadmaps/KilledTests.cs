using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Roadmaps;

/// <summary>A roadmap is made, whatever dies on the way: no finished stage is done again, and there is one result.</summary>
[Collection(RoadmapCollection.Name)]
public sealed class KilledTests(SharedSystem system) : IAsyncLifetime
{
    private static readonly string[] Stages = ["analyse", "design", "validate", "write"];
    private static readonly TimeSpan ResumeWithin = TimeSpan.FromSeconds(15);
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(3));
    private readonly string _query = $"violin {Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        _ = system.App;
        await system.UntilUpAsync(_limit.Token);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var stage in Stages)
            system.Roadmaps.Release($"{_query}:{stage}");
        _limit.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    [Trait("Category", "Long")] // RoadmapWorker.Tests kills real workers in each call by default
    public async Task Worker_KilledInTheMiddleOfEveryStage_GoesOnFromTheLastFinishedOne()
    {
        using var client = system.CreateGatewayClient();
        foreach (var stage in Stages)
            system.Roadmaps.Hold($"{_query}:{stage}");
        var task = await RoadmapExtensions.GenerateAsync(client, _query);
        foreach (var stage in Stages)
        {
            await system.UntilAskedAsync($"{_query}:{stage}", 1, _limit.Token);
            var epoch = await system.EpochAsync(task);
            system.Signal(await system.WorkerAsync(_limit.Token), "KILL");
            var killed = Stopwatch.GetTimestamp();
            await system.UntilTakenAsync(task, epoch, _limit.Token);
            Stopwatch.GetElapsedTime(killed).ShouldBeLessThan(ResumeWithin, stage);
            system.Roadmaps.Release($"{_query}:{stage}");
        }
        await CompletedOnceAsync(client, task);
        foreach (var stage in Stages.SkipLast(1))
            system.Roadmaps.Asked.Count(question => question == $"{_query}:{stage}").ShouldBeLessThanOrEqualTo(2, $"{stage}: once for the killed worker, once for its heir");
    }

    /// <summary>The stage is done, its commit is on the way: it waits for a lock of ours in the database when the worker dies.</summary>
    [Theory]
    [Trait("Category", "Long")]
    [InlineData("analyse")]
    [InlineData("design")]
    [InlineData("validate")]
    [InlineData("write")]
    public async Task Worker_KilledWhileItsCommitIsInDoubt_NothingIsDoneOrToldTwice(string stage)
    {
        using var client = system.CreateGatewayClient();
        system.Roadmaps.Hold($"{_query}:{stage}");
        var task = await RoadmapExtensions.GenerateAsync(client, _query);
        await system.UntilAskedAsync($"{_query}:{stage}", 1, _limit.Token);
        var owner = await system.WorkerAsync(_limit.Token);
        await using (var connection = await system.OpenDatabaseAsync(RoadmapExtensions.Database))
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using (var hold = new NpgsqlCommand("SELECT 1 FROM jobs WHERE task_id = $1 FOR UPDATE", connection) { Parameters = { new() { Value = task } } })
                await hold.ExecuteNonQueryAsync();
            system.Roadmaps.Release($"{_query}:{stage}");
            while (await system.ScalarAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'roadmapdb'") is 0L)
                await Task.Delay(10, _limit.Token);
            system.Signal(owner, "KILL");
            await transaction.CommitAsync();
        }
        await CompletedOnceAsync(client, task);
    }

    [Theory]
    [Trait("Category", "Long")]
    [InlineData("write")]
    public async Task Worker_PausedPastItsLease_WritesNothingAfterwards(string stage)
    {
        using var client = system.CreateGatewayClient();
        system.Roadmaps.Hold($"{_query}:{stage}");
        var task = await RoadmapExtensions.GenerateAsync(client, _query);
        await system.UntilAskedAsync($"{_query}:{stage}", 1, _limit.Token);
        var owner = await system.WorkerAsync(_limit.Token);
        var epoch = await system.EpochAsync(task);
        system.Signal(owner, "STOP");
        try
        {
            await system.UntilTakenAsync(task, epoch, _limit.Token);
        }
        finally
        {
            system.Roadmaps.Release($"{_query}:{stage}"); // the paused one has its answers too
            system.Signal(owner, "CONT");
        }
        await CompletedOnceAsync(client, task);
        (await system.ScalarAsync("SELECT count(DISTINCT worker) FROM execution_logs WHERE task_id = $1 AND stage = $2 AND outcome = 'completed'", task, stage)).ShouldBe(1L);
        // By a later claim. It may be the same worker's, which woke to find the task in the queue again.
        ((int)(await system.ScalarAsync("SELECT epoch FROM execution_logs WHERE task_id = $1 AND stage = $2 AND outcome = 'completed'", task, stage))!).ShouldBeGreaterThan(epoch);
        await system.UntilUpAsync(_limit.Token);
    }

    [Fact]
    public Task Postgres_KilledInTheMiddleOfTheLastStage_TheTaskGoesOnWhenItIsBack() => OutlivesPostgresAsync("write");

    [Theory]
    [Trait("Category", "Long")]
    [InlineData("analyse")]
    [InlineData("design")]
    [InlineData("validate")]
    public Task Postgres_KilledInTheMiddleOfAnEarlierStage_TheTaskGoesOnWhenItIsBack(string stage) => OutlivesPostgresAsync(stage);

    private async Task OutlivesPostgresAsync(string stage)
    {
        using var client = system.CreateGatewayClient();
        system.Roadmaps.Hold($"{_query}:{stage}");
        var task = await RoadmapExtensions.GenerateAsync(client, _query);
        await system.UntilAskedAsync($"{_query}:{stage}", 1, _limit.Token);

        await ImmediateShutdownAsync();
        system.Roadmaps.Release($"{_query}:{stage}"); // the answer comes while there is nowhere to put it
        await system.StateAsync("postgres", state => state.IsUp, _limit.Token);
        await CompletedOnceAsync(client, task);
    }

    /// <summary>
    /// The plug is pulled while a stage's commit is under way, and again as soon as the server is back, stage for stage; there is no
    /// broker, whose messages might help.
    /// </summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Postgres_KilledAtEveryBoundaryAndInEveryRecovery_TheTaskGoesOnWithinSeconds()
    {
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        using var client = system.CreateGatewayClient();
        await system.CommandAsync("messaging", KnownResourceCommands.StopCommand, _limit.Token);
        try
        {
            foreach (var stage in Stages)
                system.Roadmaps.Hold($"{_query}:{stage}");
            var task = await RoadmapExtensions.GenerateAsync(client, _query);
            foreach (var (stage, next) in Stages.Zip(Stages.Skip(1).Append(null)))
            {
                await system.UntilAskedAsync($"{_query}:{stage}", 1, _limit.Token);
                await using var connection = await system.OpenDatabaseAsync(RoadmapExtensions.Database);
                await using (var hold = new NpgsqlCommand("BEGIN; SELECT 1 FROM jobs FOR UPDATE", connection))
                    await hold.ExecuteNonQueryAsync();
                system.Roadmaps.Release($"{_query}:{stage}");
                while (await system.ScalarAsync("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = 'roadmapdb'") is 0L)
                    await Task.Delay(10, _limit.Token);
                await ImmediateShutdownAsync();
                await system.StateAsync("postgres", state => state.IsUp, _limit.Token);
                await ImmediateShutdownAsync();
                await system.StateAsync("postgres", state => state.IsUp, _limit.Token);

                var back = Stopwatch.GetTimestamp();
                if (next is null)
                    await RoadmapExtensions.EndAsync(client, task, _limit.Token);
                else
                    await system.UntilAskedAsync($"{_query}:{next}", 1, _limit.Token);
                Stopwatch.GetElapsedTime(back).ShouldBeLessThan(TimeSpan.FromSeconds(20), $"after {stage}");
            }
            await CompletedOnceAsync(client, task);
        }
        finally
        {
            await system.CommandAsync("messaging", KnownResourceCommands.StartCommand, _limit.Token);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Broker_AwayTheWholeTime_TheRoadmapIsMade()
    {
        Assert.SkipUnless(system.Servers.Contains("messaging"), "there is no broker here");
        using var client = system.CreateGatewayClient();
        await system.CommandAsync("messaging", KnownResourceCommands.StopCommand, _limit.Token);
        try
        {
            var task = await RoadmapExtensions.GenerateAsync(client, _query);
            using var response = await client.GetAsync($"/api/v1/roadmaps/{task}/events", HttpCompletionOption.ResponseHeadersRead, _limit.Token);
            await using var stream = await response.Content.ReadAsStreamAsync(_limit.Token);
            var seen = new List<string>();
            await foreach (var item in System.Net.ServerSentEvents.SseParser.Create(stream).EnumerateAsync(_limit.Token))
            {
                if (item.EventType != "ping")
                    seen.Add(item.EventId!);
            }
            seen.ShouldBe(Enumerable.Range(1, seen.Count).Select(seq => seq.ToString())); // to its end, without a gap
            await CompletedOnceAsync(client, task);
        }
        finally
        {
            await system.CommandAsync("messaging", KnownResourceCommands.StartCommand, _limit.Token);
        }
    }

    /// <summary>By the API and in the database: completed, one result, each stage and each event once.</summary>
    private async Task CompletedOnceAsync(HttpClient client, Guid task)
    {
        var end = await RoadmapExtensions.EndAsync(client, task, _limit.Token);
        end.GetProperty("status").GetString().ShouldBe("completed", end.ToString());
        await system.StateAsync("gateway", state => state.IsUp, _limit.Token);
        var roadmap = await client.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/result", _limit.Token);
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
        roadmap.GetProperty("weeks").EnumerateArray().Select(week => week.GetProperty("hours").GetDouble()).ShouldBe([10, 10, 4]);
        (await system.ScalarAsync(
            "SELECT count(*) FROM (SELECT stage FROM execution_logs WHERE task_id = $1 AND outcome = 'completed' GROUP BY stage HAVING count(*) = 1) once", task))
            .ShouldBe(4L);
        (await system.ScalarAsync("SELECT count(*) FROM execution_logs WHERE task_id = $1 AND outcome = 'completed'", task)).ShouldBe(4L);
        (await system.ScalarAsync("SELECT max(seq) - count(*) FROM job_events WHERE task_id = $1", task)).ShouldBe(0L);
        (await system.ScalarAsync("SELECT count(*) FROM job_events WHERE task_id = $1 AND status = 'completed'", task)).ShouldBe(1L);
        (await system.ScalarAsync("SELECT count(*) FROM job_stages WHERE task_id = $1", task)).ShouldBe(4L, "one result for each stage, no parts left");
        await system.UntilUpAsync(_limit.Token);
    }

    /// <summary>What pulls the plug: no checkpoint, no goodbye; the supervisor starts it again.</summary>
    private async Task ImmediateShutdownAsync()
    {
        var before = system.State("postgres");
        var postmaster = int.Parse((await File.ReadAllLinesAsync(Path.Combine(system.DataFolder, "postgres", "postmaster.pid"), _limit.Token))[0]);
        system.SignalPid(postmaster, "QUIT").ShouldBeTrue();
        await system.StateAsync("postgres", state => state.Pid != before.Pid || !state.IsUp, _limit.Token);
    }
}
