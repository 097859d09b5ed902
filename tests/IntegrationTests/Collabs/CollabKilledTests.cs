using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.IntegrationTests.Roadmaps;

namespace Lyceum.Tests.IntegrationTests.Collabs;

/// <summary>kill -9 in every turn: the other worker goes on behind the last one that was finished.</summary>
[Collection(RoadmapCollection.Name)]
public sealed class CollabKilledTests(SharedSystem system) : IAsyncLifetime
{
    private static readonly string[] Turns = ["planner 1", "tutor 1", "critic 1", "result"];
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(90));
    private readonly string _task = $"explain recursion {Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        _ = system.App;
        await system.UntilUpAsync(_limit.Token);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var turn in Turns)
            system.Roadmaps.Release($"{_task}:{turn}");
        _limit.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Worker_KilledInEveryTurn_NoFinishedTurnIsTakenAgain()
    {
        using var client = system.CreateGatewayClient();
        foreach (var turn in Turns)
            system.Roadmaps.Hold($"{_task}:{turn}");
        using var response = await client.PostAsJsonAsync("/api/collab/execute", new { task = _task, max_tokens = 321 }, _limit.Token);
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var id = (await response.Content.ReadFromJsonAsync<JsonElement>(_limit.Token)).GetProperty("task_id").GetGuid();
        foreach (var turn in Turns)
        {
            await system.UntilAskedAsync($"{_task}:{turn}", 1, _limit.Token);
            var epoch = await system.EpochAsync(id);
            system.Signal(await system.WorkerAsync(_limit.Token), "KILL");
            await system.UntilTakenAsync(id, epoch, _limit.Token);
            system.Roadmaps.Release($"{_task}:{turn}");
        }
        JsonElement collab;
        do
        {
            await Task.Delay(50, _limit.Token);
            collab = await client.GetFromJsonAsync<JsonElement>($"/api/collab/{id}", _limit.Token);
        }
        while (collab.GetProperty("status").GetString() == "in_progress");

        collab.GetProperty("status").GetString().ShouldBe("completed", collab.ToString());
        collab.GetProperty("context").GetProperty("turns").EnumerateArray().Select(turn => turn.GetProperty("text").GetString())
            .ShouldBe(["\"planner 1\"", "\"tutor 1\"", "\"critic 1\""]);
        collab.GetProperty("result").GetProperty("text").GetString().ShouldBe("\"result\"");
        collab.GetProperty("context").GetProperty("turns").EnumerateArray().Append(collab.GetProperty("result"))
            .ShouldAllBe(said => said.GetProperty("is_cut").GetBoolean()); // the model ends so what has a limit of tokens
        foreach (var turn in Turns)
            system.Roadmaps.Asked.Count(asked => asked == $"{_task}:{turn}").ShouldBeInRange(1, 2, $"{turn}: once for the killed worker, once for its heir");
        (await system.ScalarAsync("SELECT count(*) FROM execution_logs WHERE task_id = $1 AND outcome = 'completed'", id)).ShouldBe(4L);
        (await system.ScalarAsync("SELECT count(*) FROM job_events WHERE task_id = $1 AND stage = 'done'", id)).ShouldBe(1L);
        await system.UntilUpAsync(_limit.Token);
    }
}
