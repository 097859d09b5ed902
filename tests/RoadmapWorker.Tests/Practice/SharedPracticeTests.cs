using System.Net;
using System.Text.Json;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>What a teacher shares with a class, and what its students then see and may do.</summary>
public sealed class SharedPracticeTests(PostgresFixture postgres)
{
    private static readonly object Bows = new { kind = "kb", kb_id = "bows", topic = "the bow" };

    [Fact]
    public async Task Roadmap_OfATeacher_IsReadByStudentsOfTheClass_WithoutItsAnswers()
    {
        await using var school = await School.StartAsync(postgres);
        var task = (await school.RoadmapAsync()).TaskId;
        string[] readable = ["status", "result", "progress"];
        foreach (var path in readable)
        {
            (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/{path}")).Status
                .ShouldBe(HttpStatusCode.NotFound, "not shared yet");
        }
        school.Share("roadmap", task);
        foreach (var path in readable)
        {
            (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/{path}")).Status
                .ShouldBe(HttpStatusCode.OK, path);
            (await school.Worker.AsAsync("student", "eve", HttpMethod.Get, $"/api/v1/roadmaps/{task}/{path}")).Status
                .ShouldBe(HttpStatusCode.NotFound, "of another class");
            (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/{path}", tenant: "other")).Status
                .ShouldBe(HttpStatusCode.NotFound, "of another tenant");
        }
        foreach (var path in new[] { "cancel", "retry" })
        {
            (await school.Worker.AsAsync("student", "bea", HttpMethod.Post, $"/api/v1/roadmaps/{task}/{path}")).Status
                .ShouldBe(HttpStatusCode.NotFound, "reading is all");
        }
        (await school.Worker.AsAsync("student", "bea", HttpMethod.Put, $"/api/v1/roadmaps/{task}/dates", new { dates = Array.Empty<int>() }))
            .Status.ShouldBe(HttpStatusCode.NotFound);

        var student = Quiz((await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/result")).Json);
        (student.TryGetProperty("answer", out _), student.TryGetProperty("explanation", out _)).ShouldBe((false, false));
        student.GetProperty("options").GetArrayLength().ShouldBeGreaterThan(1);
        foreach (var role in new[] { "teacher", "owner" })
        {
            Quiz((await school.Worker.AsAsync(role, "ada", HttpMethod.Get, $"/api/v1/roadmaps/{task}/result")).Json)
                .TryGetProperty("answer", out _).ShouldBeTrue(role);
        }
        Quiz(await school.Worker.JsonAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/result")).TryGetProperty("answer", out _)
            .ShouldBeTrue("a token's");

        // A share whose owner is not the roadmap's opens nothing; where nobody says what is shared, one's own is still there.
        school.Others.Shares.Clear();
        school.Share("roadmap", task, owner: "mallory");
        (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/result")).Status.ShouldBe(HttpStatusCode.NotFound);
        school.Others.IsAway = true;
        var (status, problem) = await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{task}/result");
        (status, problem.GetProperty("code").GetString()).ShouldBe((HttpStatusCode.ServiceUnavailable, "service_unavailable"));
        var own = (await school.RoadmapAsync("bea")).TaskId;
        var mine = (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/v1/roadmaps/{own}/result")).Json;
        Quiz(mine).TryGetProperty("answer", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Concept_OfASharedRoadmap_IsPractised_EachStudentWithTheirOwnProgress()
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await school.RoadmapAsync();
        var concept = roadmap.Modules[0].Concepts[0].Id;
        school.Share("roadmap", roadmap.TaskId);
        school.Share("roadmap", roadmap.TaskId, with: "cid");
        var set = await school.SetAsync(new { kind = "concept", task_id = roadmap.TaskId, concept_id = concept }, "student", "bea");
        set.GetProperty("items")[0].GetProperty("solution").ValueKind.ShouldBe(JsonValueKind.Null);
        var answer = roadmap.Modules[0].Concepts[0].Quiz[0].Answer;
        (await school.AnswerAsync(set.GetProperty("items")[0].GetProperty("id").GetGuid(), new { choice = answer }, "student", "bea"))
            .Json.GetProperty("outcome").GetString().ShouldBe("correct");

        (await MasteryAsync("bea")).ShouldBe((0.5, "learning", 1));
        (await MasteryAsync("cid")).ShouldBe((0, "not_started", 0));
        (await MasteryAsync("ada")).ShouldBe((0, "not_started", 0));

        async Task<(double, string, int)> MasteryAsync(string subject)
        {
            var (_, progress) = await school.Worker.AsAsync(
                subject == "ada" ? "teacher" : "student", subject, HttpMethod.Get, $"/api/v1/roadmaps/{roadmap.TaskId}/progress");
            var found = progress.GetProperty("concepts").EnumerateArray().Single(known => known.GetProperty("concept_id").GetString() == concept);
            return (found.GetProperty("mastery").GetDouble(), found.GetProperty("state").GetString()!, found.GetProperty("evidence").GetArrayLength());
        }
    }

    [Fact]
    public async Task Set_SharedWithAClass_IsPractisedByItsStudents_UntilItIsNotSharedAnyMore()
    {
        await using var school = await School.StartAsync(postgres);
        var id = (await school.SetAsync(Bows)).GetProperty("set").GetProperty("id").GetGuid();
        (await school.DueAsync("student", "bea")).ShouldBeEmpty();
        school.Share("practice_set", id);

        var due = await school.DueAsync("student", "bea");
        due.Count.ShouldBe(2);
        var (_, listed) = await school.Worker.AsAsync("student", "bea", HttpMethod.Get, "/api/practice/sets");
        listed.GetProperty("sets")[0].GetProperty("is_own").GetBoolean().ShouldBeFalse();
        var (_, read) = await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/practice/sets/{id}");
        read.ToString().ShouldNotContain("\"answers\"");
        var item = due[0].GetProperty("item").GetProperty("id").GetGuid();
        (await school.AnswerAsync(item, new { answer = "?" }, "student", "bea")).Json.GetProperty("counted").GetBoolean().ShouldBeTrue();
        (await school.DueAsync()).Count.ShouldBe(2, "the teacher's own practice is their own");
        foreach (var method in new[] { HttpMethod.Delete, HttpMethod.Put })
        {
            var path = method == HttpMethod.Put ? $"items/{item}" : $"sets/{id}";
            (await school.Worker.AsAsync("student", "bea", method, $"/api/practice/{path}", method == HttpMethod.Put
                ? new { question = "____", answers = new[] { "a" } } : null)).Status.ShouldBe(HttpStatusCode.NotFound, "only its owner");
        }
        (await school.AnswerAsync(item, new { answer = "?" }, "student", "eve")).Status.ShouldBe(HttpStatusCode.NotFound);

        school.Others.IsAway = true;
        (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, "/api/practice/due")).Json.GetProperty("shared").GetString()
            .ShouldBe("unavailable");
        school.Others.IsAway = false;
        school.Others.Shares.Clear();
        (await school.DueAsync("student", "bea")).ShouldBeEmpty();
        (await school.AnswerAsync(item, new { answer = "?" }, "student", "bea")).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    private static JsonElement Quiz(JsonElement roadmap) =>
        roadmap.GetProperty("modules")[0].GetProperty("concepts")[0].GetProperty("quiz")[0];
}
