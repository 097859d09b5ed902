using System.Net;
using System.Text.Json;
using Lyceum.RoadmapWorker.Collabs;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Models;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Collabs;

/// <summary>From the request to the result, as a client sees it.</summary>
public sealed class CollabTests(PostgresFixture postgres)
{
    private static readonly (string, string) Quick = ("Jobs:Backoff", "00:00:00.010");

    private static async Task<Guid> ExecuteAsync(TestWorker worker, object request) =>
        (await worker.JsonAsync(HttpMethod.Post, "/api/collab/execute", request)).GetProperty("task_id").GetGuid();

    private static Task<JsonElement> GetAsync(TestWorker worker, Guid task) => worker.JsonAsync(HttpMethod.Get, $"/api/collab/{task}");

    private static List<string> Said(JsonElement collab) => [.. collab.GetProperty("context").GetProperty("turns").EnumerateArray().Select(
        turn => $"{turn.GetProperty("number")} {turn.GetProperty("role")} {turn.GetProperty("round")}: {turn.GetProperty("text")}")];

    [Fact]
    public async Task Execute_IsInProgressWithItsContext_AndEveryRoleSpeaksInItsTurn()
    {
        var model = new SpeakingModel();
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        using var response = await worker.SendAsync(HttpMethod.Post, "/api/collab/execute", new
        {
            task = "Explain recursion", rounds = 2, max_tokens = 333, context = new { reader = "a child of ten" },
            roles = new object[] { "planner", new { name = "tutor" }, new { name = "头脑", instructions = "You doubt." } },
        });
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        var accepted = JsonElement.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        var task = accepted.GetProperty("task_id").GetGuid();
        response.Headers.Location!.ToString().ShouldBe($"/api/collab/{task}");
        accepted.GetProperty("status").GetString().ShouldBe("in_progress");
        var context = accepted.GetProperty("context");
        context.GetProperty("task").GetString().ShouldBe("Explain recursion");
        context.GetProperty("given").GetProperty("reader").GetString().ShouldBe("a child of ten");
        context.GetProperty("roles").EnumerateArray().Select(role => role.GetProperty("name").GetString()).ShouldBe(["planner", "tutor", "头脑"]);
        context.GetProperty("turns").GetArrayLength().ShouldBe(0);
        context.GetProperty("next").ToString().ShouldBe("""{"number":1,"round":1,"role":"planner"}""");

        await worker.UntilAsync(task, JobStatus.Completed);
        var collab = await GetAsync(worker, task);
        (collab.GetProperty("status").GetString(), collab.GetProperty("stage").GetString(), collab.GetProperty("progress").GetInt32())
            .ShouldBe(("completed", "done", 100));
        Said(collab).ShouldBe([
            "1 planner 1: I speak as planner 1.", "2 tutor 1: I speak as tutor 1.", "3 头脑 1: I speak as 头脑 1.",
            "4 planner 2: I speak as planner 2.", "5 tutor 2: I speak as tutor 2.", "6 头脑 2: I speak as 头脑 2."]);
        collab.GetProperty("context").GetProperty("turns").EnumerateArray().Select(turn => turn.GetProperty("is_cut").GetBoolean())
            .ShouldBe([false, true, false, false, true, false]);
        collab.GetProperty("result").ToString().ShouldBe("""{"text":"I speak as result.","made_by":"model","is_cut":false}""");

        var fourth = model.Asked.ElementAt(3).Question;
        fourth.ShouldSatisfyAllConditions(
            question => question.HasShape.ShouldBeTrue(), question => question.MaxTokens.ShouldBe(333),
            question => question.Messages[0].Content.ShouldContain("planner, tutor, 头脑"),
            question => question.Messages[1].Content.ShouldContain("a child of ten"),
            question => question.Messages[1].Content.ShouldMatch("\\[头脑, round 1\\]\n<turn-[0-9a-f]{16}>\nI speak as 头脑 1\\."));
        model.Asked.ElementAt(2).Question.Messages[0].Content.ShouldContain("You doubt.");
        (await worker.LogsAsync(task)).Sum(log => log.CompletionTokens).ShouldBe(7 * 50);
    }

    [Theory]
    [InlineData("What is spaced repetition?", "No language model is connected")]
    [InlineData("什么是 spaced repetition？", "没有接入语言模型")]
    public async Task WithoutAModel_RolesSaySoOnce_AndTheResultIsWhatWasFound(string text, string says)
    {
        var model = new SpeakingModel { Connected = false };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var task = await ExecuteAsync(worker, new { task = text, rounds = 5 });
        await worker.UntilAsync(task, JobStatus.Completed);

        var collab = await GetAsync(worker, task);
        var turns = collab.GetProperty("context").GetProperty("turns").EnumerateArray().ToList();
        turns.Select(turn => (turn.GetProperty("role").GetString(), turn.GetProperty("made_by").GetString()))
            .ShouldBe([("planner", "none"), ("tutor", "none"), ("critic", "none")]);
        turns.ShouldAllBe(turn => turn.GetProperty("text").GetString()!.Contains(says) && turn.GetProperty("text").GetString()!.Contains(turn.GetProperty("role").GetString()!));
        collab.GetProperty("result").GetProperty("made_by").GetString().ShouldBe("primer");
        model.Asked.ShouldHaveSingleItem().Question.Messages.ShouldHaveSingleItem().ShouldBe(new FakeMessage("user", text));
    }

