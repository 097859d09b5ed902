using System.Net;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Models;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Roadmaps;

/// <summary>From the request to the roadmap, with a model and without.</summary>
public sealed class RoadmapTests(PostgresFixture postgres)
{
    private static readonly (string, string) Quick = ("Jobs:Backoff", "00:00:00.020");

    internal static object Request(string query = "学习 Python Web 开发", string language = "zh", double hours = 10) => new
    {
        user_id = "test-user", user_query = query,
        preferences = new { weekly_commitment_hours = hours, learning_style = new[] { "visual", "hands_on" }, primary_language = language },
    };

    private static async Task<Guid> GenerateAsync(TestWorker worker, object request) =>
        (await worker.JsonAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", request)).GetProperty("task_id").GetGuid();

    private static async Task<Roadmap> ResultAsync(TestWorker worker, Guid task)
    {
        await worker.UntilAsync(task, JobStatus.Completed);
        return JobJson.Read<Roadmap>((await worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/result")).GetRawText());
    }

    private static async Task<RoadmapOrder> OrderAsync(TestWorker worker, Guid task) =>
        JobJson.Read<RoadmapOrder>((string)(await worker.ScalarAsync("SELECT input::text FROM jobs WHERE task_id = $1", task))!);

    [Fact]
    public async Task Query_WithoutAModel_IsPlannedInChineseFromTheCatalogue()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new ScriptedModel { Connected = false });
        var task = await GenerateAsync(worker, Request());
        var roadmap = await ResultAsync(worker, task);

        RoadmapRules.Check(roadmap, await OrderAsync(worker, task)).ShouldBeEmpty();
        (roadmap.TaskId, roadmap.MadeBy, roadmap.Title, roadmap.Language).ShouldBe((task, "catalogue", "Python Web 开发", "zh"));
        roadmap.Weeks.ShouldAllBe(week => week.Hours <= 10);
        roadmap.Modules.SelectMany(module => module.Concepts).ShouldAllBe(
            concept => concept.Activities.Select(activity => activity.Style).SequenceEqual(new[] { "visual", "hands_on" }));
        roadmap.Notes[0].ShouldContain("没有连接语言模型");
    }

    [Fact]
    public async Task Model_WritesTheRoadmap_AndItsTokensAreLogged()
    {
        var model = new ScriptedModel();
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var task = await GenerateAsync(worker, Request("violin", "en"));
        var roadmap = await ResultAsync(worker, task);

        RoadmapRules.Check(roadmap, await OrderAsync(worker, task)).ShouldBeEmpty();
        (roadmap.MadeBy, roadmap.Title, roadmap.TotalHours).ShouldBe(("model", "The way", 21));
        roadmap.Notes.ShouldBeEmpty();
        var logs = await worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/logs");
        logs.GetProperty("execution_logs").EnumerateArray().Select(log => (
            log.GetProperty("stage").GetString(), log.GetProperty("prompt_tokens").GetInt32(), log.GetProperty("completion_tokens").GetInt32()))
            .ShouldBe([("analyse", 100, 50), ("design", 100, 50), ("validate", 0, 0), ("write", 600, 300)]);
    }

    [Fact]
    public async Task Model_ToldWhatIsWrong_MendsIt()
    {
        var model = new ScriptedModel
        {
            Bends = (stage, number, answer) => (stage, number) switch
            {
                ("analyse", 1) => "Sure! Here is your plan.",
                ("design", 1) => answer.Replace("\"c12\"", "\"c11\""), // one id twice
                ("design", 2) => "```json\n" + answer.Replace("3.25", "-1") + "\n```",
                ("write", 1) => answer.Replace("visual", "loud"),
                _ => answer,
            },
        };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model, settings: ("Roadmaps:ConceptsAtOnce", "1"));
        var roadmap = await ResultAsync(worker, await GenerateAsync(worker, Request("violin", "en")));

        (roadmap.MadeBy, roadmap.Notes.Count).ShouldBe(("model", 0));
        var repairs = model.Asked.Where(asked => asked.Messages.Count > 2).ToList();
        repairs.Select(asked => asked.Stage).ShouldBe(["analyse", "design", "design", "write"]);
        repairs[0].Messages[^1].Content.ShouldContain("There is no JSON object in it");
        repairs[1].Messages[^1].Content.ShouldContain("The concept id c11 is used 2 times");
        repairs[2].Messages[^1].Content.ShouldContain("more than 0");
        repairs[3].Messages[^1].Content.ShouldContain("no activity with the style visual");
    }

