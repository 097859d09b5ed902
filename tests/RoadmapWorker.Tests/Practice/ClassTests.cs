using System.Net;
using System.Text.Json;
using Lyceum.RoadmapWorker.Classes;
using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>What a teacher sees of a class's practice, and only after SessionApi let them look.</summary>
public sealed class ClassTests(PostgresFixture postgres)
{
    private static readonly string[] Five = ["bea", "cid", "dan", "eli", "fay"];

    [Theory]
    [InlineData(4, "too_few_students")]
    [InlineData(5, "shown")]
    public async Task Overview_TellsOfGroups_FromFiveStudentsOn(int students, string figures)
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await StartAsync(school, Five[..students]);
        var concept = roadmap.Modules[0].Concepts[0];
        foreach (var student in Five[..students])
            await AnswerAsync(school, roadmap, student, isRight: student != "cid");

        var (status, overview) = await LookAsync(school, "overview");
        status.ShouldBe(HttpStatusCode.OK, overview.ToString());
        overview.GetProperty("group_figures").GetString().ShouldBe(figures);
        school.Others.Looks.ShouldBe(["ada overview"]);
        var each = overview.GetProperty("students").EnumerateArray().ToDictionary(known => known.GetProperty("subject").GetString()!);
        each.Count.ShouldBe(students);
        (each["bea"].GetProperty("name").GetString(), each["bea"].GetProperty("is_active").GetBoolean(), each["bea"].GetProperty("mastery").GetDouble())
            .ShouldBe(("Name of bea", true, 0.5));
        each["cid"].GetProperty("mastery").GetDouble().ShouldBe(0);
        if (students < 5)
        {
            overview.GetProperty("concepts").GetArrayLength().ShouldBe(0);
            return;
        }
        var of = overview.GetProperty("concepts").EnumerateArray().ToDictionary(known => known.GetProperty("concept_id").GetString()!);
        (of[concept.Id].GetProperty("started").GetInt32(), of[concept.Id].GetProperty("mastery").GetDouble()).ShouldBe((5, 0.4));
        var untouched = of[roadmap.Modules[0].Concepts[1].Id];
        (untouched.GetProperty("started").ValueKind, untouched.GetProperty("mastery").ValueKind).ShouldBe((JsonValueKind.Null, JsonValueKind.Null));
    }

    [Fact]
    public async Task Overview_SaysWhoNeedsHelp_AndWhy()
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await StartAsync(school, ["bea", "cid", "dan"]);
        var concept = roadmap.Modules[0].Concepts[0].Id;
        await school.Worker.AsAsync("owner", "ada", HttpMethod.Put, $"/api/v1/roadmaps/{roadmap.TaskId}/dates",
            new { dates = new[] { new { concept_id = concept, due = "2020-01-01" } } });
        for (var i = 0; i < 3; i++)
        {
            await AnswerAsync(school, roadmap, "bea", isRight: false);
            await AnswerAsync(school, roadmap, "cid", isRight: true);
            if (i < 2)
            {
                await school.LetDaysGoByAsync("bea", 90);
                await school.LetDaysGoByAsync("cid", 90);
            }
        }
        var students = (await LookAsync(school, "overview")).Json.GetProperty("students").EnumerateArray().ToList();
        students.Select(student => string.Join(' ', student.GetProperty("needs_help").EnumerateArray()))
            .ShouldBe(["low_mastery overdue", "", "overdue inactive"]);
        students[2].GetProperty("overdue")[0].GetString().ShouldBe(concept);
    }

    [Fact]
    public async Task Student_IsShownWithTheirEvidence_NotTheirWords()
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await StartAsync(school, ["bea", "cid"]);
        await AnswerAsync(school, roadmap, "bea", isRight: true);
        var (status, student) = await LookAsync(school, "students/bea");
        status.ShouldBe(HttpStatusCode.OK, student.ToString());
        school.Others.Looks.ShouldBe(["ada student bea"]);
        var concept = student.GetProperty("roadmaps")[0].GetProperty("concepts")[0];
        concept.GetProperty("evidence")[0].GetProperty("outcome").GetString().ShouldBe("correct");
        student.ToString().ShouldNotContain(roadmap.Modules[0].Concepts[0].Quiz[0].Options[roadmap.Modules[0].Concepts[0].Quiz[0].Answer]);
        (await LookAsync(school, "students/nobody")).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task View_IsRefused_WhereTheLookIs()
    {
        await using var school = await School.StartAsync(postgres);
        await StartAsync(school, ["bea"]);
        foreach (var view in new[] { "overview", "students/bea", "progress.csv" })
        {
            school.Others.IsAway = false;
            (await LookAsync(school, view, teacher: "mallory")).Json.GetProperty("code").GetString().ShouldBe("class_not_found");
            (await LookAsync(school, view, tenant: "other")).Json.GetProperty("code").GetString().ShouldBe("class_not_found");
            (await school.Worker.AsAsync("student", "bea", HttpMethod.Get, $"/api/classes/{school.ClassId}/{view}")).Status
                .ShouldBe(HttpStatusCode.Forbidden);
            school.Others.IsAway = true;
            var (status, problem) = await LookAsync(school, view);
            (status, problem.GetProperty("code").GetString()).ShouldBe((HttpStatusCode.ServiceUnavailable, "service_unavailable"));
            problem.ToString().ShouldNotContain("bea");
        }
    }

    [Fact]
    public async Task Csv_HasEachStudentAndConcept_AndComputesNothing()
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await StartAsync(school, ["bea", "=cmd|' /C calc'!A0"]);
        await AnswerAsync(school, roadmap, "bea", isRight: true);
        using var response = await school.Worker.SendAsync(HttpMethod.Get, $"/api/classes/{school.ClassId}/progress.csv");
        response.Content.Headers.ContentType!.ToString().ShouldBe("text/csv; charset=utf-8");
        response.Content.Headers.ContentDisposition!.FileName.ShouldBe($"progress-{school.ClassId}.csv");
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        bytes[..3].ShouldBe([0xEF, 0xBB, 0xBF]);
        var lines = System.Text.Encoding.UTF8.GetString(bytes[3..]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(1 + 2 * roadmap.Modules.Sum(module => module.Concepts.Count));
        lines[1].ShouldStartWith($"Name of bea,bea,Web development with Python,{roadmap.TaskId},");
        lines[1].ShouldContain(",learning,0.5,1,");
        lines[^1].ShouldContain("\"'=cmd|' /C calc'!A0\"");
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("+1", "\"'+1\"")]
    [InlineData("-1", "\"'-1\"")]
    [InlineData("@x", "\"'@x\"")]
    [InlineData("  =1", "\"'  =1\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("\r\n=1", "\"'\r\n=1\"")]
    [InlineData("＝1", "\"'＝1\"")]
    [InlineData("两行\n文字", "\"两行\n文字\"")]
    [InlineData("", "")]
    public void Cell_IsText_WhateverItBeginsWith(string value, string cell) => ClassCsv.Cell(value).ShouldBe(cell);

    /// <summary>A class of ada with a roadmap that is shared with it.</summary>
    private static async Task<Roadmap> StartAsync(School school, string[] students)
    {
        var roadmap = await school.RoadmapAsync();
        foreach (var student in students)
            school.Share("roadmap", roadmap.TaskId, student);
        school.Others.Classes[("dev", "ada", school.ClassId)] =
            [.. students.Select(student => (student, student.StartsWith('=') ? student : $"Name of {student}"))];
        return roadmap;
    }

    private static async Task AnswerAsync(School school, Roadmap roadmap, string student, bool isRight)
    {
        var concept = roadmap.Modules[0].Concepts[0];
        var due = await school.DueAsync("student", student);
        var item = due.Count > 0 ? due[0].GetProperty("item").GetProperty("id").GetGuid()
            : (await school.SetAsync(new { kind = "concept", task_id = roadmap.TaskId, concept_id = concept.Id }, "student", student))
                .GetProperty("items")[0].GetProperty("id").GetGuid();
        var right = concept.Quiz[0].Answer;
        var (_, answer) = await school.AnswerAsync(item, new { choice = isRight ? right : (right + 1) % 2 }, "student", student);
        answer.GetProperty("counted").GetBoolean().ShouldBeTrue(answer.ToString());
    }

    private static Task<(HttpStatusCode Status, JsonElement Json)> LookAsync(
        School school, string view, string teacher = "ada", string tenant = "dev") =>
        school.Worker.AsAsync("teacher", teacher, HttpMethod.Get, $"/api/classes/{school.ClassId}/{view}", tenant: tenant);
}
