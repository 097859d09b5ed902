using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Lucene.Net.Tartarus.Snowball.Ext;

namespace Lyceum.Text;

/// <summary>
/// What texts are compared by: stems of words (Porter's second English stemmer), and characters and pairs of
/// neighbouring characters where a script has no spaces. Pairs find Chinese words without a dictionary; the few that
/// straddle two words rarely match anything. Texts and questions are folded alike (<see cref="FoldedText"/>). Stored
/// indexes hold these terms: whoever changes them raises the version of each index.
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

    // Particles and pronouns: a pair of two of them says nothing.
    private const string Particles = "的了吗呢吧啊是我你您请和与一个";

    // Characters that, where one of them is all that is left of a question, are hardly its subject.
    private const string Helpers =
        Particles + "这那有会能要在到去来说看想让给对从把被不没很也都就还又再用做上下中里多少大小好几谁哪它他她们为以及或而则之其问";

    /// <summary>Han characters and kana.</summary>
    public static bool IsIdeograph(Rune rune) =>
        rune.Value is (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF)
            or (>= 0x3040 and <= 0x30FF) or (>= 0x20000 and <= 0x323AF);

    /// <summary>
    /// Of scripts that put no spaces between words, or (Hangul) only between words with their endings: texts in them
    /// are compared by characters and pairs of characters.
    /// </summary>
    public static bool IsUnspaced(Rune rune) =>
        IsIdeograph(rune) || rune.Value is (>= 0xAC00 and <= 0xD7A3) or (>= 0x3005 and <= 0x3007) // Hangul; 々 and 〇
            or (>= 0x0E00 and <= 0x0EFF) // Thai, Lao
            or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF); // Burmese; Khmer

    /// <summary>All terms of a text, in order, with repetitions.</summary>
    public static IEnumerable<string> Of(string text)
    {
        foreach (var run in Runs(FoldedText.Of(text)))
        {
            if (!run.IsUnspaced)
            {
                yield return Stem(run.Text);
                continue;
            }
            var runes = run.Text.EnumerateRunes().ToArray();
            for (var i = 0; i < runes.Length; i++)
            {
                yield return runes[i].ToString();
                if (i + 1 < runes.Length)
                    yield return $"{runes[i]}{runes[i + 1]}";
            }
        }
    }

    /// <summary>The terms that a question is about, each once.</summary>
    public static IReadOnlyList<string> OfQuestion(string question)
    {
        var runs = Runs(Auxiliary().Replace(FoldedText.Of(question), " ")).ToList();
        List<string> found = [.. runs.SelectMany(run => OfQuestion(run.Text, run.IsUnspaced)).Distinct()];
        // A word that usually says nothing is what is meant where it is all that was asked: 才能, 知道.
        if (found.Count == 0 && runs.Count == 1 && runs[0].IsUnspaced && runs[0].Text.Length <= 4)
            found.AddRange(Interrogative().Split(runs[0].Text).SelectMany(OfSubject).Distinct());
        return found;
    }

    private static IEnumerable<string> OfQuestion(string run, bool isUnspaced)
    {
        if (isUnspaced)
            return Subjects(run).SelectMany(OfSubject);
        return EnglishStop.Contains(run) ? [] : [Stem(run)];
    }

    /// <summary>
    /// A run without what only asks. A word is cut out whole, and a particle only where it is none of a word's
    /// characters: not the 的 of 目的, nor the 和 of 共和国. What stays in too much straddles two words, and rarely matches
    /// anything.
    /// </summary>
    private static IEnumerable<string> Subjects(string run) => Interrogative().Split(run).SelectMany((part, index) =>
    {
        part = Addressed().Replace(part, "");
        return Usual().Split(part).Select(piece => Final().Replace(piece, "")).SelectMany(piece =>
            Particle().Split(index > 0 ? Copula().Replace(piece, "") : piece));
    });

    /// <summary>Pairs, or the character itself where it is one.</summary>
    private static IEnumerable<string> OfSubject(string subject)
    {
        var runes = subject.EnumerateRunes().Select(rune => rune.ToString()).ToArray();
        if (runes.Length == 1 && !Helpers.Contains(subject, StringComparison.Ordinal))
            yield return subject;
        for (var i = 1; i < runes.Length; i++)
        {
            if (!(IsParticle(runes[i - 1]) && IsParticle(runes[i])))
                yield return runes[i - 1] + runes[i];
        }
    }

    private static bool IsParticle(string rune) => Particles.Contains(rune, StringComparison.Ordinal);

    /// <summary>Words that ask: they are part of no other word. Longest first.</summary>
    [GeneratedRegex("什么时候|可不可以|为什么|是不是|能不能|有没有|怎么样|怎么办|好不好|什么|怎么|怎样|如何|为何|哪些|哪个|是否|能否|请问", RegexOptions.NonBacktracking)]
    private static partial Regex Interrogative();

    /// <summary>
    /// Words of questions that are part of others too (解释器): cut out where no single character is left.
    /// </summary>
    [GeneratedRegex(
        "(?<=^|..)(?:可以|告诉|解释|一下|介绍|关于|我们|你们|他们|应该|需要|才能|更好|意思|帮我|知道|今天|明天|昨天|有用|一个|一种|总是|但是|可是|于是|还是|就是)+(?=..|$)")]
    private static partial Regex Usual();

    [GeneratedRegex("^[请我你您]+(?=..)")]
    private static partial Regex Addressed();

    // From the end on: from the beginning it would be tried at each character of a run that is not the last.
    [GeneratedRegex("(?<=.)(?:[吗呢吧啊]|(?<!国)是)+$", RegexOptions.RightToLeft)]
    private static partial Regex Final();

    /// <summary>After a word that asks: 什么是水.</summary>
    [GeneratedRegex("^[是的了](?=.)")]
    private static partial Regex Copula();

    [GeneratedRegex("(?<![目标])的(?![确士])|了(?![解结])|(?<!国)是(?!非)")]
    private static partial Regex Particle();

    // "How do I stop procrastinating?" is not about stopping, "how do I stop Lyceum?" is.
    [GeneratedRegex(@"\b(stop|start|keep|begin|avoid|try|quit)\s+(?=\w+ing\b)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Auxiliary();

    /// <summary>
    /// Words, and unbroken runs of scripts without spaces, by Unicode's rules for words (UAX #29): a mark belongs to
    /// the letter before it, an apostrophe to the word that it is inside of. An emoji is a word.
    /// </summary>
    private static IEnumerable<(string Text, bool IsUnspaced)> Runs(string folded)
    {
        var run = new StringBuilder();
        var unspaced = false;
        foreach (var rune in folded.EnumerateRunes())
        {
            var category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.Format)
                continue;
            var isMark = FoldedText.IsMark(category);
            var isUnspaced = isMark && run.Length > 0 ? unspaced : IsUnspaced(rune);
            var belongs = isUnspaced || Rune.IsLetterOrDigit(rune) || rune.Value is '\'' || (isMark && run.Length > 0);
            if (!belongs || isUnspaced != unspaced)
            {
                if (End() is { Length: > 0 } ended)
                    yield return (ended, unspaced);
            }
            if (belongs)
            {
                unspaced = isUnspaced;
                run.Append(rune.ToString());
            }
            else if (category is UnicodeCategory.OtherSymbol
                && rune.Value is (>= 0x2600 and <= 0x27BF) or (>= 0x1F000 and <= 0x1FAFF))
                yield return (rune.ToString(), false);
        }
        if (End() is { Length: > 0 } last)
            yield return (last, unspaced);

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