    [Theory]
    [InlineData("analyse", "catalogue")]
    [InlineData("design", "catalogue")]
    [InlineData("write", "model")] // what the model made stays; the exercises are general ones
    public async Task Model_WrongAfterEveryRepair_ThePlannerFinishesAndSaysSo(string broken, string madeBy)
    {
        var model = new ScriptedModel { Bends = (stage, _, answer) => stage == broken ? "{\"no\": 1}" : answer };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var task = await GenerateAsync(worker, Request("violin", "en"));
        var roadmap = await ResultAsync(worker, task);

        RoadmapRules.Check(roadmap, await OrderAsync(worker, task)).ShouldBeEmpty();
        roadmap.MadeBy.ShouldBe(madeBy);
        roadmap.Notes.ShouldContain(note => note.Contains("general ones") || note.Contains("did not pass the checks"));
        model.Asked.Count(asked => asked.Stage == broken).ShouldBe((1 + ModelJson.MaxRepairs) * (broken == "write" ? 6 : 1));
    }

    [Fact]
    public async Task Model_ThatCannotBeAsked_IsTriedAgainThenThePlannerFinishes()
    {
        var model = new ScriptedModel { Bends = (stage, _, answer) => stage == "design" ? throw new ModelException("away") : answer };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model, settings: Quick);
        var task = await GenerateAsync(worker, Request("violin", "en"));
        var roadmap = await ResultAsync(worker, task);
        roadmap.MadeBy.ShouldBe("catalogue");
        roadmap.Notes.ShouldContain(note => note.Contains("could not be reached"));
        (await worker.LogsAsync(task)).Where(log => log.Stage == "design").Select(log => log.Outcome).ShouldBe([
            "retried", "retried", "retried", "retried", "completed"]);
    }

    [Fact]
    public async Task Write_TriedAgain_AsksOnlyForWhatIsMissing()
    {
        var failed = false;
        var model = new ScriptedModel();
        model.Bends = (stage, number, answer) =>
        {
            if (stage != "write" || number != 4 || failed)
                return answer;
            failed = true;
            throw new ModelException("a hiccup");
        };
        await using var worker = await TestWorker.StartAsync(
            await postgres.CreateDatabaseAsync(), model: model, settings: [Quick, ("Roadmaps:ConceptsAtOnce", "1")]);
        var task = await GenerateAsync(worker, Request("violin", "en"));
        (await ResultAsync(worker, task)).MadeBy.ShouldBe("model");
        model.Asked.Count(asked => asked.Stage == "write").ShouldBe(7, "three before, the one that failed, three after");
        (await worker.EventsAsync(task)).Count(e => e.Part is not null).ShouldBe(6);
    }

    [Fact]
    public async Task Request_WithManyFaults_IsToldAllOfThem()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var problem = await worker.JsonAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", new
        {
            user_query = " ", level = "wizard", deadline = "2001-01-01",
            preferences = new { weekly_commitment_hours = 200, learning_style = new[] { "osmosis" }, primary_language = "!!" },
        });
        (problem.GetProperty("status").GetInt32(), problem.GetProperty("code").GetString()).ShouldBe((400, "invalid_request"));
        problem.GetProperty("errors").EnumerateObject().Select(fault => fault.Name).ShouldBe([
            "deadline", "level", "preferences.learning_style", "preferences.primary_language", "preferences.weekly_commitment_hours", "user_query"]);
    }

    [Fact]
    public async Task Request_RepeatedWithItsKey_IsTheSameTask()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new ScriptedModel());
        var answers = new List<(HttpStatusCode, string)>();
        foreach (var body in new[] { Request(), Request(), Request(hours: 5) })
        {
            using var response = await worker.SendAsync(HttpMethod.Post, "/api/v1/roadmaps/generate", body, headers: ("Idempotency-Key", "one"));
            answers.Add((response.StatusCode, await response.Content.ReadAsStringAsync()));
        }
        answers.Select(answer => answer.Item1).ShouldBe([HttpStatusCode.Accepted, HttpStatusCode.Accepted, HttpStatusCode.UnprocessableEntity]);
        answers[1].Item2.ShouldBe(answers[0].Item2);
    }

    [Fact]
    public async Task Task_OfSomebodyElse_IsNotThere()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new ScriptedModel());
        var task = await GenerateAsync(worker, Request());
        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, "status"), (HttpMethod.Get, "events"), (HttpMethod.Get, "result"), (HttpMethod.Get, "logs"),
            (HttpMethod.Post, "cancel"), (HttpMethod.Post, "retry"),
        })
        {
            using var response = await worker.SendAsync(method, $"/api/v1/roadmaps/{task}/{path}", subject: "eve");
            response.StatusCode.ShouldBe(HttpStatusCode.NotFound, path);
        }
        (await worker.JsonAsync(HttpMethod.Get, "/api/v1/roadmaps", subject: "eve")).GetProperty("tasks").GetArrayLength().ShouldBe(0);
        (await worker.JsonAsync(HttpMethod.Get, "/api/v1/roadmaps")).GetProperty("tasks").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Events_ReadInPieces_AreTheWholeStory()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new ScriptedModel());
        var task = await GenerateAsync(worker, Request("violin", "en"));
        var seen = new List<string>();
        for (var last = ""; ;)
        {
            using var response = await worker.SendAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/events", headers: ("Last-Event-ID", last));
            if (response.StatusCode == HttpStatusCode.NoContent)
                break;
            response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
            await using var stream = await response.Content.ReadAsStreamAsync();
            // Two events at a time, then the reader leaves and comes back.
            await foreach (var item in System.Net.ServerSentEvents.SseParser.Create(stream).EnumerateAsync().Where(item => item.EventType != "ping").Take(2))
            {
                last = item.EventId!;
                seen.Add($"{last} {item.EventType} {JsonElement.Parse(item.Data).GetProperty("stage").GetString()}");
            }
        }
        seen.ShouldBe((await worker.EventsAsync(task)).Select(e => $"{e.Seq} {(e.Part is null ? "status" : "part")} {e.Stage}"));
        seen.Count.ShouldBe(12);
    }

    [Fact]
    public async Task Result_BeforeTheEnd_IsAConflictThatNamesTheStatus()
    {
        var gate = new TaskCompletionSource();
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: new WaitingModel(gate.Task));
        var task = await GenerateAsync(worker, Request());
        var problem = await worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/result");
        problem.GetProperty("code").GetString().ShouldBe("task_not_completed");
        problem.GetProperty("status").GetInt32().ShouldBe(409, "one member of this name, and it is HTTP's");
        problem.GetProperty("task_status").GetString().ShouldBeOneOf("queued", "running");
        gate.SetResult();
        await worker.UntilAsync(task, JobStatus.Completed);
    }

    private sealed class WaitingModel(Task gate) : FakeModel
    {
        public override async Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken)
        {
            await gate.WaitAsync(cancellationToken);
            return false;
        }

        public override Task<FakeReply> AskAsync(FakeQuestion question, string tenant, string subject, CancellationToken cancellationToken) =>
            throw new ModelException("not connected");
    }
}
