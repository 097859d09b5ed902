using System.Text;
using System.Text.RegularExpressions;
using Lyceum.Text;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>
/// Makes items without a model: a sentence of a passage with one of its words left out, in English and Chinese. Which word: one that
/// the passages speak of often, and that is long. Deterministic: the same passages, the same items.
/// </summary>
internal static partial class ClozeMaker
{
    private const int ShortestSentence = 12;
    private const int LongestSentence = 300;
    private const string Ends = "。！？!?；;\r\n";

    public static IReadOnlyList<MadeItem> Make(Material material, int count)
    {
        var candidates = (
            from passage in material.Passages
            from sentence in Sentences(passage.Text)
            from word in Words(sentence)
            select (Passage: passage, Sentence: sentence, Word: word)).ToList();
        var often = candidates.GroupBy(candidate => Fold(candidate.Word)).ToDictionary(group => group.Key, group => group.Count());
        var items = new List<MadeItem>();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        // The best word of each sentence, then the best sentences, each word and each sentence once.
        var best = candidates.GroupBy(candidate => candidate.Sentence)
            .Select(sentence => sentence.MaxBy(candidate => Weight(candidate.Word, often[Fold(candidate.Word)])))
            .OrderByDescending(candidate => Weight(candidate.Word, often[Fold(candidate.Word)]))
            .ThenBy(candidate => candidate.Passage.Number).ThenBy(candidate => candidate.Sentence, StringComparer.Ordinal);
        foreach (var (passage, sentence, word) in best)
        {
            if (items.Count == count)
                break;
            if (!taken.Add(Fold(word)))
                continue;
            items.Add(new(
                Guid.CreateVersion7(), ItemKinds.Cloze, Blank(sentence, word), null, [word], null, null, sentence, material.SourceOf(passage)));
        }
        return items;
    }

    private static double Weight(string word, int often) => Math.Min(often, 5) * Math.Sqrt(word.Length);

    private static string Fold(string word) => word.ToLowerInvariant();

    /// <summary>All of its occurrences: one that is left would give the answer away.</summary>
    private static string Blank(string sentence, string word) => Terms.IsUnspaced(Rune.GetRuneAt(word, 0))
        ? sentence.Replace(word, ItemKinds.Gap, StringComparison.Ordinal)
        : EnglishWord().Replace(sentence, match =>
            string.Equals(match.Value, word, StringComparison.OrdinalIgnoreCase) ? ItemKinds.Gap : match.Value);

    private static IEnumerable<string> Sentences(string text) => Split(StorableText.Of(text))
        .Select(sentence => Spaces().Replace(sentence, " ").Trim().TrimStart('#', '*', '-', '>', '|', ' '))
        .Where(sentence => Length(sentence) >= ShortestSentence && sentence.Length <= LongestSentence && !sentence.Contains(ItemKinds.Gap))
        .Distinct(StringComparer.Ordinal);

    /// <summary>At marks that end a sentence, which stay with it; a full stop ends one only before a space, so that 3.14 stays whole.</summary>
    private static IEnumerable<string> Split(string text)
    {
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!Ends.Contains(text[i]) && !(text[i] == '.' && (i + 1 == text.Length || char.IsWhiteSpace(text[i + 1]))))
                continue;
            yield return text[start..(i + 1)];
            start = i + 1;
        }
        yield return text[start..];
    }

    /// <summary>A Chinese character says about as much as two letters.</summary>
    private static int Length(string sentence) => sentence.EnumerateRunes().Sum(rune => Terms.IsUnspaced(rune) ? 2 : 1);

    private static IEnumerable<string> Words(string sentence)
    {
        foreach (Match match in EnglishWord().Matches(sentence))
        {
            if (match.Length >= 4 && Terms.OfQuestion(match.Value).Count > 0)
                yield return match.Value;
        }
        foreach (Match run in HanRun().Matches(sentence))
        {
            foreach (var piece in HanFiller().Split(run.Value).Where(piece => piece.Length is >= 2 and <= 6))
                yield return piece;
        }
    }

    [GeneratedRegex(@"\s+", RegexOptions.NonBacktracking)]
    private static partial Regex Spaces();

    [GeneratedRegex(@"[A-Za-z\u00C0-\u024F][A-Za-z\u00C0-\u024F'-]*", RegexOptions.NonBacktracking)]
    private static partial Regex EnglishWord();

    [GeneratedRegex(@"[\u3400-\u9FFF]+", RegexOptions.NonBacktracking)]
    private static partial Regex HanRun();

    // Particles, pronouns and verbs of every sentence: what stands between them is mostly a word.
    [GeneratedRegex("[的了是在和与及或而把被将使让给对从向到由于为以中里上下内外并且也都就还又很更最不没有这那其之所个种些等能会可要须需]+", RegexOptions.NonBacktracking)]
    private static partial Regex HanFiller();
}
