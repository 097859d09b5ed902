using System.Net;
using System.Text.Json;
using Lyceum.RoadmapWorker.Reviews;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>What a learner's attempts say of a concept, and what is left of a plan.</summary>
public sealed class ProgressTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Mastery_ComesFromAttemptsAlone_AndFadesWithTime()
    {
        await using var school = await School.StartAsync(postgres);
        var (task, concept, item, right) = await PractiseAsync(school);
        await school.AnswerAsync(item, new { choice = right, attempt_id = "1" });
        await school.AnswerAsync(item, new { choice = right, attempt_id = "2" }); // ahead of time: no evidence of anything more
        (await ConceptAsync(school, task, concept)).GetProperty("mastery").GetDouble().ShouldBe(0.5);

        for (var review = 2; review <= 3; review++)
        {
            await school.LetDaysGoByAsync("ada", 60);
            await school.AnswerAsync(item, new { choice = right });
            (await ConceptAsync(school, task, concept)).GetProperty("mastery").GetDouble().ShouldBe(Math.Round(review / (review + 1.0), 4));
        }
        var mastered = await ConceptAsync(school, task, concept);
        mastered.GetProperty("state").GetString().ShouldBe("mastered");
        mastered.GetProperty("attempts").GetInt32().ShouldBe(3);
        mastered.GetProperty("evidence").EnumerateArray().Select(each => each.GetProperty("counted").GetBoolean()).ShouldBe([true, true, false, true]);

        // As the scheduler computes it, after a year.
        await school.LetDaysGoByAsync("ada", 365);
        var stability = (double)(await school.Worker.ScalarAsync("SELECT stability FROM practice_cards WHERE item_id = $1", item))!;
        var faded = await ConceptAsync(school, task, concept);
        faded.GetProperty("mastery").GetDouble().ShouldBe(0.75 * Math.Pow(1 + Fsrs.Factor * 365 / stability, Fsrs.Decay), 1e-3);
        (faded.GetProperty("state").GetString(), faded.GetProperty("due").GetInt32()).ShouldBe(("learning", 1));

        await school.AnswerAsync(item, new { choice = 1 - right });
        (await ConceptAsync(school, task, concept)).GetProperty("mastery").GetDouble().ShouldBe(0);
    }

    [Fact]
    public async Task ChangedItem_KeepsTheConceptsState_AndIsAskedAtOnce()
    {
        await using var school = await School.StartAsync(postgres);
        var (task, concept, item, right) = await PractiseAsync(school);
        await school.AnswerAsync(item, new { choice = right });

        var (_, changed) = await school.Worker.AsAsync("owner", "ada", HttpMethod.Put, $"/api/practice/items/{item}",
            new { question = "Which of them?", options = new[] { "this", "that" }, answers = new[] { "that" } });
        var again = changed.GetProperty("id").GetGuid();

        var kept = await ConceptAsync(school, task, concept);
        (kept.GetProperty("state").GetString(), kept.GetProperty("mastery").GetDouble(), kept.GetProperty("attempts").GetInt32())
            .ShouldBe(("learning", 0.5, 1));
        kept.GetProperty("evidence").GetArrayLength().ShouldBe(1);
        var due = (await school.DueAsync()).Single(each => each.GetProperty("item").GetProperty("id").GetGuid() == again);
        due.GetProperty("is_new").GetBoolean().ShouldBeFalse();

        (await school.AnswerAsync(again, new { choice = 1 })).Json.GetProperty("counted").GetBoolean().ShouldBeTrue();
        var gone = await ConceptAsync(school, task, concept);
        (gone.GetProperty("attempts").GetInt32(), gone.GetProperty("evidence").GetArrayLength()).ShouldBe((2, 2));
    }

    [Fact]
    public async Task Mark_IsKeptApartFromMastery()
    {
        await using var school = await School.StartAsync(postgres);
        var task = (await school.RoadmapAsync()).TaskId;
        (await MarkAsync("python-basics", "known")).ShouldBe(HttpStatusCode.NoContent);
        var concept = await ConceptAsync(school, task, "python-basics");
        (concept.GetProperty("mark").GetString(), concept.GetProperty("mastery").GetDouble(), concept.GetProperty("state").GetString())
            .ShouldBe(("known", 0, "not_started"));
        (await MarkAsync("python-basics", null)).ShouldBe(HttpStatusCode.NoContent);
        (await ConceptAsync(school, task, "python-basics")).GetProperty("mark").ValueKind.ShouldBe(JsonValueKind.Null);
        (await MarkAsync("no-such", "known")).ShouldBe(HttpStatusCode.NotFound);
        (await MarkAsync("python-basics", "expert")).ShouldBe(HttpStatusCode.BadRequest);

        async Task<HttpStatusCode> MarkAsync(string conceptId, string? mark) => (await school.Worker.AsAsync(
            "owner", "ada", HttpMethod.Put, $"/api/v1/roadmaps/{task}/marks", new { concept_id = conceptId, mark })).Status;
    }

    [Fact]
    public async Task Plan_IsMadeAnewFromWhatWasDone_AndSaysWhatWillBeLate()
    {
        await using var school = await School.StartAsync(postgres);
        var roadmap = await school.RoadmapAsync();
        var (task, concepts) = (roadmap.TaskId, roadmap.Modules.SelectMany(module => module.Concepts).ToList());
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        (await school.Worker.AsAsync("owner", "ada", HttpMethod.Put, $"/api/v1/roadmaps/{task}/dates", new
        {
            dates = new object[] { new { week = 1, due = today.AddDays(1) }, new { concept_id = concepts[^1].Id, due = today.AddDays(3000) } },
        })).Status.ShouldBe(HttpStatusCode.NoContent);
        await school.Worker.AsAsync(
            "owner", "ada", HttpMethod.Put, $"/api/v1/roadmaps/{task}/marks", new { concept_id = concepts[0].Id, mark = "known" });

        var (status, plan) = await school.Worker.AsAsync(
            "owner", "ada", HttpMethod.Post, $"/api/v1/roadmaps/{task}/reschedule", new { weekly_commitment_hours = 7 });
        status.ShouldBe(HttpStatusCode.OK, plan.ToString());
        plan.GetProperty("done").EnumerateArray().Select(id => id.GetString()).ShouldBe([concepts[0].Id]);
        plan.GetProperty("remaining_hours").GetDouble().ShouldBe(roadmap.TotalHours - concepts[0].Hours);
        var weeks = plan.GetProperty("weeks").EnumerateArray().ToList();
        weeks.ShouldAllBe(week => week.GetProperty("hours").GetDouble() <= 7);
        weeks[1].GetProperty("starts_on").GetString().ShouldBe(today.AddDays(7).ToString("yyyy-MM-dd"));
        plan.GetProperty("late").EnumerateArray().Select(id => id.GetString()).ShouldContain(
            roadmap.Weeks[0].Items.Select(entry => entry.ConceptId).Last(id => id != concepts[0].Id && !roadmap.Weeks[1].Items.Any(later => later.ConceptId == id)));

        var (_, progress) = await school.Worker.AsAsync("owner", "ada", HttpMethod.Get, $"/api/v1/roadmaps/{task}/progress");
        progress.GetProperty("weeks").ToString().ShouldBe(plan.GetProperty("weeks").ToString());
        progress.GetProperty("rescheduled_at").ValueKind.ShouldBe(JsonValueKind.String);
        (await ConceptAsync(school, task, concepts[0].Id)).GetProperty("due_on").GetString().ShouldBe(today.AddDays(1).ToString("yyyy-MM-dd"));

        foreach (var body in new object[]
        {
            new { }, new { dates = new[] { new { week = 99, due = today } } }, new { dates = new[] { new { concept_id = "none", due = today } } },
            new { dates = new[] { new { due = today } } },
        })
        {
            (await school.Worker.AsAsync("owner", "ada", HttpMethod.Put, $"/api/v1/roadmaps/{task}/dates", body)).Status
                .ShouldBe(HttpStatusCode.BadRequest);
        }
        foreach (var hours in new[] { 0, 81, -1 })
        {
            (await school.Worker.AsAsync("owner", "ada", HttpMethod.Post, $"/api/v1/roadmaps/{task}/reschedule",
                new { weekly_commitment_hours = hours })).Status.ShouldBe(HttpStatusCode.BadRequest);
        }
    }

    private static async Task<(Guid Task, string Concept, Guid Item, int Right)> PractiseAsync(School school)
    {
        var roadmap = await school.RoadmapAsync();
        var concept = roadmap.Modules[0].Concepts[0];
        var set = await school.SetAsync(new { kind = "concept", task_id = roadmap.TaskId, concept_id = concept.Id });
        return (roadmap.TaskId, concept.Id, set.GetProperty("items")[0].GetProperty("id").GetGuid(), concept.Quiz[0].Answer);
    }

    private static async Task<JsonElement> ConceptAsync(School school, Guid task, string concept) =>
        (await school.Worker.AsAsync("owner", "ada", HttpMethod.Get, $"/api/v1/roadmaps/{task}/progress")).Json.GetProperty("concepts")
            .EnumerateArray().Single(known => known.GetProperty("concept_id").GetString() == concept);
}
