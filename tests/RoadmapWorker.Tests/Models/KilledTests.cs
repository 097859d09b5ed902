using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Collabs;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.Tests.StubModel;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>
/// A worker process is killed (SIGKILL) in the middle of a question to a model or of a call of a function. The next goes on with what
/// was recorded: it asks only what had no answer, and calls only what had no result.
/// </summary>
public sealed class KilledTests(PostgresFixture postgres)
{
    private static readonly RoadmapOrder Violin = new(
        null, "violin", 10, ["visual", "hands_on"], "en", "beginner", null, new(2026, 1, 1), KbId: "bows");

    private static readonly CollabOrder Bow = new("Teach the bow", Roles.Default, 1, 800, null, KbId: "bows");

    /// <summary>The design calls two functions at once and then a third; every concept calls one.</summary>
    private static IReadOnlyList<ScriptedCall>? Calls(ModelRequest request) => request.Name switch
    {
        "violin:design" or "Teach the bow:tutor 1" => [Search("first", "call_1"), Search("second", "call_2")],
        "violin:design+2" or "Teach the bow:tutor 1+2" => [Search("third", "call_3")],
        "violin:write:b" => [Search("of b", "call_1")],
        _ => null,
    };

    private static ScriptedCall Search(string query, string id) => new("knowledge-search", $$"""{"query": "{{query}}"}""", id);

    [Theory]
    [InlineData("second")]
    public Task Roadmap_WhoseWorkerIsKilledInACall_GoesOnBehindWhatWasRecorded(string at) => RoadmapAsync([at]);

    [Theory]
    [Trait("Category", "Long")]
    [InlineData("violin:analyse")]
    [InlineData("violin:design")]
    [InlineData("first")]
    [InlineData("third")]
    [InlineData("violin:design+2")]
    [InlineData("violin:design+3")]
    [InlineData("violin:validate")]
    [InlineData("violin:write:a")]
    [InlineData("violin:write:b")]
    [InlineData("of b")]
    [InlineData("violin:write:b+1")]
    [InlineData("violin:write:c")]
    public Task Roadmap_WhoseWorkerIsKilledInAnyOtherCall_GoesOnBehindWhatWasRecorded(string at) => RoadmapAsync([at]);

    [Fact]
    [Trait("Category", "Long")]
    public Task Roadmap_WhoseWorkersAreKilledInEveryCall_AsksNothingThatIsRecordedAgain() => RoadmapAsync(
    [
        "violin:analyse", "violin:design", "first", "second", "violin:design+2", "third", "violin:design+3", "violin:validate", "violin:write:a",
        "violin:write:b", "of b", "violin:write:b+1", "violin:write:c",
    ]);

    [Theory]
    [InlineData("third")]
    public Task Collab_WhoseWorkerIsKilledInACall_GoesOnBehindWhatWasRecorded(string at) => CollabAsync([at]);

    [Fact]
    [Trait("Category", "Long")]
    public Task Collab_WhoseWorkersAreKilledInEveryCall_AsksNothingThatIsRecordedAgain() => CollabAsync(
    [
        "Teach the bow:planner 1", "Teach the bow:tutor 1", "first", "second", "Teach the bow:tutor 1+2", "third", "Teach the bow:tutor 1+3",
        "Teach the bow:critic 1", "Teach the bow:result",
    ]);

    private async Task RoadmapAsync(string[] kills)
    {
        var roadmap = JobJson.Read<Roadmap>(await MakeAsync(RoadmapKind.KindName, JobJson.Write(Violin), RoadmapKind.Analyse, kills,
            ["violin:analyse", "violin:design", "violin:design+2", "violin:design+3", "violin:validate", "violin:write:a", "violin:write:b", "violin:write:b+1", "violin:write:c"],
            ["first", "second", "third", "of b"]));
        (roadmap.MadeBy, roadmap.Grounding).ShouldBe(("model", "found"));
        roadmap.Modules.SelectMany(module => module.Concepts).ShouldAllBe(concept => concept.Sources!.Single().PassageId == "d1:0");
    }

    private async Task CollabAsync(string[] kills)
    {
        var result = JobJson.Read<CollabResult>(await MakeAsync(CollabKind.KindName, JobJson.Write(Bow), CollabKind.TurnStage(1), kills,
            ["Teach the bow:planner 1", "Teach the bow:tutor 1", "Teach the bow:tutor 1+2", "Teach the bow:tutor 1+3", "Teach the bow:critic 1", "Teach the bow:result"],
            ["first", "second", "third"]));
        (result.Text, result.Sources!.Single().PassageId).ShouldBe(("result [1]", "d1:0"));
    }

    /// <summary>Makes a task to its end by processes that are killed while each of <paramref name="kills"/> is under way.</summary>
    /// <returns>Its result.</returns>
    private async Task<string> MakeAsync(string kind, string input, string stage, string[] kills, string[] questions, string[] searches)
    {
        await using var model = await RoadmapModelServer.StartAsync();
        await using var knowledge = await KnowledgeServer.StartAsync();
        using var identity = new IdentityFolder("gateway", "roadmap-worker");
        var database = await postgres.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(database);
        model.Calls = Calls;
        (string, string)[] settings = [.. ModelWorker.Addresses(model, knowledge), ("Models:FunctionTimeout", "00:00:30")];
        var task = Guid.CreateVersion7();
        await using (var insert = source.CreateCommand(
            """
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch, run_after, timeout, created_at, updated_at)
            VALUES ($1, $2, 'dev', 'ada', 'queued', $3, 0, 1, $4::json, 0, 0, 0, now(), '1 hour', now(), now())
            """))
        {
            foreach (var value in new object[] { task, kind, stage, input })
                insert.Parameters.Add(new() { Value = value });
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        foreach (var kill in kills)
        {
            model.Hold(kill);
            knowledge.Hold(kill);
            using var victim = WorkerProcess.Start(identity, database, settings);
            await Eventually.TrueAsync(() => Asked(kill) == 1, $"{kill} is asked");
            await victim.KillAsync();
            model.Release(kill);
            knowledge.Release(kill);
        }
        using var last = WorkerProcess.Start(identity, database, settings);
        await Eventually.TrueAsync(async () => await ScalarAsync("SELECT status FROM jobs WHERE task_id = $1") is "completed" or "failed", "it ends");

        (await ScalarAsync("SELECT status || COALESCE(error_message, '') FROM jobs WHERE task_id = $1")).ShouldBe("completed");
        foreach (var asked in questions.Concat(searches))
            Asked(asked).ShouldBe(kills.Contains(asked) ? 2 : 1, $"{asked}, killed in {string.Join(", ", kills)}");
        // Each call that was answered has its tokens in one run's log, though that run's worker died.
        (await ScalarAsync("SELECT sum(prompt_tokens) FROM execution_logs WHERE task_id = $1")).ShouldBe(7L * questions.Length);
        (await ScalarAsync("SELECT count(*) FROM job_stages WHERE task_id = $1 AND part <> ''")).ShouldBe(0L);
        return (string)(await ScalarAsync("SELECT body::text FROM job_stages WHERE task_id = $1 ORDER BY completed_at DESC LIMIT 1"))!;

        int Asked(string what) => model.Asked.Count(question => question == what) + knowledge.Searched.Count(search => search == $"dev:bows:{what}");

        async Task<object?> ScalarAsync(string sql)
        {
            await using var command = source.CreateCommand(sql);
            command.Parameters.Add(new() { Value = task });
            return await command.ExecuteScalarAsync();
        }
    }
}
