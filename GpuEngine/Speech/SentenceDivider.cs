using System.Buffers;
using System.Text;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Speech;

/// <summary>A stretch of a text, the white space after it included.</summary>
/// <param name="Start">In characters (UTF-16) from the text's beginning.</param>
internal readonly record struct Sentence(int Start, string Text)
{
    public int End => Start + Text.Length;
}

/// <summary>
/// Divides a text that comes in pieces into sentences, as soon as each is known to be over: for English and what is written
/// like it, and for Chinese, which has no spaces to look for. Joined again, they are the text.
/// </summary>
internal sealed class SentenceDivider
{
    // What a person says in one breath, about: of Latin letters, and a third of it of Chinese characters, which are syllables.
    private const int Most = 240;
    private const int IdeographWeight = 3;

    private const string Closing = "\"'”’)]」』）】》*_`";
    private static readonly SearchValues<char> WideEnds = SearchValues.Create("。！？；…");
    private static readonly SearchValues<char> Pauses = SearchValues.Create(",;:，、；： \t");
    private static readonly SearchValues<char> Opening = SearchValues.Create(" \t\n(\"“");
    private static readonly HashSet<string> Abbreviations = new(StringComparer.OrdinalIgnoreCase)
    {
        "dr", "mr", "mrs", "ms", "prof", "st", "vs", "no", "fig", "eq", "e.g", "i.e", "cf", "approx", "al", "ca",
    };

    private string _left = "";
    private int _start; // of what is left, in the whole text

    /// <summary>The sentences that <paramref name="piece"/> brought to their end.</summary>
    public IEnumerable<Sentence> Add(string piece) => Take(_left + piece, isWhole: false);

    /// <summary>The text is over: what is left of it.</summary>
    public IEnumerable<Sentence> Finish() => Take(_left, isWhole: true);

    /// <summary>A whole text.</summary>
    public static IEnumerable<Sentence> Divide(string text) => new SentenceDivider().Take(text, isWhole: true);

    private List<Sentence> Take(string text, bool isWhole)
    {
        var sentences = new List<Sentence>();
        var from = 0;
        while (from < text.Length && End(text.AsSpan(from), isWhole) is > 0 and var length)
        {
            sentences.Add(new Sentence(_start + from, text.Substring(from, length)));
            from += length;
        }
        _left = text[from..];
        _start += from;
        return sentences;
    }

    /// <summary>Length of the first sentence with the white space after it; 0 where it is not over yet.</summary>
    private static int End(ReadOnlySpan<char> text, bool isWhole)
    {
        var weight = 0;
        var hasWords = false;
        for (var i = 0; i < text.Length; i++)
        {
            weight += !char.IsSurrogate(text[i]) && Terms.IsIdeograph(new Rune(text[i])) ? IdeographWeight : 1;
            if (weight > Most)
                return Pause(text[..i]);
            hasWords |= char.IsLetterOrDigit(text[i]) || char.IsSurrogate(text[i]);
            if (!hasWords || !Ends(text, i))
                continue;
            var end = i + 1;
            while (end < text.Length && (Closing.Contains(text[end]) || WideEnds.Contains(text[end]) || text[end] is '.' or '!' or '?'))
                end++;
            var closed = end;
            while (end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            // White space after a mark makes it an end, and a wide mark or a line's end is one by itself: but not before it
            // is known that nothing more belongs to it.
            if (end > closed || text[i] is '\n' || (isWhole && end == text.Length))
                return end;
            if (end == text.Length)
                return end > Most ? end : 0; // marks without end are not kept: each piece would read them all again
            if (WideEnds.Contains(text[i]))
                return end;
        }
        return isWhole ? text.Length : 0;
    }

    private static bool Ends(ReadOnlySpan<char> text, int i) => text[i] switch
    {
        '\n' or '!' or '?' => true,
        '.' => !IsAbbreviation(text[..i]),
        var other => WideEnds.Contains(other),
    };

    /// <summary>Whether a full stop after this ends no sentence: "Dr.", "e.g.", an initial, a number at a list's beginning.</summary>
    private static bool IsAbbreviation(ReadOnlySpan<char> before)
    {
        var word = before[(before.LastIndexOfAny(Opening) + 1)..];
        return word is [>= 'A' and <= 'Z'] || Abbreviations.Contains(word.ToString())
            || (word.Length is > 0 and <= 3 && word.Length == before.TrimStart().Length && !word.ContainsAnyExceptInRange('0', '9'));
    }

    /// <summary>Where a sentence that is too long is divided: after its last pause, not in the middle of a character.</summary>
    private static int Pause(ReadOnlySpan<char> text)
    {
        var pause = text.LastIndexOfAny(Pauses) + 1;
        return pause > text.Length / 3 ? pause : Utf16.Boundary(text, text.Length);
    }
}
