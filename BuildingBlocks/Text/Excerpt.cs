using System.Text;

namespace Lyceum.Text;

/// <summary>A part of an excerpt that matches, in UTF-16 units of it.</summary>
public sealed record TextRange(int Start, int Length);

/// <summary>
/// The place of a text that a search found, with what matches in it: words, and in scripts without spaces pairs of characters, as
/// <see cref="Terms"/> compares them.
/// </summary>
/// <param name="Text">One line; <c>…</c> stands for what is before and after it.</param>
/// <param name="Ranges">In order, apart from each other. None where the match is not in the text.</param>
public sealed record Excerpt(string Text, IReadOnlyList<TextRange> Ranges)
{
    private const char More = '…';

    /// <param name="terms">What was searched for.</param>
    /// <param name="length">UTF-16 units of the text, at most.</param>
    public static Excerpt Of(string text, IReadOnlySet<string> terms, int length = 160)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (start, end) = (0, Utf16.Boundary(text, Math.Min(text.Length, length)));
        var found = new List<TextRange>();
        foreach (var match in Matches(text, terms))
        {
            if (found.Count == 0 && match.Start + match.Length > end)
            {
                // Some of what is before it, to be understood.
                start = Utf16.Boundary(text, Math.Max(0, match.Start - (length / 4)));
                end = Utf16.Boundary(text, Math.Min(text.Length, start + length));
            }
            if (match.Start + match.Length > end)
                break;
            Add(found, match);
        }
        var head = start > 0 ? More.ToString() : "";
        var excerpt = new StringBuilder(head).Append(text, start, end - start);
        for (var i = 0; i < excerpt.Length; i++)
        {
            if (char.IsControl(excerpt[i]) || excerpt[i] is '\u2028' or '\u2029')
                excerpt[i] = ' ';
        }
        if (end < text.Length)
            excerpt.Append(More);
        var shift = head.Length - start;
        return new(excerpt.ToString(), [.. found.Select(range => range with { Start = range.Start + shift })]);
    }

    /// <summary>Pairs overlap: what touches is one range.</summary>
    private static void Add(List<TextRange> found, TextRange match)
    {
        if (found is [.., var last] && last.Start + last.Length >= match.Start)
            found[^1] = last with { Length = Math.Max(last.Length, match.Start + match.Length - last.Start) };
        else
            found.Add(match);
    }

    private static IEnumerable<TextRange> Matches(string text, IReadOnlySet<string> terms)
    {
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var size);
            if (Terms.IsUnspaced(rune))
            {
                Rune.DecodeFromUtf16(text.AsSpan(i + size), out var next, out var more);
                var pair = Terms.IsUnspaced(next) ? text.Substring(i, size + more) : null;
                if (pair is not null && IsAny(pair, 2, terms))
                    yield return new(i, pair.Length);
                else if (IsAny(text.Substring(i, size), 1, terms))
                    yield return new(i, size);
                i += size;
                continue;
            }
            var end = EndOfWord(text, i);
            if (end > i && Terms.Of(text[i..end]).Any(terms.Contains))
                yield return new(i, end - i);
            i = Math.Max(end, i + size);
        }
    }

    private static int EndOfWord(string text, int start)
    {
        for (var i = start; ;)
        {
            if (i >= text.Length)
                return i;
            Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var size);
            var belongs = !Terms.IsUnspaced(rune) && (Rune.IsLetterOrDigit(rune) || (i > start
                && (rune.Value is '\'' or 0x2019 || FoldedText.IsMark(Rune.GetUnicodeCategory(rune)))));
            if (!belongs)
                return i;
            i += size;
        }
    }

    /// <param name="runes">How many characters the term has: a pair holds its single ones too.</param>
    private static bool IsAny(string characters, int runes, IReadOnlySet<string> terms) =>
        terms.Contains(characters)
        || Terms.Of(characters).Any(term => terms.Contains(term) && term.EnumerateRunes().Count() == runes);
}