    [Fact]
    public async Task Request_WithManyFaults_IsToldAllOfThem()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new SpeakingModel());
        var problem = await worker.JsonAsync(HttpMethod.Post, "/api/collab/execute", new
        {
            task = new string('x', 4001), rounds = 6, max_tokens = 1, context = new string('y', 16_000),
            roles = new object?[] { "critic", "critic", new { name = "a b", instructions = "Do." }, "stranger", null, "tutor", "planner" },
        });
        (problem.GetProperty("status").GetInt32(), problem.GetProperty("code").GetString()).ShouldBe((400, "invalid_request"));
        problem.GetProperty("errors").EnumerateObject().Select(fault => fault.Name).ShouldBe([
            "context", "max_tokens", "roles", "roles[1].name", "roles[2].name", "roles[3].instructions", "roles[4].instructions", "roles[4].name",
            "rounds", "task"]);
    }

    [Fact]
    public async Task Request_ThatIsNone_IsRefused()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new SpeakingModel());
        foreach (var body in new[]
        {
            """{"task": "x", "roles": [7]}""", """{"task": "x", "roles": "critic"}""", """{"task": "x", "roles": [{"name": 1}]}""",
            """{"task": "x", "context": "\ud800"}""", """{"task": "x", "context": {"\udc00": 1}}""", """{"task": "\u0000"}""", """{"task": "\ud800"}""",
            """{"task": {}}""", """{"task": "x", "rounds": 1.5}""", """{"task": "x", "rounds": 99999999999}""", "{}", "null", "[", "",
        })
        {
            using var response = await worker.SendAsync(
                HttpMethod.Post, "/api/collab/execute", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest, body);
        }
        (await worker.ScalarAsync("SELECT count(*) FROM jobs")).ShouldBe(0L);
    }

    [Fact]
    public async Task Request_RepeatedWithItsKey_IsTheSameTask()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new SpeakingModel());
        var answers = new List<(HttpStatusCode Status, JsonElement Body)>();
        foreach (var text in new[] { "one", "one", "two" })
        {
            if (answers.Count == 1)
                await worker.UntilAsync(answers[0].Body.GetProperty("task_id").GetGuid(), JobStatus.Completed);
            using var response = await worker.SendAsync(HttpMethod.Post, "/api/collab/execute", new { task = text }, headers: ("Idempotency-Key", "k"));
            answers.Add((response.StatusCode, JsonElement.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))));
        }
        answers.Select(answer => answer.Status).ShouldBe([HttpStatusCode.Accepted, HttpStatusCode.OK, HttpStatusCode.UnprocessableEntity]);
        answers[1].Body.GetProperty("task_id").GetGuid().ShouldBe(answers[0].Body.GetProperty("task_id").GetGuid());
        answers[1].Body.GetProperty("status").GetString().ShouldBe("completed", "where it stands now");
        (await worker.ScalarAsync("SELECT count(*) FROM jobs")).ShouldBe(1L);
    }

    [Theory]
    [InlineData("eve", "dev")]
    [InlineData("ada", "other")]
    public async Task Collab_OfSomebodyElse_IsNotThere(string subject, string tenant)
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new SpeakingModel());
        var task = await ExecuteAsync(worker, new { task = "mine" });
        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, ""), (HttpMethod.Get, "/events"), (HttpMethod.Get, "/logs"), (HttpMethod.Post, "/cancel"), (HttpMethod.Post, "/retry"),
        })
        {
            using var response = await worker.SendAsync(method, $"/api/collab/{task}{path}", subject: subject, tenant: tenant);
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }
        using var list = await worker.SendAsync(HttpMethod.Get, "/api/collab", subject: subject, tenant: tenant);
        JsonElement.Parse(await list.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).GetProperty("collabs").GetArrayLength().ShouldBe(0);

        (await worker.JsonAsync(HttpMethod.Get, "/api/collab")).GetProperty("collabs").GetArrayLength().ShouldBe(1);
        using var asRoadmap = await worker.SendAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/status");
        asRoadmap.StatusCode.ShouldBe(HttpStatusCode.NotFound, "each kind has its own");
    }

    [Fact]
    public async Task Events_ReadInPieces_HaveEveryTurnOnce()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new SpeakingModel());
        var task = await ExecuteAsync(worker, new { task = "x" });
        var seen = new List<string>();
        for (var last = ""; ;)
        {
            using var response = await worker.SendAsync(HttpMethod.Get, $"/api/collab/{task}/events", headers: ("Last-Event-ID", last));
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            // One event at a time, then the reader leaves and comes back.
            await foreach (var item in System.Net.ServerSentEvents.SseParser.Create(stream).EnumerateAsync().Where(item => item.EventType != "ping").Take(1))
            {
                last = item.EventId!;
                var data = JsonElement.Parse(item.Data);
                var text = data.TryGetProperty("turn", out var turn) && turn.ValueKind == JsonValueKind.Object ? turn.GetProperty("text").GetString() : "";
                seen.Add($"{last} {item.EventType} {data.GetProperty("status")} {data.GetProperty("stage")} {data.GetProperty("progress")} {text}".TrimEnd());
            }
        }
        seen.ShouldBe([
            "1 status in_progress turn_1 0", "2 status in_progress turn_1 0", "3 turn in_progress turn_2 25 I speak as planner 1.",
            "4 turn in_progress turn_3 50 I speak as tutor 1.", "5 turn in_progress conclude 75 I speak as critic 1.", "6 status completed done 100"]);
    }

    [Fact]
    public async Task Cancel_ReachesTheTurn_AndARetryGoesOnBehindTheLastOne()
    {
        var model = new SpeakingModel { Before = (turn, times, cancel) => turn == "tutor 1" && times == 1 ? Task.Delay(Timeout.Infinite, cancel) : Task.CompletedTask };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var task = await ExecuteAsync(worker, new { task = "x" });
        await Eventually.TrueAsync(() => model.Turns.Contains("tutor 1"), "the tutor is asked");
        var running = await GetAsync(worker, task);
        (running.GetProperty("status").GetString(), Said(running).Count).ShouldBe(("in_progress", 1));
        running.GetProperty("context").GetProperty("next").GetProperty("role").GetString().ShouldBe("tutor");

        (await worker.JsonAsync(HttpMethod.Post, $"/api/collab/{task}/cancel")).GetProperty("status").GetString().ShouldBe("in_progress");
        await worker.UntilAsync(task, JobStatus.Cancelled);
        (await GetAsync(worker, task)).GetProperty("status").GetString().ShouldBe("cancelled");

        using var retried = await worker.SendAsync(HttpMethod.Post, $"/api/collab/{task}/retry");
        retried.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        await worker.UntilAsync(task, JobStatus.Completed);
        model.Turns.ShouldBe(["planner 1", "tutor 1", "tutor 1", "critic 1", "result"]);
        using var again = await worker.SendAsync(HttpMethod.Post, $"/api/collab/{task}/retry");
        again.StatusCode.ShouldBe(HttpStatusCode.Conflict);
    }

    [Fact]
    public async Task Model_ThatStaysAway_FailsTheTaskAndKeepsWhatWasSaid()
    {
        var away = true;
        var model = new SpeakingModel { Before = (turn, _, _) => away && turn == "critic 1" ? throw new ModelException("away") : Task.CompletedTask };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model, settings: [Quick, ("Jobs:MaxAttempts", "3")]);
        var task = await ExecuteAsync(worker, new { task = "x" });
        await worker.UntilAsync(task, JobStatus.Failed);
        var failed = await GetAsync(worker, task);
        (failed.GetProperty("error_code").GetString(), failed.GetProperty("error_message").GetString())
            .ShouldBe(("upstream_failed", "The model could not be asked: away"));
        Said(failed).Count.ShouldBe(2);
        away = false;
        (await worker.JsonAsync(HttpMethod.Post, $"/api/collab/{task}/retry")).GetProperty("status").GetString().ShouldBe("in_progress");
        await worker.UntilAsync(task, JobStatus.Completed);
        model.Turns.ShouldBe(["planner 1", "tutor 1", "critic 1", "critic 1", "critic 1", "critic 1", "result"]);
    }

    [Fact]
    public void Discussion_TooLongForAQuestion_LosesItsOldestTurns()
    {
        var order = new CollabOrder("x", Roles.Default, 5, 100, null);
        var turns = Enumerable.Range(1, 12).Select(n => new CollabTurn(n, order.RoundOf(n), order.RoleOf(n).Name, $"<{n}>" + new string('x', 8000), Writers.Model, false)).ToList();
        var question = Roles.Turn(order, 13, turns).Text;
        question.Length.ShouldBeLessThan(50_000);
        question.ShouldContain("7 earlier turns are left out");
        question.ShouldNotContain("<7>");
        question.ShouldContain("<8>");
        question.ShouldContain("<12>");
    }
}
