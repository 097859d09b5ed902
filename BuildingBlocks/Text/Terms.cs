using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Lucene.Net.Tartarus.Snowball.Ext;

namespace Lyceum.Text;

/// <summary>
/// What texts are compared by: stems of words (Porter's second English stemmer), and pairs of neighbouring characters
/// where a script has no spaces. Pairs find Chinese words without a dictionary; the few that straddle two words rarely
/// match anything. Stored indexes hold these terms: whoever changes them raises the version of each index.
/// </summary>
public static partial class Terms
{
    /// <summary>UTF-16 units. A longer word is no English word, and stays as it is.</summary>
    private const int LongestWord = 64;

    [ThreadStatic]
    private static EnglishStemmer? t_stemmer; // holds the word it works on

    // Words that every question has and that say nothing about its subject.
    private static readonly FrozenSet<string> EnglishStop = (
        "a about after again all also am an and any are as at be because been before being best better between both but by " +
        "can can't cannot could did didn't do does doesn't doing don't during each explain few for from further get give go good great had has have " +
        "having he help her here him his how i i'd i'm if in into is isn't it its it's just know let like make many me mean " +
        "means more most much must my need no not now of off on once one only or other our out over please really same say " +
        "she should show so some something such tell than thank thanks that the their them then there these they thing " +
        "things this those through to today tomorrow too under until up us use used very want was way ways we were what what's when where " +
        "which while who whom why will with won't word work works would yesterday you your")
        .Split(' ').ToFrozenSet();

    // Longest first, so that a long one is not broken by a short one inside it.
    private static readonly string[] ChineseStop =
        [.. ("什么时候 为什么 是不是 能不能 可不可以 有没有 怎么样 怎么办 什么 怎么 怎样 如何 为何 哪些 哪个 是否 可以 能否 请问 告诉 " +
            "解释 一下 介绍 关于 我们 你们 他们 应该 需要 才能 更好 意思 帮我 知道 今天 明天 昨天 有用 好不好 的 了 吗 呢 吧 啊 是 我 你 您 请 和 与 一 个")
            .Split(' ').OrderByDescending(word => word.Length)];

    /// <summary>Han characters and kana: scripts without spaces between words.</summary>
    public static bool IsIdeograph(Rune rune) =>
        rune.Value is (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0x3040 and <= 0x30FF) or (>= 0x20000 and <= 0x323AF);

    /// <summary>All terms of a text, in order, with repetitions.</summary>
    public static IEnumerable<string> Of(string text)
    {
        foreach (var run in Runs(text))
        {
            if (!run.IsIdeographic)
            {
                yield return Stem(run.Text);
                continue;
            }
            var runes = run.Text.EnumerateRunes().ToArray();
            if (runes.Length == 1)
                yield return run.Text;
            for (var i = 1; i < runes.Length; i++)
                yield return $"{runes[i - 1]}{runes[i]}";
        }
    }

    /// <summary>The terms that a question is about, each once.</summary>
    public static IReadOnlyList<string> OfQuestion(string question)
    {
        question = Auxiliary().Replace(question, " ");
        foreach (var word in ChineseStop)
            question = question.Replace(word, " ");
        // A lone character is what the stop words left of something.
        var words = Runs(question).Where(run => run.IsIdeographic ? run.Text.Length > 1 : !EnglishStop.Contains(run.Text));
        return [.. Of(string.Join(' ', words.Select(run => run.Text))).Distinct()];
    }

    // "How do I stop procrastinating?" is not about stopping, "how do I stop Lyceum?" is.
    [GeneratedRegex(@"\b(stop|start|keep|begin|avoid|try|quit)\s+(?=\w+ing\b)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Auxiliary();

    /// <summary>
    /// Words, in lower case, and unbroken runs of Han or kana. Quotation marks around a word are not part of it, nor
    /// are characters that are not seen, such as soft hyphens.
    /// </summary>
    private static IEnumerable<(string Text, bool IsIdeographic)> Runs(string text)
    {
        var run = new StringBuilder();
        var ideographic = false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format)
                continue;
            var isIdeograph = IsIdeograph(rune);
            var belongs = isIdeograph || Rune.IsLetterOrDigit(rune) || rune.Value is '\'' or '’';
            if (!belongs || isIdeograph != ideographic)
            {
                if (End() is { Length: > 0 } ended)
                    yield return (ended, ideographic);
            }
            if (belongs)
            {
                ideographic = isIdeograph;
                run.Append(rune.Value is '’' ? "'" : Rune.ToLowerInvariant(rune).ToString());
            }
        }
        if (End() is { Length: > 0 } last)
            yield return (last, ideographic);

        string End()
        {
            var ended = run.ToString().Trim('\'');
            run.Clear();
            return ended;
        }
    }

    private static string Stem(string word)
    {
        if (word.Length > LongestWord)
            return word;
        var stemmer = t_stemmer ??= new EnglishStemmer();
        stemmer.SetCurrent(word);
        stemmer.Stem();
        return stemmer.Current;
    }
}
