using System.Net;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.Tests.RoadmapWorker.Tests.Models;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>From the request to the items, with a model and without.</summary>
public sealed class PracticeSetTests(PostgresFixture postgres)
{
    private static readonly object Bows = new { kind = "kb", kb_id = "bows", topic = "the bow" };

    [Theory]
    [InlineData("en", "No language model is connected.")]
    [InlineData("zh", "当前没有连接语言模型。")]
    public async Task Concept_WithoutAModel_IsTheRoadmapsQuiz_AndSaysSo(string language, string note)
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await school.RoadmapAsync(language: language);
        var concept = roadmap.Modules[0].Concepts[0];
        var set = await school.SetAsync(new { kind = "concept", task_id = roadmap.TaskId, concept_id = concept.Id });

        set.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("catalogue");
        set.GetProperty("set").GetProperty("title").GetString().ShouldBe(concept.Title);
        set.GetProperty("set").GetProperty("notes")[0].GetString().ShouldBe(note);
        var items = set.GetProperty("items").EnumerateArray().ToList();
        items.Count.ShouldBe(concept.Quiz.Count);
        items[0].GetProperty("question").GetString().ShouldBe(concept.Quiz[0].Question);
        items[0].GetProperty("solution").GetProperty("choice").GetInt32().ShouldBe(concept.Quiz[0].Answer);
        items[0].GetProperty("solution").GetProperty("quote").GetString().ShouldBe(concept.Summary);
        items[0].GetProperty("source").GetProperty("id").GetString().ShouldBe(concept.Id);
    }

    [Fact]
    public async Task KnowledgeBase_WithoutAModel_IsSentencesWithAWordLeftOut()
    {
        await using var school = await School.StartAsync(postgres);
        var set = await school.SetAsync(Bows);
        set.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("passages");
        var items = set.GetProperty("items").EnumerateArray().ToList();
        items.Count.ShouldBe(2);
        foreach (var item in items)
        {
            var (question, solution) = (item.GetProperty("question").GetString()!, item.GetProperty("solution"));
            item.GetProperty("kind").GetString().ShouldBe("cloze");
            var answer = solution.GetProperty("answers")[0].GetString()!;
            question.ShouldContain("____");
            question.ShouldNotContain(answer);
            question.Replace("____", answer).ShouldBe(solution.GetProperty("quote").GetString());
            item.GetProperty("source").GetProperty("document").GetString().ShouldBe("bows.md");
        }
    }

    [Fact]
    public async Task Conversation_InChinese_IsPractisedFromItsAnswers()
    {
        await using var school = await School.StartAsync(postgres);
        var conversation = Guid.CreateVersion7();
        school.Others.Conversations[("ada", conversation)] =
        [
            new { id = Guid.CreateVersion7(), role = "user", content = "光合作用是什么?", status = "complete" },
            new
            {
                id = Guid.CreateVersion7(), role = "assistant", status = "complete",
                content = "光合作用在叶绿体中进行。叶绿体吸收阳光并把二氧化碳和水变成葡萄糖。\n光合作用释放氧气。",
            },
            new { id = Guid.CreateVersion7(), role = "assistant", content = "还没有写完的回答不", status = "streaming" },
        ];
        var set = await school.SetAsync(new { kind = "conversation", conversation_id = conversation });
        set.GetProperty("set").GetProperty("language").GetString().ShouldBe("zh");
        var items = set.GetProperty("items").EnumerateArray().ToList();
        items.Count.ShouldBeGreaterThanOrEqualTo(2);
        items.ShouldAllBe(item => item.GetProperty("source").GetProperty("kind").GetString() == "message");
        items.Select(item => item.GetProperty("solution").GetProperty("answers")[0].GetString()).ShouldContain("光合作用");

        // Somebody else's conversation is none.
        var other = await school.OrderAsync(new { kind = "conversation", conversation_id = conversation }, subject: "eve");
        await school.Worker.UntilAsync(other, JobStatus.Failed);
        (await school.Worker.AsAsync("owner", "eve", HttpMethod.Get, $"/api/practice/tasks/{other}/status")).Json
            .GetProperty("error_code").GetString().ShouldBe("conversation_not_found");
    }

    [Fact]
    public async Task Model_ToldWhatIsWrong_MendsIt_AndItsQuotesAreThePassages()
    {
        var model = new WritingModel((_, number) => number switch
        {
            1 => "Here you are: {\"items\": []}",
            2 => WritingModel.Items().Replace("Hold the bow with a bent thumb.", "Hold the bow as you like.").Replace("Draw it at a right", "Draw it at a wrong"),
            _ => WritingModel.Items(),
        });
        await using var school = await School.StartAsync(postgres, model);
        var set = await school.SetAsync(Bows, count: 3);
        set.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("model");
        set.GetProperty("set").GetProperty("notes").GetArrayLength().ShouldBe(0);
        set.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("kind").GetString()).ShouldBe(["choice", "cloze", "short"]);
        model.Asked.Count.ShouldBe(3);
        model.Asked[2].Messages[^1].Content.ShouldContain("quote must be copied from passage 1");
        (await school.Worker.LogsAsync(set.GetProperty("set").GetProperty("id").GetGuid())).Sum(log => log.PromptTokens).ShouldBe(300);
    }

    [Fact]
    public async Task Model_WhoseItemsArePartlyWrong_KeepsTheOthers_AndWrongAlwaysFallsBack()
    {
        await using var partly = await School.StartAsync(postgres, new WritingModel((_, _) => WritingModel.Items().Replace("____", "thumb")));
        var set = await partly.SetAsync(Bows, count: 3);
        set.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("kind").GetString()).ShouldBe(["choice", "short"]);
        set.GetProperty("set").GetProperty("notes")[0].GetString().ShouldBe("The material is enough for 2 questions.");

        await using var never = await School.StartAsync(postgres, new WritingModel((_, _) => "{\"items\": [{\"kind\": \"riddle\"}]}"));
        var mended = await never.SetAsync(Bows, count: 3);
        mended.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("passages");
        mended.GetProperty("set").GetProperty("notes")[0].GetString()!.ShouldContain("did not pass the checks");
    }

    [Fact]
    public async Task Request_RepeatedWithItsKey_IsTheSameTask_AndAnotherIsRejected()
    {
        await using var school = await School.StartAsync(postgres);
        var answers = new List<(HttpStatusCode Status, string Json)>();
        foreach (var topic in new[] { "the bow", "the bow", "thumbs" })
        {
            var (status, json) = await school.Worker.AsAsync(
                "owner", "ada", HttpMethod.Post, "/api/practice/sets", new { from = new { kind = "kb", kb_id = "bows", topic } }, key: "one");
            answers.Add((status, json.ToString()));
        }
        answers.Select(answer => answer.Status)
            .ShouldBe([HttpStatusCode.Accepted, HttpStatusCode.Accepted, HttpStatusCode.UnprocessableEntity]);
        answers[1].Json.ShouldBe(answers[0].Json);
    }

    [Fact]
    public async Task Request_ThatCannotBe_IsToldWhy()
    {
        await using var school = await School.StartAsync(postgres);
        foreach (var (body, status, code) in new[]
        {
            ("{}", 400, "invalid_request"),
            ("""{"from": {"kind": "dream"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "bows"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "../x", "topic": "t"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "bows", "topic": "a\u0000b"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "bows", "topic": "t"}, "count": 31}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "bows", "topic": "t"}, "language": "en us"}""", 400, "invalid_request"),
            ("""{"from": {"kind": "concept", "concept_id": "c"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "conversation"}}""", 400, "invalid_request"),
            ("""{"from": {"kind": "kb", "kb_id": "none", "topic": "t"}}""", 404, "knowledge_base_not_found"),
            ("""{"from": {"kind": "kb", "tutor_id": 9, "topic": "t"}}""", 404, "tutor_not_found"),
            ("""{"from": {"kind": "kb", "tutor_id": 8, "topic": "t"}}""", 404, "knowledge_base_not_found"),
            ("""{"from": {"kind": "concept", "task_id": "01890000-0000-7000-8000-000000000000", "concept_id": "c"}}""", 404, "task_not_found"),
        })
        {
            var (answered, problem) = await school.Worker.AsAsync(
                "owner", "ada", HttpMethod.Post, "/api/practice/sets", JsonElement.Parse(body));
            ((int)answered, problem.GetProperty("code").GetString()).ShouldBe((status, code), body);
        }
    }

    [Fact]
    public async Task Set_OfSomebodyElse_IsNotThere_AndOnesOwnCanBeDeleted()
    {
        await using var school = await School.StartAsync(postgres);
        var id = (await school.SetAsync(Bows)).GetProperty("set").GetProperty("id").GetGuid();
        var item = (await school.DueAsync())[0].GetProperty("item").GetProperty("id").GetGuid();
        foreach (var (tenant, subject) in new[] { ("dev", "eve"), ("other", "ada") })
        {
            foreach (var (method, path) in new[]
            {
                (HttpMethod.Get, $"/api/practice/sets/{id}"), (HttpMethod.Delete, $"/api/practice/sets/{id}"),
                (HttpMethod.Get, $"/api/practice/tasks/{id}/status"), (HttpMethod.Get, $"/api/practice/tasks/{id}/events"),
                (HttpMethod.Post, $"/api/practice/items/{item}/attempts"), (HttpMethod.Put, $"/api/practice/items/{item}"),
            })
            {
                object? body = method == HttpMethod.Post ? new { answer = "x" } : method == HttpMethod.Put ? Change("____ and", "x") : null;
                (await school.Worker.AsAsync("owner", subject, method, path, body, tenant)).Status.ShouldBe(HttpStatusCode.NotFound, path);
            }
            (await school.Worker.AsAsync("owner", subject, HttpMethod.Get, "/api/practice/sets", tenant: tenant)).Json
                .GetProperty("sets").GetArrayLength().ShouldBe(0);
        }
        (await school.Worker.AsAsync("owner", "ada", HttpMethod.Get, "/api/practice/sets")).Json.GetProperty("sets").GetArrayLength().ShouldBe(1);
        (await school.Worker.AsAsync("owner", "ada", HttpMethod.Delete, $"/api/practice/sets/{id}")).Status.ShouldBe(HttpStatusCode.NoContent);
        (await school.DueAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Item_Changed_IsSupersededOnce_AndTheOldOneIsAnsweredNoMore()
    {
        await using var school = await School.StartAsync(postgres);
        var set = await school.SetAsync(Bows);
        var old = set.GetProperty("items")[0].GetProperty("id").GetGuid();
        var (status, item) = await school.Worker.AsAsync(
            "owner", "ada", HttpMethod.Put, $"/api/practice/items/{old}", Change("The ____ is bent.", "thumb"));
        status.ShouldBe(HttpStatusCode.Created, item.ToString());
        item.GetProperty("supersedes").GetGuid().ShouldBe(old);
        var (again, problem) = await school.Worker.AsAsync(
            "owner", "ada", HttpMethod.Put, $"/api/practice/items/{old}", Change("The ____ is long.", "bow"));
        (again, problem.GetProperty("superseded_by").GetGuid()).ShouldBe((HttpStatusCode.Conflict, item.GetProperty("id").GetGuid()));
        (await school.AnswerAsync(old, new { answer = "thumb" })).Json.GetProperty("code").GetString().ShouldBe("item_superseded");
        (await school.DueAsync()).Select(due => due.GetProperty("item").GetProperty("id").GetGuid())
            .ShouldBe([set.GetProperty("items")[1].GetProperty("id").GetGuid(), item.GetProperty("id").GetGuid()], ignoreOrder: true);
    }

    [Fact]
    public async Task Sets_AreBounded()
    {
        await using var school = await School.StartAsync(postgres, settings: ("Practice:SetsPerPerson", "1"));
        await school.SetAsync(Bows);
        var (status, problem) = await school.Worker.AsAsync("owner", "ada", HttpMethod.Post, "/api/practice/sets", new { from = Bows });
        ((int)status, problem.GetProperty("code").GetString()).ShouldBe((429, "limit_reached"));
    }

    private static object Change(string question, string answer) => new { question, answers = new[] { answer } };
}
