using System.Net;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.Tests.RoadmapWorker.Tests.Models;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.RoadmapWorker.Tests.Practice;

/// <summary>What a model writes for whom a school protects.</summary>
public sealed class ModerationTests(PostgresFixture postgres)
{
    private const string Forbidden = "heronry";

    private static readonly object Bows = new { kind = "kb", kb_id = "bows", topic = "the bow" };

    private static object Policy(string whenUnavailable = "refuse", string by = "words") => new
    {
        moderation = new { questions = false, answers = true, by = new[] { by }, words = new[] { Forbidden }, when_unavailable = whenUnavailable },
    };

    /// <summary>Once as it is written, once as JSON hides it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Items_AgainstTheRules_AreNeverStored_AndTheModelIsAskedAgain(bool isEscaped)
    {
        var bad = WritingModel.Items().Replace("soft", isEscaped ? "\\u0068eronry" : Forbidden, StringComparison.Ordinal);
        var model = new WritingModel((_, number) => number == 1 ? bad : WritingModel.Items());
        await using var school = await School.StartAsync(postgres, model);
        school.Others.Policies["bea"] = Policy();

        var set = await school.SetAsync(Bows, role: "student", subject: "bea", count: 3);

        set.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("model");
        model.Asked.Count.ShouldBe(2);
        (await FindAsync(school)).ShouldBeEmpty();
        // Who no school protects gets what the model wrote first.
        var free = new WritingModel((_, _) => bad);
        await using var other = await School.StartAsync(postgres, free);
        await other.SetAsync(Bows, count: 3);
        (await FindAsync(other)).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Items_ThatStayAgainstTheRules_AreMadeWithoutTheModel()
    {
        var bad = WritingModel.Items().Replace("soft", Forbidden, StringComparison.Ordinal);
        await using var school = await School.StartAsync(postgres, new WritingModel((_, _) => bad));
        school.Others.Policies["bea"] = Policy();

        var set = await school.SetAsync(Bows, role: "student", subject: "bea", count: 3);

        set.GetProperty("set").GetProperty("made_by").GetString().ShouldBe("passages");
        (await FindAsync(school)).ShouldBeEmpty();
    }

    /// <summary>No engine is there to judge, or nobody says what holds: nothing of the model is stored unjudged, unless the school says so.</summary>
    [Theory]
    [InlineData("refuse", false, "passages")]
    [InlineData("go_on", false, "model")]
    [InlineData("refuse", true, "passages")]
    public async Task Items_ThatNobodyCanJudge_FollowTheSchoolsChoice(string choice, bool isAway, string madeBy)
    {
        await using var school = await School.StartAsync(postgres, new WritingModel((_, _) => WritingModel.Items()));
        school.Others.Policies["bea"] = Policy(choice, "guard");
        school.Others.IsAway = isAway;

        var id = await school.OrderAsync(Bows, "student", "bea", 3);
        await school.Worker.UntilAsync(id, JobStatus.Completed);

        (await school.Worker.ScalarAsync("SELECT made_by FROM practice_sets WHERE id = $1", id)).ShouldBe(madeBy);
    }

    [Fact]
    public async Task Feedback_AgainstTheRules_IsNotShown_AndTheLearnerGrades()
    {
        await using var school = await School.StartAsync(postgres, new WritingModel((_, number) => number == 1 ? WritingModel.Items()
            : JsonSerializer.Serialize(new { outcome = "wrong", feedback = $"Go to the {Forbidden}." })));
        school.Others.Policies["bea"] = Policy();
        var set = await school.SetAsync(Bows, role: "student", subject: "bea", count: 3);

        var (status, answer) = await school.AnswerAsync(
            set.GetProperty("items")[2].GetProperty("id").GetGuid(), new { answer = "askew" }, "student", "bea");

        (status, answer.GetProperty("outcome").GetString()).ShouldBe((HttpStatusCode.OK, "ungraded"));
        (await FindAsync(school)).ShouldBeEmpty();
    }

    /// <summary>In every table.</summary>
    private static Task<List<string>> FindAsync(School school) => PersonalRows.FindAsync(school.Worker.Database, [Forbidden]);
}
