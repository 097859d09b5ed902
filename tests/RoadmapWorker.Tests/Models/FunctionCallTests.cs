using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.Tests.StubModel;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>Models that call functions badly, or servers that know nothing of functions and schemas: a roadmap is made all the same.</summary>
public sealed class FunctionCallTests(PostgresFixture postgres, ModelWorkers workers) : IClassFixture<ModelWorkers>
{
    private const string Design = "violin:design";

    private static ScriptedCall Search(string query, string id = "call_1") => new("knowledge-search", JsonSerializer.Serialize(new { query }), id);

    /// <summary>A roadmap on the knowledge base, whose design stage calls these functions before it answers.</summary>
    private async Task<(ModelWorker Worker, Guid Task)> DesignAsync(
        Func<ModelRequest, IReadOnlyList<ScriptedCall>?> calls, Func<string, IResult?>? answers = null, params (string, string)[] settings)
    {
        var worker = settings.Length == 0 ? await workers.TakeAsync() : await ModelWorker.StartAsync(postgres, settings);
        worker.Model.Calls = request => request.Name.StartsWith(Design, StringComparison.Ordinal) ? calls(request) : null;
        worker.Knowledge.Answers = answers;
        var (task, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
        roadmap.GetProperty("grounding").GetString().ShouldBe("found");
        return (worker, task);
    }

    private static Func<ModelRequest, IReadOnlyList<ScriptedCall>?> Once(params ScriptedCall[] calls) => request => request.Results.Count == 0 ? calls : null;

    [Theory]
    [InlineData("""{"query": "bow""", "not a JSON object", "knowledge-search")]
    [InlineData("[1]", "not a JSON object", "knowledge-search")]
    [InlineData("", "not a JSON object", "knowledge-search")]
    [InlineData("null", "not a JSON object", "knowledge-search")]
    [InlineData("{}", "lack query", "knowledge-search")]
    [InlineData("""{"query": null}""", "lack query", "knowledge-search")]
    public async Task Arguments_ThatAreBroken_AreToldToTheModel(string arguments, string says, string name)
    {
        var (worker, task) = await DesignAsync(Once(new ScriptedCall(name, arguments)));
        await using var _ = worker;
        worker.Model.Requests.Single(request => request.Name == "violin:design+1").Results.ShouldHaveSingleItem().ShouldContain(says);
        (await worker.CallsAsync(task, "design")).ShouldBe(["model stub tool_calls", $"tool {name} refused", "model stub stop"]);
    }

    [Theory]
    [InlineData("""{"query": 7, "more": {"deep": [1]}}""", "7")]
    [InlineData("""{"query": "a\u0000b"}""", "a\uFFFDb")]
    [InlineData("""{"query": "half \ud800 of a pair"}""", "half")]
    [InlineData("""{"query": "   "}""", null)]
    public async Task Arguments_ThatAreOdd_AreSearchedForAsFarAsTheyGo(string arguments, string? searched)
    {
        var (worker, _) = await DesignAsync(Once(new ScriptedCall("knowledge-search", arguments)));
        await using var held = worker;
        worker.Model.Asked.ShouldContain("violin:design+1");
        if (searched is not null)
            worker.Knowledge.Searched.ShouldContain(search => search.StartsWith($"dev:bows:{searched}"));
    }

    [Fact]
    public async Task Function_ThatIsUnknown_IsAnsweredWithThoseThereAre()
    {
        var (worker, task) = await DesignAsync(Once(new ScriptedCall("rm -rf\0\uD800/", "{}"), new ScriptedCall("search", """{"query": "x"}""", "call_2")));
        await using var _ = worker;
        var told = worker.Model.Requests.Single(request => request.Name == "violin:design+2").Results;
        told[0].ShouldContain("There is: catalogue-look_up, knowledge-search");
        told[1].ShouldContain("Holding the bow", customMessage: "a name without its plugin is understood");
        (await worker.CallsAsync(task, "design")).ShouldBe(["model stub tool_calls", "tool unknown refused", "tool search completed", "model stub stop"]);
    }

    [Fact]
    public async Task Calls_WithoutIdsOrWithTheSame_EachFindTheirResult()
    {
        var (worker, _) = await DesignAsync(Once(Search("thumb", "same"), Search("angle", "same"), Search("string", null!)));
        await using var held = worker;
        var messages = worker.Model.Requests.Single(request => request.Name == "violin:design+3").Body.GetProperty("messages").EnumerateArray().ToList();
        var asked = messages.Single(message => message.TryGetProperty("tool_calls", out _)).GetProperty("tool_calls").EnumerateArray().Select(call => call.GetProperty("id").GetString()).ToList();
        asked.Distinct().Count().ShouldBe(3);
        messages.Where(message => message.GetProperty("role").GetString() == "tool").Select(message => message.GetProperty("tool_call_id").GetString()).ShouldBe(asked);
    }

    [Fact]
    public async Task Calls_WithoutEnd_AreBoundedAndTheModelIsAskedToAnswer()
    {
        var (worker, task) = await DesignAsync(
            request => request.Functions.Count > 0 ? [Search("a"), Search("b", "call_2")] : null,
            settings: [("Models:FunctionCalls", "3"), ("Models:FunctionRounds", "2")]);
        await using var _ = worker;
        (await worker.CallsAsync(task, "design")).ShouldBe([
            "model stub tool_calls", "tool knowledge-search completed", "tool knowledge-search completed",
            "model stub tool_calls", "tool knowledge-search completed", "tool knowledge-search refused",
            "model stub tool_calls", "model stub stop"]);
        worker.Model.Requests.Where(request => request.Name.StartsWith(Design)).Select(request => request.ToolChoice).ShouldBe(["auto", "auto", "none", null]);
        var last = worker.Model.Requests.Last(request => request.Name == Design);
        last.Body.ToString().ShouldContain("What was looked up for the question", customMessage: "without functions, what they gave is told as text");
        last.Body.ToString().ShouldContain("No more calls are possible");
    }

    [Fact]
    public async Task Calls_AHundredInOneAnswer_AreCutToTheFirst()
    {
        var (worker, task) = await DesignAsync(Once([.. Enumerable.Range(0, 100).Select(i => Search($"q{i}", $"c{i}"))]));
        await using var _ = worker;
        var calls = await worker.CallsAsync(task, "design");
        (calls.Count(call => call.EndsWith("completed")), calls.Count(call => call.EndsWith("refused"))).ShouldBe((8, 8));
    }

    [Fact]
    public async Task Function_ThatTakesTooLong_IsLeftBehind()
    {
        var worker = await ModelWorker.StartAsync(postgres, ("Models:FunctionTimeout", "00:00:00.200"));
        await using var _ = worker;
        worker.Model.Calls = request => request.Name == Design ? [Search("slow")] : null;
        worker.Knowledge.Hold("slow");
        var (task, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
        worker.Model.Requests.Single(request => request.Name == "violin:design+1").Results[0].ShouldContain("longer than 0.2 s");
        (await worker.CallsAsync(task, "design")).ShouldContain("tool knowledge-search timed_out");
    }

    [Fact]
    public async Task Function_ThatFails_DoesNotFailItsStage()
    {
        var (worker, task) = await DesignAsync(Once(Search("broken")), query => query == "broken" ? Results.StatusCode(500) : null);
        await using var _ = worker;
        (await worker.CallsAsync(task, "design")).ShouldBe(["model stub tool_calls", "tool knowledge-search failed", "model stub stop"]);
        (await worker.Worker.LogsAsync(task)).ShouldAllBe(log => log.Outcome == StageOutcomes.Completed);
    }

    [Fact]
    public async Task Result_ThatIsHuge_IsCutOff()
    {
        var passages = Enumerable.Range(0, 50).Select(i => new { id = $"d:{i}", title = "T", text = new string('é', 5000), source = "s" }).ToList();
        var (worker, _) = await DesignAsync(Once(Search("huge")), query => query == "huge" ? Results.Json(new { passages }) : null);
        await using var held = worker;
        var result = worker.Model.Requests.Single(request => request.Name == "violin:design+1").Results[0];
        result.Length.ShouldBeLessThan(12_100);
        result.ShouldEndWith("[The rest is cut off.]");
    }

    /// <summary>Postgres takes neither; a result that holds them must not keep the worker from committing anything ever again.</summary>
    [Fact]
    public async Task Result_WithNulAndHalfOfASurrogatePair_IsStored()
    {
        const string odd = """{"passages": [{"id": "d\u0000:9", "title": "T\u0000", "text": "nul \u0000 here", "source": "s\u0000"}]}""";
        var (worker, task) = await DesignAsync(
            Once(Search("odd"), Search("half", "call_2")),
            query => query switch
            {
                "odd" => Results.Content(odd, "application/json"), "half" => Results.Content(odd.Replace("nul", "\\ud800"), "application/json"), _ => null,
            });
        await using var _ = worker;
        worker.Model.Requests.Single(request => request.Name == "violin:design+2").Results[0].ShouldContain("nul \uFFFD here");
        (await worker.CallsAsync(task, "design")).ShouldBe(
            ["model stub tool_calls", "tool knowledge-search completed", "tool knowledge-search failed", "model stub stop"]);
    }

    [Theory]
    [InlineData(400, "stub does not support tools")]
    [InlineData(502, "The model server failed (500): tools param requires --jinja flag")]
    [InlineData(400, "Invalid request.")]
    public async Task Server_ThatRejectsTools_IsAskedWithoutThem_AndNotEachTimeAnew(int status, string message)
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.Rejects = request => request.Functions.Count > 0 ? (status, message) : null;
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        (roadmap.GetProperty("made_by").GetString(), roadmap.GetProperty("grounding").GetString()).ShouldBe(("model", "found"));
        roadmap.GetProperty("modules")[0].GetProperty("concepts")[0].GetProperty("sources").GetArrayLength().ShouldBe(1, "what was found is in the prompt");
        worker.Model.Requests.Count(request => request.Functions.Count > 0).ShouldBeLessThanOrEqualTo(2, "what it rejects is remembered");
    }

    [Theory]
    [InlineData("json_schema")]
    [InlineData("json_object")]
    public async Task Server_ThatRejectsResponseFormats_IsAskedWithALesserOne(string least)
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.Rejects = request => request.Format == "json_schema" || request.Format == least ? (400, "response_format is not supported") : null;
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
        worker.Model.Requests.Select(request => request.Format ?? "none").Take(3).ShouldBe(
            least == "json_schema" ? ["json_schema", "json_object", "json_object"] : ["json_schema", "json_object", "none"]);
        worker.Model.Requests.Count(request => request.Format == "json_schema").ShouldBe(1);
    }

