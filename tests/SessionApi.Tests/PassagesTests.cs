using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Knowledge;

namespace Lyceum.Tests.SessionApi.Tests;

public sealed class PassagesTests
{
    [Fact]
    public void Markdown_HeadingsSayWhatAPassageIsAbout()
    {
        var passages = Passages.Of("text/markdown", """
            ---
            title: front matter is not text
            ---
            Before any heading.

            # Biology
            ## Plants
            Photosynthesis turns **light** into [sugar](https://example.org).

            - leaves
            - roots

            ## Animals
            They move.

            | animal | legs |
            |---|---|
            | spider | 8 |

            ```
            code  stays
              as it is
            ```
            # History
            In 1815.
            """);
        passages.ShouldBe(
        [
            new("", "Before any heading."),
            new("Biology › Plants", "Photosynthesis turns light into sugar.\nleaves\nroots"),
            new("Biology › Animals", "They move.\nanimal | legs\nspider | 8\ncode  stays\n  as it is"),
            new("History", "In 1815."),
        ]);
    }

    [Fact]
    public void Html_WhatIsNoTextIsLeftOut()
    {
        var passages = Passages.Of("text/html", """
            <html><head><title>no</title><style>p{}</style></head><body><nav><a href=/>menu</a></nav>
            <h1>Cells &amp; tissue</h1><div>Loose   text <b>bold</b><script>alert(1)</script>
            <p>A paragraph<br>in two lines &lt;here&gt;.<p>Unclosed.</div><p hidden>hidden</p><template><p>not shown</p></template>
            """);
        passages.ShouldBe([new("Cells & tissue", "Loose text bold\nA paragraph in two lines <here>.\nUnclosed.")]);
    }

    [Fact]
    public void Text_ParagraphsAreGathered_LongOnesDividedAtSentences()
    {
        var sentence = "This sentence is repeated until the paragraph is far too long to be quoted. ";
        var passages = Passages.Of("text/plain", "Short one.\n\nShort two.\r\n\r\n" + string.Concat(Enumerable.Repeat(sentence, 60)));
        passages[0].Text.ShouldStartWith("Short one.\nShort two.");
        passages.ShouldAllBe(p => p.Text.Length <= 1500);
        passages.Skip(1).ShouldAllBe(p => p.Text.StartsWith("This", StringComparison.Ordinal) && p.Text.EndsWith('.'));
        // Nothing is lost but white space.
        Squeeze(string.Concat(passages.Select(p => p.Text))).ShouldBe(Squeeze("Short one.Short two." + string.Concat(Enumerable.Repeat(sentence, 60))));
    }

    [Fact]
    public void Text_ChineseAndAstralCharacters_DividedAtCharacters()
    {
        var text = string.Concat(Enumerable.Repeat("光合作用把光变成糖𠀀🚀", 400)); // no full stop anywhere
        var passages = Passages.Of("text/plain", text);
        passages.Count.ShouldBeGreaterThan(1);
        string.Concat(passages.Select(p => p.Text)).ShouldBe(text);
        passages.Where(p => char.IsLowSurrogate(p.Text[0]) || char.IsHighSurrogate(p.Text[^1])).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("text/markdown", "")]
    [InlineData("text/plain", " \n\n ")]
    [InlineData("text/html", "<script>x</script>")]
    [InlineData("text/markdown", "# Only a heading")]
    public void NothingToQuote_NoPassages(string mediaType, string content) => Passages.Of(mediaType, content).ShouldBeEmpty();

    [Fact]
    public void Html_DeeplyNested_IsRead()
    {
        var html = string.Concat(Enumerable.Repeat("<div>", 200)) + "deep" + string.Concat(Enumerable.Repeat("</div>", 200));
        Passages.Of("text/html", html).Single().Text.ShouldBe("deep");
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "text/html", string.Concat(Enumerable.Repeat("<div>", 300_000)) + "deep" },
        { "text/html", string.Concat(Enumerable.Repeat("<b>", 100_000)) + "deep" },
        { "text/html", string.Concat(Enumerable.Repeat("<ul><li>", 100_000)) + "deep" },
        { "text/markdown", new string('>', 100_000) + "deep" },
        { "text/markdown", new string('[', 100_000) + "deep" },
        { "text/markdown", string.Concat(Enumerable.Repeat("- ", 50_000)) + "deep" },
        { "text/markdown", new string('*', 100_000) + "deep" },
    };

    /// <summary>What an upload can hold must not end the process, nor keep it busy: it is read, or refused.</summary>
    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task NestedBeyondSense_IsReadOrRefused(string mediaType, string content)
    {
        var reading = Task.Run(() => Record.Exception(() => Passages.Of(mediaType, content)), TestContext.Current.CancellationToken);
        var thrown = await reading.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        (thrown is null or ProblemException).ShouldBeTrue($"{thrown?.GetType()}: {thrown?.Message}");
    }

    public static TheoryData<string, string, string> Growing => new()
    {
        { "one line of text", "text/plain", "word " },
        { "one line without a space", "text/plain", "字" },
        { "paragraphs", "text/plain", "A paragraph.\n\n" },
        { "sections", "text/markdown", "# Section\ntext\n" },
        { "paragraphs of Markdown", "text/markdown", "some *words* and\n\n" },
        { "inline elements", "text/html", "<b>bold</b> <span>text</span>" },
        { "blocks inside inline elements", "text/html", "<span><span><i>a</i><p>b</p></span></span>" },
        { "rows", "text/html", "<tr><td>a</td><td>b</td></tr>" },
    };

    /// <summary>Counted by what is allocated: time on a busy machine says little.</summary>
    [Theory]
    [MemberData(nameof(Growing))]
    public void Document_TwiceAsLong_TakesTwiceTheWork(string what, string mediaType, string repeated)
    {
        Passages.Of(mediaType, repeated);
        var (once, twice) = (Work(100_000), Work(200_000));
        ((double)twice / once).ShouldBeLessThan(2.6, what);

        long Work(int length)
        {
            var document = string.Concat(Enumerable.Repeat(repeated, length / repeated.Length));
            var before = GC.GetAllocatedBytesForCurrentThread();
            Passages.Of(mediaType, document);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>Every passage repeats the headings it stands under: a long one would be stored a thousand times.</summary>
    [Fact]
    public void Heading_HoweverLong_IsCut()
    {
        var passages = Passages.Of("text/markdown",
            $"# {new string('h', 300_000)}\n## {new string('i', 300_000)}\n" + string.Concat(Enumerable.Repeat("A paragraph.\n\n", 20_000)));
        passages.Count.ShouldBeGreaterThan(100);
        passages.ShouldAllBe(passage => passage.Section.Length <= 403);
    }

    private static string Squeeze(string text) => string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
}
