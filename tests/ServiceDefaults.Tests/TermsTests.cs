using Lyceum.Text;

namespace Lyceum.Tests.ServiceDefaults.Tests;

public sealed class TermsTests
{
    [Theory]
    [InlineData("run", "runs running")]
    [InlineData("space", "spaces spaced spacing")]
    [InlineData("study", "studies studied studying")]
    [InlineData("nation", "nations")]
    [InlineData("stop", "stops stopped stopping")]
    [InlineData("pony", "ponies")]
    [InlineData("student", "students student's students'")]
    [InlineData("quizzes", "quizzing")]
    public void English_FormsOfOneWord_AreOneTerm(string word, string forms) =>
        Terms.Of(forms).Distinct().ShouldBe(Terms.Of(word));

    [Theory]
    [InlineData("news", "new")]
    [InlineData("universe", "unity")]
    public void English_DifferentWords_AreDifferentTerms(string one, string other) =>
        Terms.Of(one).ShouldNotBe(Terms.Of(other));

    // What stored indexes hold of Chinese: these must not change without a new version of the index.
    [Fact]
    public void Chinese_Runs_ArePairsOfNeighbours() => Terms.Of("光合作用：植物吸收水。水").ShouldBe(
        ["光合", "合作", "作用", "植物", "物吸", "吸收", "收水", "水"]);

    [Fact]
    public void Mixed_Scripts_AreDividedWhereTheyMeet() =>
        Terms.Of("学习C语言的 loops").ShouldBe(["学习", "c", "语言", "言的", "loop"]);

    [Theory]
    [InlineData("'photosynthesis'")]
    [InlineData("‘photosynthesis’")]
    [InlineData("photo\u00ADsynthesis")]
    [InlineData("photo\u200Bsynthesis\uFEFF")]
    public void Word_QuotedOrWithInvisibleCharacters_IsTheWord(string text) =>
        Terms.Of(text).ShouldBe(Terms.Of("photosynthesis"));

    [Fact]
    public void Question_CommonWords_AreLeftOut() =>
        Terms.OfQuestion("What is the 'running' of it about?").ShouldBe(["run"]);

    [Fact]
    public void Word_LongerThanAnyEnglishWord_StaysAsItIs()
    {
        var word = new string('s', 100_000);
        Terms.Of(word).ShouldBe([word]);
    }

    [Fact]
    public async Task Of_ManyThreads_GivesWhatOneGives()
    {
        var text = string.Join(
            ' ', Enumerable.Range(0, 200).Select(i => $"running{(char)('a' + i % 26)} nationalisation quizzes"));
        var expected = Terms.Of(text).ToList();
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Terms.Of(text).ToList())));
        all.ShouldAllBe(terms => terms.SequenceEqual(expected));
    }
}