    [Fact]
    public async Task Server_ThatRejectsEverything_IsAModelThatCannotBeAsked()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.Rejects = _ => (400, "no");
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        roadmap.GetProperty("made_by").GetString().ShouldBe("catalogue");
        roadmap.GetProperty("notes")[0].GetString()!.ShouldContain("could not be reached");
    }

    [Fact]
    public async Task Server_ThatFails_IsAskedOnceForEachAttempt()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.Rejects = _ => (500, "out of memory");
        await worker.RoadmapAsync(ModelWorker.Roadmap());
        worker.Model.Requests.Count.ShouldBe(5, "the SDK's own retries are off");
    }

    /// <summary>Its name is remembered for a while, in which an engine may get another model.</summary>
    [Fact]
    public async Task Model_ExchangedAtItsEngine_IsAskedByItsNewName()
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        await worker.CollabAsync(new { task = "one" });
        worker.Model.Model = "another";

        var task = (await worker.CollabAsync(new { task = "two" })).GetProperty("task_id").GetGuid();

        (await worker.Worker.LogsAsync(task)).ShouldAllBe(log => log.Outcome == StageOutcomes.Completed);
        worker.Model.Requests.Count(request => request.Name.StartsWith("two") && request.Body.GetProperty("model").GetString() == "stub").ShouldBe(1);
    }

    [Fact]
    public async Task Server_ThatIgnoresTheSchema_IsToldWhatIsWrong()
    {
        await using var worker = await workers.TakeAsync();
        var first = true;
        worker.Model.Bends = (request, answer) =>
        {
            if (request.Name != Design || !first)
                return answer;
            first = false;
            return "Here you are: modules, modules.";
        };
        var (task, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        (roadmap.GetProperty("made_by").GetString(), roadmap.GetProperty("notes").GetArrayLength()).ShouldBe(("model", 0));
        (await worker.CallsAsync(task, "design")).ShouldBe(["model stub stop", "model stub stop"]);
    }

    [Fact]
    public async Task Server_WithoutUsageOrFinishReason_IsReadAllTheSame()
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.BendsResponse = (_, response) => JsonSerializer.Serialize(new
        {
            choices = new[] { new { message = new { role = "assistant", content = JsonElement.Parse(response).GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString() } } },
        });
        var (task, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
        (await worker.Worker.LogsAsync(task)).Sum(log => log.PromptTokens).ShouldBe(0);
    }

    [Theory]
    [InlineData("\"finish_reason\":\"stop\"", "\"finish_reason\":\"eos\"")]
    [InlineData("\"finish_reason\":\"stop\"", "\"finish_reason\":null")]
    [InlineData("\"role\":\"assistant\"", "\"role\":\"bot\"")]
    [InlineData("\"created\":1", "\"created\":1.5")]
    [InlineData("\"index\":0", "\"index\":\"0\"")]
    [InlineData("\"prompt_tokens\":7", "\"prompt_tokens\":7.0")]
    [InlineData("\"prompt_tokens\":7", "\"prompt_tokens\":null")]
    [InlineData("\"content\":\"{", "\"content\":\"\\ud800{")]
    public async Task Server_ThatIsNotQuiteOpenAI_IsReadAllTheSame(string usual, string odd)
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.BendsResponse = (_, response) => response.Replace(usual, odd);
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        roadmap.GetProperty("made_by").GetString().ShouldBe("model");
    }

    [Fact]
    public async Task Calls_WithTheirArgumentsAsAnObject_AreUnderstood()
    {
        await using var worker = await workers.TakeAsync();
        worker.Model.Calls = request => request.Name == Design ? [Search("the thumb")] : null;
        worker.Model.BendsResponse = (_, response) => response.Replace("\"{\\u0022query\\u0022:\\u0022the thumb\\u0022}\"", "{\"query\":\"the thumb\"}").Replace("\"type\":\"function\",", "");
        var (task, _) = await worker.RoadmapAsync(ModelWorker.Roadmap("bows"));
        (await worker.CallsAsync(task, "design")).ShouldContain("tool knowledge-search completed");
        worker.Knowledge.Searched.ShouldContain("dev:bows:the thumb");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"choices":[]}""")]
    [InlineData("<html>")]
    public async Task Server_ThatAnswersSomethingElse_IsAModelThatCannotBeAsked(string response)
    {
        await using var worker = await ModelWorker.StartAsync(postgres);
        worker.Model.BendsResponse = (_, _) => response;
        var (_, roadmap) = await worker.RoadmapAsync(ModelWorker.Roadmap());
        roadmap.GetProperty("made_by").GetString().ShouldBe("catalogue");
        roadmap.GetProperty("notes")[0].GetString()!.ShouldContain("could not be reached");
    }
}
