using System.Text.RegularExpressions;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Primer;

/// <summary>The part of a passage worth quoting: all of it if short, else the sentences nearest to the question.</summary>
internal static partial class Excerpt
{
    /// <summary>Most characters quoted of one passage.</summary>
    private const int Limit = 900;

    public static string Of(string text, IReadOnlyList<string> question)
    {
        text = text.Trim();
        if (text.Length <= Limit)
            return text;
        var sentences = SentenceEnd().Split(text).Where(sentence => sentence.Length > 0).ToList();
        var wanted = question.ToHashSet();
        var hits = sentences.ConvertAll(sentence => Terms.Of(sentence).Where(wanted.Contains).Distinct().Count());
        var (best, from, to) = (-1, 0, 1);
        for (var start = 0; start < sentences.Count; start++)
        {
            // The longest run of sentences from here that fits; at least one, however long.
            var (end, length, score) = (start, 0, 0);
            while (end < sentences.Count && (end == start || length + sentences[end].Length <= Limit))
            {
                length += sentences[end].Length;
                score += hits[end++];
            }
            if (score > best)
                (best, from, to) = (score, start, end);
        }
        var quote = string.Concat(sentences.GetRange(from, to - from)).Trim();
        quote = Utf16.Truncate(quote, 2 * Limit);
        return $"{(from > 0 ? "… " : "")}{quote}{(to < sentences.Count || quote.Length >= 2 * Limit ? " …" : "")}";
    }

    // Behind a full stop with the space after it, a Chinese full stop, or a line's end: the ends stay with the sentences.
    // The look ahead comes first: looking back from every one of a run of spaces would cost the square of the run.
    [GeneratedRegex(@"(?=\S)(?<=[.!?]\s+)|(?<=[。！？])|(?<=\n)")]
    private static partial Regex SentenceEnd();
}
