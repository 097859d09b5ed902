using System.Collections.Concurrent;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>A worker that asks a model server and a knowledge server over HTTP, as it asks engines and SessionApi.</summary>
public sealed class ModelWorker : IAsyncDisposable
{
    private readonly Action<ModelWorker>? _giveBack;

    private ModelWorker(TestWorker worker, RoadmapModelServer model, KnowledgeServer knowledge, Action<ModelWorker>? giveBack) =>
        (Worker, Model, Knowledge, _giveBack) = (worker, model, knowledge, giveBack);

    public TestWorker Worker { get; }
    public RoadmapModelServer Model { get; }
    public KnowledgeServer Knowledge { get; }

    public static Task<ModelWorker> StartAsync(PostgresFixture postgres, params (string Key, string Value)[] settings) =>
        StartAsync(postgres, null, settings);

    /// <param name="giveBack">Takes it in the place of its end.</param>
    internal static async Task<ModelWorker> StartAsync(
        PostgresFixture postgres, Action<ModelWorker>? giveBack, params (string Key, string Value)[] settings)
    {
        var (model, knowledge) = (await RoadmapModelServer.StartAsync(), await KnowledgeServer.StartAsync());
        return new(
            await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: [.. Addresses(model, knowledge), .. settings]),
            model, knowledge, giveBack);
    }

    public static (string Key, string Value)[] Addresses(RoadmapModelServer model, KnowledgeServer knowledge) =>
    [
        ("services:gpu-engine:http:0", model.Endpoint[..^"/v1".Length]), ("services:session-api:http:0", knowledge.Url),
        ("Jobs:Backoff", "00:00:00.010"), ("Roadmaps:ConceptsAtOnce", "1"),
    ];

    public static object Roadmap(string? kbId = null, int? tutorId = null, string query = "violin") => new
    {
        user_query = query, kb_id = kbId, tutor_id = tutorId,
        preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual", "hands_on" }, primary_language = "en" },
    };

    /// <summary>Makes a roadmap to its end.</summary>
    public async Task<(Guid Task, JsonElement Result)> RoadmapAsync(object request)
    {
        var accepted = await Worker.JsonAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", request);
        accepted.TryGetProperty("task_id", out var id).ShouldBeTrue(accepted.ToString());
        await UntilDoneAsync(id.GetGuid());
        return (id.GetGuid(), await Worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{id.GetGuid()}/result"));
    }

    public async Task<JsonElement> CollabAsync(object request)
    {
        var accepted = await Worker.JsonAsync(HttpMethod.Post, "/api/collab/execute", request);
        accepted.TryGetProperty("task_id", out var id).ShouldBeTrue(accepted.ToString());
        await UntilDoneAsync(id.GetGuid());
        return await Worker.JsonAsync(HttpMethod.Get, $"/api/collab/{id.GetGuid()}");
    }

    /// <summary>What the runs of a stage asked: kind, name and outcome of each call.</summary>
    public async Task<List<string>> CallsAsync(Guid task, string stage) =>
    [
        .. (await Worker.LogsAsync(task)).Where(log => log.Stage == stage).SelectMany(log => log.Calls ?? [])
            .Select(call => $"{call.Kind} {call.Name} {call.Outcome}{(call.Recorded ? " recorded" : "")}"),
    ];

    public async Task UntilDoneAsync(Guid task)
    {
        await Eventually.TrueAsync(async () => JobStatus.IsTerminal(await Worker.StatusAsync(task)), "the task has ended");
        (await Worker.StatusAsync(task)).ShouldBe(JobStatus.Completed, (await Worker.ScalarAsync("SELECT error_message FROM jobs WHERE task_id = $1", task))?.ToString());
    }

    public ValueTask DisposeAsync()
    {
        if (_giveBack is null)
            return EndAsync();
        Model.Forget();
        Knowledge.Forget();
        _giveBack(this);
        return ValueTask.CompletedTask;
    }

    internal async ValueTask EndAsync()
    {
        await Worker.DisposeAsync();
        await Model.DisposeAsync();
        await Knowledge.DisposeAsync();
    }
}

/// <summary>
/// Workers that tests of a class use one after the other, for what teaches a worker nothing: its start takes longer than such a test.
/// Tasks of other tests are in its database.
/// </summary>
public sealed class ModelWorkers(PostgresFixture postgres) : IAsyncDisposable
{
    private readonly ConcurrentBag<ModelWorker> _idle = [];

    public async Task<ModelWorker> TakeAsync() =>
        _idle.TryTake(out var worker) ? worker : await ModelWorker.StartAsync(postgres, giveBack: _idle.Add);

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _idle)
            await worker.EndAsync();
    }
}
