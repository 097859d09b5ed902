using Lyceum.RoadmapWorker.Planning;

namespace Lyceum.Tests.RoadmapWorker.Tests.Planning;

/// <summary>What was written by hand holds what the rules ask for, in both languages.</summary>
public sealed class CatalogueTests
{
    public static TheoryData<string> Subjects => [.. Catalogue.Subjects.Select(subject => subject.Id)];

    [Fact]
    public void Catalogue_HasTheFourSubjects() =>
        Catalogue.Subjects.Select(subject => subject.Id).Order().ShouldBe(["data-analysis-sql", "dotnet", "linear-algebra", "python-web"]);

    [Theory]
    [MemberData(nameof(Subjects))]
    public void Subject_IsWholeInBothLanguages(string id)
    {
        var subject = Catalogue.Find(id)!;
        Pair(subject.Title);
        Pair(subject.Goal);
        var seen = new HashSet<string>();
        foreach (var concept in subject.Modules.SelectMany(module => module.Concepts))
        {
            seen.Add(concept.Id).ShouldBeTrue(concept.Id);
            concept.Needs.ShouldAllBe(needed => seen.Contains(needed) && needed != concept.Id, concept.Id);
            concept.Level.ShouldBeInRange(1, 3);
            foreach (var text in new[] { concept.Title, concept.Summary, concept.Practice, concept.Picture })
                Pair(text);
            concept.Resources.ShouldNotBeEmpty();
            foreach (var resource in concept.Resources)
            {
                Pair(resource.Title);
                RoadmapRules.ResourceKinds.ShouldContain(resource.Kind);
                resource.Url.Length.ShouldBe(2);
                resource.Url.ShouldAllBe(url => Uri.IsWellFormedUriString(url, UriKind.Absolute) && url.StartsWith("https://"));
            }
            foreach (var question in concept.Quiz)
            {
                Pair(question.Q);
                Pair(question.Why);
                question.Options.Length.ShouldBe(3);
                question.Options.ShouldAllBe(option => option.Length == 2);
            }
            concept.Quiz.ShouldNotBeEmpty();
        }

        static void Pair(string[] texts)
        {
            texts.Length.ShouldBe(2);
            texts[0].Any(letter => letter is >= '\u4e00' and <= '\u9fff').ShouldBeFalse(texts[0]);
            texts[1].Any(letter => letter is >= '\u4e00' and <= '\u9fff').ShouldBeTrue(texts[1]);
        }
    }

    [Theory]
    [InlineData("学习 Python Web 开发", "python-web")]
    [InlineData("learn web development with Python", "python-web")]
    [InlineData("I want to build a backend in Django", "python-web")]
    [InlineData("C# for services", "dotnet")]
    [InlineData("学习 ASP.NET Core", "dotnet")]
    [InlineData("用 SQL 做数据分析", "data-analysis-sql")]
    [InlineData("Data analysis with SQL", "data-analysis-sql")]
    [InlineData("线性代数入门", "linear-algebra")]
    [InlineData("eigenvalues and matrices", "linear-algebra")]
    [InlineData("Playing the violin", null)]
    [InlineData("学习小提琴", null)]
    [InlineData("the Pythonesque webs of Monty", null)]
    public void Query_IsMatchedByItsWords(string query, string? subject) => Catalogue.Match(query)?.Id.ShouldBe(subject);
}
