using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.Tests.StubModel;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>Roadmaps and collaborations that rest on a teacher's own material, over HTTP to a model and to a knowledge base.</summary>
public sealed class GroundedTests(PostgresFixture postgres, ModelWorkers workers) : IClassFixture<ModelWorkers>
{
    private static readonly ScriptedCall Thumb = new("knowledge-search", """{"query": "the thumb"}""");

    private static List<JsonElement> Concepts(JsonElement roadmap) =>
        [.. roadmap.GetProperty("modules").EnumerateArray().SelectMany(module => module.GetProperty("concepts").EnumerateArray())];

    [Fact]
    public async Task Roadmap_OnAKnowledgeBase_SearchesAndCitesIt()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.Calls = request => request.Functions.Contains("knowledge-search") && request.Results.Count == 0 ? [Thumb] : null;
        var (task, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));

        (roadmap.GetProperty("made_by").GetString(), roadmap.GetProperty("kb_id").GetString(), roadmap.GetProperty("grounding").GetString())
            .ShouldBe(("model", "bows", "found"));
        roadmap.GetProperty("notes").GetArrayLength().ShouldBe(0);
        Concepts(roadmap).ShouldAllBe(concept => concept.GetProperty("sources").ToString() ==
            """[{"number":1,"passage_id":"d1:0","document":"bows.md","title":"Holding the bow","quote":"Hold the bow with a bent thumb."}]""");
        worker.Model.Requests.ShouldAllBe(request => request.Format == "json_schema");
        var design = worker.Model.Requests.First(request => request.Name == "violin:design");
        design.Functions.ShouldBe(["catalogue-look_up", "knowledge-search"], ignoreOrder: true);
        design.Body.ToString().ShouldContain("[2] Drawing the bow (bows.md)");
        var called = worker.Model.Requests.Single(request => request.Name == "violin:design+1");
        called.Results[0].ShouldContain("[1] Holding the bow (bows.md)\nHold the bow");
        worker.Knowledge.Searched.ShouldAllBe(search => search.StartsWith("dev:bows:"));
        (await worker.CallsAsync(task, "design")).ShouldBe(["model stub tool_calls", "tool knowledge-search completed", "model stub stop"]);
        (await worker.Worker.LogsAsync(task)).Select(log => (log.Stage, log.PromptTokens, log.CompletionTokens))
            .ShouldBe([("analyse", 7, 5), ("design", 14, 10), ("validate", 14, 10), ("write", 42, 30)]);
        (await worker.Worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE part <> ''")).ShouldBe(0L);
        worker.Worker.Log.Lines.ShouldContain(line => line.Message.Contains("knowledge-search completed after"));
        worker.Worker.Log.Lines.ShouldNotContain(line => line.Message.Contains("the thumb"));
    }

    [Fact]
    public async Task Traces_HaveASpanForEachCall_AndNothingOfWhatWasSaid()
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Lyceum.RoadmapWorker", Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var worker = await workers.TakeAsync();
        worker.Model.Calls = request => request.Name == "viola:design" ? [Thumb] : null;
        var (task, _) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows", query: "viola"));

        var mine = spans.Where(span => Equals(span.GetTagItem("task_id"), task)).ToList();
        mine.Count(span => span.OperationName == "chat").ShouldBe(worker.Model.Requests.Count);
        var design = mine.Where(span => span.Parent?.DisplayName == "roadmap design").ToList();
        design.Select(span => $"{span.OperationName} {span.GetTagItem("gen_ai.tool.name") ?? span.GetTagItem("gen_ai.response.finish_reasons")} {span.GetTagItem("gen_ai.usage.input_tokens")}".TrimEnd())
            .ShouldBe(["chat tool_calls 7", "execute_tool knowledge-search", "chat stop 7"]);
        mine.SelectMany(span => span.TagObjects).ShouldAllBe(tag => !tag.Value!.ToString()!.Contains("viola") && !tag.Value.ToString()!.Contains("thumb"));
    }

    [Fact]
    public async Task Collab_OnATutorsKnowledge_CitesItWithTheSameNumbersInEveryTurn()
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.Calls = request => request.Name.EndsWith("tutor 1") ? [Thumb] : null;
        worker.Model.Bends = (request, answer) => request.Name.Contains("planner") ? """{"text": "Angle first [2].", "sources": [2, 99]}""" : answer;
        var collab = await worker.CollabAsync(new { task = "Teach the bow", tutor_id = 7 });

        var turns = collab.GetProperty("context").GetProperty("turns").EnumerateArray().ToList();
        turns.Select(turn => $"{turn.GetProperty("text")} {string.Join(',', turn.GetProperty("sources").EnumerateArray().Select(source => $"{source.GetProperty("number")}={source.GetProperty("passage_id")}"))}")
            .ShouldBe(["Angle first [2]. 2=d1:1", "tutor 1 [1] 1=d1:0", "critic 1 [1] 1=d1:0"]);
        collab.GetProperty("context").GetProperty("kb_id").GetString().ShouldBe("bows");
        collab.GetProperty("context").GetProperty("tutor_id").GetInt32().ShouldBe(7);
        var result = collab.GetProperty("result");
        (result.GetProperty("text").GetString(), result.GetProperty("grounding").GetString()).ShouldBe(("result [1]", "found"));
        result.GetProperty("sources")[0].GetProperty("quote").GetString().ShouldBe("Hold the bow with a bent thumb.");
        worker.Model.Requests.ShouldAllBe(request => request.Format == "json_schema" && request.Body.GetProperty("max_tokens").GetInt32() == 800);
        worker.Model.Asked.ShouldContain("Teach the bow:tutor 1+1");
    }

    [Fact]
    public async Task KnowledgeBase_OfNobodyOrAnotherTenant_IsNotFound()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        foreach (var (body, tenant, code) in new (object, string, string)[]
        {
            (new { kb_id = "nothing" }, "dev", "knowledge_base_not_found"), (new { kb_id = "bows" }, "other", "knowledge_base_not_found"),
            (new { kb_id = "../x\0" }, "dev", "knowledge_base_not_found"), (new { tutor_id = 7 }, "other", "tutor_not_found"),
            (new { tutor_id = 9 }, "dev", "tutor_not_found"),
        })
        {
            var asked = JsonSerializer.SerializeToNode(body)!.AsObject();
            (asked["task"], asked["user_query"]) = ("x", "x");
            asked["preferences"] = JsonSerializer.SerializeToNode(new { weekly_commitment_hours = 5 });
            foreach (var path in new[] { "/api/v1/roadmaps/generate", "/api/collab/execute" })
            {
                using var response = await worker.Worker.SendAsync(HttpMethod.Post, path, asked, tenant: tenant);
                var problem = JsonElement.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
                (response.StatusCode, problem.GetProperty("code").GetString()).ShouldBe((HttpStatusCode.NotFound, code), $"{path} {asked}");
            }
        }
        (await worker.Worker.ScalarAsync("SELECT count(*) FROM jobs")).ShouldBe(0L);
    }

    [Fact]
    public async Task SessionApi_Away_RefusesATutor_AndRecordsAKnowledgeBaseThatIsSearchedLater()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Knowledge.Answers = _ => Results.StatusCode(500);
        var collab = await worker.CollabAsync(new { task = "Teach the bow", kb_id = "bows", roles = new[] { "tutor" } });
        var result = collab.GetProperty("result");
        (result.GetProperty("grounding").GetString(), result.GetProperty("sources").GetArrayLength()).ShouldBe(("unavailable", 0));
        (await worker.Worker.LogsAsync(collab.GetProperty("task_id").GetGuid())).Count(log => log.Outcome == StageOutcomes.Retried).ShouldBe(8, "four for each stage");

        await worker.Knowledge.DisposeAsync();
        using var response = await worker.Worker.SendAsync(HttpMethod.Post, "/api/collab/execute", new { task = "x", tutor_id = 7 });
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        response.Headers.RetryAfter.ShouldNotBeNull();
    }

    [Fact]
    public async Task Request_RepeatedWithItsKey_IsTheSameTaskThoughItsTutorIsGone()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        foreach (var expected in new[] { HttpStatusCode.Accepted, HttpStatusCode.Accepted })
        {
            using var response = await worker.Worker.SendAsync(
                HttpMethod.Post, "/api/v1/roadmaps/generate", ModelWorker.Roadmap(tutorId: 7), headers: ("Idempotency-Key", "k"));
            response.StatusCode.ShouldBe(expected);
            await worker.Knowledge.DisposeAsync();
        }
        (await worker.Worker.ScalarAsync("SELECT count(*) FROM jobs")).ShouldBe(1L);
    }

    [Theory]
    [InlineData("empty", "nothing_found", "has nothing on this subject")]
    [InlineData("gone", "unavailable", "could not be searched")]
    public async Task Roadmap_OnAKnowledgeBaseThatGivesNothing_SaysSo(string how, string grounding, string says)
    {
        await using var worker = await workers.TakeAsync();
        worker.Knowledge.Answers = query => query == "?" ? null : how == "gone" ? Results.NotFound() : Results.Json(new { passages = Array.Empty<object>() });
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        roadmap.GetProperty("grounding").GetString().ShouldBe(grounding);
        roadmap.GetProperty("notes").EnumerateArray().Select(note => note.GetString()).ShouldHaveSingleItem()!.ShouldContain(says);
        Concepts(roadmap).ShouldAllBe(concept => concept.GetProperty("sources").GetArrayLength() == 0);
    }

    [Fact]
    public async Task Roadmap_OfATutorWithoutKnowledge_SaysSo()
    {
        await using var worker = await workers.TakeAsync();
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap(tutorId: 8));
        roadmap.TryGetProperty("grounding", out _).ShouldBeFalse();
        roadmap.GetProperty("notes")[0].GetString()!.ShouldContain("Tutor 8 has no knowledge base");
    }

    [Fact]
    public async Task Roadmap_WithoutAModel_SaysThatTheKnowledgeBaseWasNotUsed()
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.IsPrimer = true;
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        (roadmap.GetProperty("made_by").GetString(), roadmap.GetProperty("grounding").GetString()).ShouldBe(("catalogue", "not_used"));
        roadmap.GetProperty("notes").EnumerateArray().ShouldContain(note => note.GetString()!.Contains("bows was not used"));
        worker.Model.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Collab_WithoutAModel_GivesThePassagesToTheBuiltInAnswerer()
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.IsPrimer = true;
        worker.Model.Bends = (_, _) => "No language model is connected. “Hold the bow with a bent thumb.” [1]";
        var collab = await worker.CollabAsync(new { task = "Teach the bow", kb_id = "bows" });
        var asked = worker.Model.Requests.ShouldHaveSingleItem();
        (asked.Format, asked.Functions.Count).ShouldBe((null, 0));
        asked.Body.GetProperty("lyceum").GetProperty("passages").EnumerateArray().Select(passage => passage.GetProperty("id").GetString()).ShouldBe(["d1:0", "d1:1"]);
        var result = collab.GetProperty("result");
        (result.GetProperty("made_by").GetString(), result.GetProperty("grounding").GetString()).ShouldBe(("primer", "found"));
        result.GetProperty("sources").EnumerateArray().Select(source => source.GetProperty("passage_id").GetString()).ShouldBe(["d1:0"]);
    }
}
