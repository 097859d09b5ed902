using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Speech;

public sealed class SentenceDividerTests
{
    [Theory]
    [InlineData("One. Two! Three? Four", "One. |Two! |Three? |Four")]
    [InlineData("Dr. Who met J. Smith at 3.5 km, e.g. here. Then left.", "Dr. Who met J. Smith at 3.5 km, e.g. here. |Then left.")]
    [InlineData("She said \"Go!\" and left. \"Why?\" he asked.", "She said \"Go!\" |and left. |\"Why?\" |he asked.")]
    [InlineData("你好，世界。这是第二句！第三句？“引用。”好", "你好，世界。|这是第二句！|第三句？|“引用。”|好")]
    [InlineData("中文 and English。Next one. 完。", "中文 and English。|Next one. |完。")]
    [InlineData("# Title\n\n- first\n- second\n1. Third item here.\n2. Fourth.", "# Title\n\n|- first\n|- second\n|1. Third item here.\n|2. Fourth.")]
    [InlineData("Wait... what?! Yes.", "Wait... |what?! |Yes.")]
    [InlineData("see www.example.com/a.b for it", "see www.example.com/a.b for it")]
    [InlineData("  \n ", "  \n ")]
    public void Divide_Text_EndsAtSentences(string text, string expected)
    {
        SentenceDivider.Divide(text).Select(sentence => sentence.Text).ShouldBe(expected.Split('|'));
        // However it comes, character by character too.
        var divider = new SentenceDivider();
        var streamed = text.SelectMany(c => divider.Add(c.ToString())).ToList();
        streamed.AddRange(divider.Finish());
        string.Concat(streamed.Select(sentence => sentence.Text)).ShouldBe(text);
        streamed.ShouldAllBe(sentence => text.Substring(sentence.Start, sentence.Text.Length) == sentence.Text);
        streamed.Select(sentence => sentence.Text.Trim()).ShouldBe(expected.Split('|').Select(s => s.Trim()));
    }

    [Fact]
    public void Add_EndOfASentence_ReturnsItAtOnce()
    {
        var divider = new SentenceDivider();
        divider.Add("One").ShouldBeEmpty();
        divider.Add(".").ShouldBeEmpty(); // "One.5"?
        divider.Add(" ").Single().Text.ShouldBe("One. ");
        divider.Add("你好。").ShouldBeEmpty(); // a closing mark?
        divider.Add("再").Single().Text.ShouldBe("你好。");
        divider.Finish().Single().ShouldBe(new Sentence(8, "再"));
    }

    [Theory]
    [InlineData("字")]
    [InlineData("word ")]
    [InlineData("𝒳")]
    public void Divide_WithoutSentenceEnds_CutsAtPauses(string piece)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 5_000));
        var sentences = SentenceDivider.Divide(text).ToList();
        string.Concat(sentences.Select(sentence => sentence.Text)).ShouldBe(text);
        sentences.ShouldAllBe(sentence => sentence.Text.Length <= 240 && !char.IsLowSurrogate(sentence.Text[0]));
        sentences.Count.ShouldBeLessThan(250);
    }

    [Theory]
    [InlineData("**Cells** are `small` [1].", "Cells are small .")]
    [InlineData("See [the manual](https://example.org/x) or https://example.org.", "See the manual or")]
    [InlineData("## 光合作用", "光合作用")]
    [InlineData("- one", "one")]
    [InlineData("---", "")]
    [InlineData("[1]", "")]
    public void SpokenText_Markdown_IsLeftOut(string written, string spoken) => SpokenText.Of(written).ShouldBe(spoken);

    [Fact]
    public void Divide_StubText_GivesItsSentences() =>
        SentenceDivider.Divide(StubText.Text(1, 9, unicode: false, sentence: 3)).Count().ShouldBe(3);
}
