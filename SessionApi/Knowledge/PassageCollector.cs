using System.Text;
using Lyceum.Text;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>Gathers blocks into passages, never across a heading or a page.</summary>
/// <param name="maxText">Characters of all blocks together; a document with more is rejected.</param>
internal sealed class PassageCollector(int maxText = int.MaxValue)
{
    /// <summary>Between the headings of a section.</summary>
    public const string Separator = " › ";

    /// <summary>Characters after which the next block begins a new passage.</summary>
    private const int Enough = 700;

    /// <summary>No passage is longer: a block beyond it is divided at the ends of sentences.</summary>
    private const int Most = 1400;

    /// <summary>Characters kept of one heading: every passage below it repeats it.</summary>
    private const int MostHeading = 200;

    private static readonly char[] Ends = ['.', '!', '?', '。', '！', '？', '\n', ';', '；'];

    private readonly List<Passage> _passages = [];
    private readonly List<(int Level, string Text)> _headings = [];
    private readonly StringBuilder _text = new();
    private long _length;
    private int? _page;

    /// <summary>What follows stands on this page or slide, under no heading yet.</summary>
    public void Page(int number)
    {
        Flush();
        _headings.Clear();
        _page = number;
    }

    /// <param name="level">From 0; headings of this level and of higher numbers end here.</param>
    /// <param name="text">Empty: what follows stands under no heading of this level.</param>
    public void Heading(int level, string text)
    {
        Flush();
        _headings.RemoveAll(heading => heading.Level >= level);
        if (text.Length > 0)
            _headings.Add((level, Utf16.Truncate(text, MostHeading)));
    }

    public void Add(string block)
    {
        if (block.Length == 0)
            return;
        _length += block.Length;
        if (_length > maxText)
            throw Unreadable.TooMuchText(maxText);
        if (_text.Length > 0 && _text.Length + block.Length > Enough)
            Flush();
        foreach (var piece in Divide(block))
        {
            if (_text.Length > 0)
                _text.Append('\n');
            _text.Append(piece);
            if (_text.Length > Enough)
                Flush();
        }
    }

    public List<Passage> Done()
    {
        Flush();
        return _passages;
    }

    private void Flush()
    {
        if (_text.Length > 0)
        {
            var section = string.Join(Separator, _headings.Select(heading => heading.Text));
            _passages.Add(new(section, _text.ToString(), _page));
        }
        _text.Clear();
    }

    // By index: cutting off the front would copy the rest of the block once for each piece.
    private static IEnumerable<string> Divide(string block)
    {
        var from = 0;
        while (block.Length - from > Most)
        {
            var last = from + Most - 1;
            var end = block.LastIndexOfAny(Ends, last, Most);
            if (end < from + Enough / 2)
                end = block.LastIndexOf(' ', last, Most);
            if (end < from + Enough / 2)
                end = last;
            end = Utf16.Boundary(block, end + 1);
            if (block[from..end].Trim() is { Length: > 0 } piece)
                yield return piece;
            for (from = end; from < block.Length && char.IsWhiteSpace(block[from]);)
                from++;
        }
        if (from < block.Length)
            yield return from == 0 ? block : block[from..];
    }
}
