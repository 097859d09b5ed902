using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.Tests.RoadmapWorker.Tests.Planning;

public sealed class PlannerTests
{
    private static readonly DateOnly Today = new(2026, 1, 1);

    private static RoadmapOrder Order(string query = "Python web", double hours = 10, string language = "en", string level = "beginner", DateOnly? deadline = null) =>
        new("u", query, hours, LearningStyles.All, language, level, deadline, Today);

    private static DesignConcept Concept(string id, double hours, params string[] needs) => new(id, $"About {id}", "A summary", hours, needs);

    [Fact]
    public void Weeks_HoldNoMoreThanTheirHours_AndLongConceptsGoOn()
    {
        var weeks = WeekPlan.Fill([Concept("a", 3), Concept("b", 5.5, "a"), Concept("c", 1)], 4);
        weeks.Select(week => (week.Number, week.Hours, string.Join('+', week.Items.Select(item => $"{item.ConceptId}{item.Hours}")))).ShouldBe([
            (1, 4, "a3+b1"), (2, 4, "b4"), (3, 1.5, "b0.5+c1")]);
    }

    [Fact]
    public void Order_PutsEachAfterWhatItNeeds_AndNamesACircle()
    {
        Prerequisites.Order([Concept("c", 1, "b"), Concept("a", 1), Concept("b", 1, "a")], out var none).Select(c => c.Id).ShouldBe(["a", "b", "c"]);
        none.ShouldBeEmpty();
        Prerequisites.Order([Concept("a", 1, "b"), Concept("b", 1, "a"), Concept("c", 1)], out var circle).Select(c => c.Id).ShouldBe(["c"]);
        circle.ShouldBe(["a", "b"]);
    }

    [Fact]
    public void Mender_PutsModulesAndConceptsIntoTheirOrder_AndRoundsHoursUp()
    {
        var mended = DesignMender.Mend(new(Makers.Model,
        [
            new("second", "Second", [Concept("d", 1.2, "c"), Concept("c", 1, "b", "b", "c")]),
            new("first", "First", [Concept("b", 2, "a"), Concept("a", 1)]),
        ], []));
        mended.Modules.SelectMany(module => module.Concepts).Select(concept => concept.Id).ShouldBe(["a", "b", "c", "d"]);
        mended.Modules[1].Concepts[1].Hours.ShouldBe(1.5);
        RoadmapRules.Check(mended, Order()).ShouldBeEmpty();
    }

    [Fact]
    public void Rules_NameEveryFault()
    {
        var faults = RoadmapRules.Check(new Design(Makers.Model,
        [
            new("m", "", [Concept("a", 0), Concept("a", 41), Concept("b", 1, "nowhere"), Concept("c", 1, "d"), Concept("d", 1, "c")]),
            new("m", "Empty", []),
        ], []), Order(language: "zh"));
        foreach (var part in new[]
        {
            "title of module m", "Module m has no concepts", "module id m is used 2", "concept id a is used 2", "more than 0", "needs nowhere",
            "Concept c comes before d", "must be written in zh",
        })
        {
            faults.ShouldContain(fault => fault.Contains(part), part);
        }
    }

    [Fact]
    public void Deadline_LeavesAdvancedConceptsOut_AndSaysWhatDoesNotFit()
    {
        var order = Order(deadline: Today.AddDays(7 * 5));
        var analysis = CataloguePlanner.Analyse(order, "because");
        var design = CataloguePlanner.Design(order, analysis);
        var concepts = design.Modules.SelectMany(module => module.Concepts).ToList();
        concepts.Sum(concept => concept.Hours).ShouldBeLessThanOrEqualTo(50);
        design.Notes.Single().ShouldContain("left out");
        RoadmapRules.Check(design, order).ShouldBeEmpty();
    }

    [Fact]
    public void Level_HalvesWhatIsProbablyKnown()
    {
        double Hours(string level) => CataloguePlanner.Design(Order(level: level), CataloguePlanner.Analyse(Order(level: level), ""))
            .Modules.SelectMany(module => module.Concepts).Sum(concept => concept.Hours);
        Hours("advanced").ShouldBeLessThan(Hours("intermediate"));
        Hours("intermediate").ShouldBeLessThan(Hours("beginner"));
    }

    [Fact]
    public void UnknownSubject_GetsAPlanThatSaysSo()
    {
        var order = Order(query: "学习小提琴", language: "zh-CN");
        var analysis = CataloguePlanner.Analyse(order, "因为");
        analysis.Subject.ShouldBeNull();
        analysis.Notes.ShouldContain(note => note.Contains("没有这个主题"));
        RoadmapRules.Check(CataloguePlanner.Design(order, analysis), order).ShouldBeEmpty();
    }

    [Fact]
    public void OtherLanguage_GetsEnglishAndANote() =>
        CataloguePlanner.Analyse(Order(language: "fr"), "because").Notes.ShouldContain(note => note.Contains("English and Chinese only"));
}
