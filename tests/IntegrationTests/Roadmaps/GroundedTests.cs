using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.IntegrationTests.Roadmaps;

/// <summary>A roadmap and a collaboration on a teacher's own material, through every service: Gateway, SessionApi, RoadmapWorker, GpuEngine.</summary>
[Collection(RoadmapCollection.Name)]
public sealed class GroundedTests(SharedSystem system) : IDisposable
{
    private const string Bows = "# Holding the bow\n\nHold the bow with a bent thumb.\n\n# Strings\n\nA violin has four strings.\n";
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromMinutes(1));

    public void Dispose()
    {
        system.Roadmaps.Calls = null;
        _limit.Dispose();
    }

    [Fact]
    public async Task Roadmap_OnAKnowledgeBase_SearchesAndCitesIt()
    {
        using var client = system.CreateGatewayClient();
        var (kb, query) = (await Knowledge.CreateAsync(client, "bows.md", Bows), $"bow {Guid.NewGuid():N}");
        Call($"{query}:design");
        using var response = await client.PostAsJsonAsync("/api/v1/roadmaps/generate", new
        {
            user_query = query, kb_id = kb, preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual" }, primary_language = "en" },
        }, _limit.Token);
        var task = (await response.Content.ReadFromJsonAsync<JsonElement>(_limit.Token)).GetProperty("task_id").GetGuid();
        (await RoadmapExtensions.EndAsync(client, task, _limit.Token)).GetProperty("status").GetString().ShouldBe("completed");

        var roadmap = await client.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/result", _limit.Token);
        (roadmap.GetProperty("made_by").GetString(), roadmap.GetProperty("grounding").GetString()).ShouldBe(("model", "found"));
        system.Roadmaps.Requests.Single(request => request.Name == $"{query}:design+1").Results[0].ShouldContain("bent thumb");
        var logs = await client.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/logs", _limit.Token);
        var runs = logs.GetProperty("execution_logs").EnumerateArray().Where(run => run.GetProperty("stage").GetString() == "design"
            && run.GetProperty("calls").ValueKind == JsonValueKind.Array); // a stage may have had to run again: a service had just been restarted
        runs.SelectMany(run => run.GetProperty("calls").EnumerateArray()).Where(call => call.GetProperty("outcome").GetString() != "failed")
            .Select(call => $"{call.GetProperty("name")} {call.GetProperty("outcome")}").ShouldBe(["stub tool_calls", "knowledge-search completed", "stub stop"]);
    }

    [Fact]
    public async Task Collab_OnAKnowledgeBase_CitesIt()
    {
        using var client = system.CreateGatewayClient();
        var (kb, text) = (await Knowledge.CreateAsync(client, "bows.md", Bows), $"Teach holding the bow {Guid.NewGuid():N}");
        Call($"{text}:tutor 1");
        using var response = await client.PostAsJsonAsync("/api/collab/execute", new { task = text, kb_id = kb }, _limit.Token);
        var collab = await response.Content.ReadFromJsonAsync<JsonElement>(_limit.Token);
        while (collab.GetProperty("status").GetString() == "in_progress")
        {
            await Task.Delay(100, _limit.Token);
            collab = await client.GetFromJsonAsync<JsonElement>(collab.GetProperty("status_url").GetString(), _limit.Token);
        }
        collab.GetProperty("result").GetProperty("text").GetString().ShouldBe("result [1]");
        var source = collab.GetProperty("result").GetProperty("sources")[0];
        (source.GetProperty("document").GetString(), source.GetProperty("title").GetString()).ShouldBe(("bows.md", "Holding the bow"));
        source.GetProperty("quote").GetString()!.ShouldContain("bent thumb");
        system.Roadmaps.Asked.ShouldContain($"{text}:tutor 1+1");
    }

    private void Call(string question) => system.Roadmaps.Calls = request =>
        request.Name == question ? [new ScriptedCall("knowledge-search", """{"query": "How is the bow held?"}""")] : null;
}
