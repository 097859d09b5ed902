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
    public void Chinese_Runs_AreCharactersAndPairsOfNeighbours() => Terms.Of("光合作用：吸收水。水").ShouldBe(
        ["光", "光合", "合", "合作", "作", "作用", "用", "吸", "吸收", "收", "收水", "水", "水"]);

    /// <summary>Words that ask are cut out, and no character of another word.</summary>
    [Theory]
    [InlineData("共和国", "共和 和国")]
    [InlineData("统一", "统一")]
    [InlineData("目的", "目的")]
    [InlineData("我的目的是什么", "目的")]
    [InlineData("和平", "和平")]
    [InlineData("个人", "个人")]
    [InlineData("水", "水")]
    [InlineData("水是什么", "水")]
    [InlineData("什么是水", "水")]
    [InlineData("水的作用", "水 作用")]
    [InlineData("光合作用的过程", "光合 合作 作用 过程")]
    [InlineData("解释器", "解释 释器")]
    [InlineData("请解释一下光合作用", "光合 合作 作用")]
    [InlineData("我总是拖延怎么办", "拖延")]
    [InlineData("有用功", "有用 用功")]
    [InlineData("才能", "才能")]
    [InlineData("为了", "为了")]
    [InlineData("什么", "")]
    [InlineData("的 了 吗", "")]
    [InlineData("怎么办", "")]
    public void ChineseQuestion_IsAboutWhatIsLeftOfIt(string question, string terms) =>
        string.Join(' ', Terms.OfQuestion(question)).ShouldBe(terms);

    [Theory]
    [InlineData("e\u0301", "é")]
    [InlineData("Ａ１", "a1")]
    [InlineData("ｶﾞ", "ガ")]
    [InlineData("ﬃ", "ffi")]
    [InlineData("①", "1")]
    [InlineData("ẞ", "ss")]
    [InlineData("İ", "i")]
    [InlineData("ı", "I")]
    [InlineData("ς", "Σ")]
    [InlineData("\u1100\u1161", "가")]
    [InlineData("⽔", "水")]
    public void Forms_OfOneCharacter_AreOneTerm(string one, string other) => Terms.Of(one).ShouldBe(Terms.Of(other));

    [Fact]
    public void Characters_OfTraditionalAndSimplifiedChinese_StayApart() => Terms.Of("統").ShouldNotBe(Terms.Of("统"));

    /// <summary>To order marks takes the square of their number; a document may hold nothing else.</summary>
    [Fact]
    public void Marks_AMillionOnOneLetter_TakeNoTime()
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();

        Terms.Of("a" + string.Concat(Enumerable.Repeat("\u0301\u0316", 500_000))).Count().ShouldBe(1);

        System.Diagnostics.Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Mixed_Scripts_AreDividedWhereTheyMeet() =>
        Terms.Of("学习C语言的 loops").ShouldBe(["学", "学习", "习", "c", "语", "语言", "言", "言的", "的", "loop"]);

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
