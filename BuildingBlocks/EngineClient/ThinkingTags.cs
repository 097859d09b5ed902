namespace Lyceum.EngineClient;

/// <summary>Where a stream has a model's reasoning, which is never part of its answer.</summary>
public enum ThinkingIn
{
    /// <summary>In fields of its own: <c>reasoning_content</c>, <c>reasoning</c>, parts of the type <c>thinking</c>.</summary>
    Fields,

    /// <summary>There, or in the answer's text between tags, as <c>&lt;think&gt;</c>, at its beginning.</summary>
    Tags,

    /// <summary>
    /// Likewise, but the opening tag is missing: the model's chat template has it, so that every answer begins amid
    /// reasoning.
    /// </summary>
    OpenTag,
}

/// <summary>
/// Takes reasoning between tags out of an answer's text, which comes in pieces that may cut a tag anywhere. Only what
/// an answer begins with is reasoning, in one block or more: a tag later on is what the answer speaks of. White space
/// around a block goes too.
/// </summary>
internal sealed class ThinkingTags(bool isOpen)
{
    // White space before an answer is held back until it is known what follows it; this much of it is an answer.
    private const int MaxHeld = 1024;

    // So that what a model repeats for ever is read in linear time.
    private const int MaxBlocks = 16;

    private static readonly (string Open, string Close)[] Pairs =
    [
        ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"),
        ("<seed:think>", "</seed:think>"), ("[THINK]", "[/THINK]"),
    ];

    private Place _place;
    private int _blocks;
    private bool _isBehind;   // a closing tag
    private bool _hasThought; // since the opening tag
    private string _close = Pairs[0].Close;
    private string _held = ""; // may be the beginning of a tag, or white space before one

    private enum Place
    {
        Beginning,
        Thinking,
        Answer,
    }

    /// <summary>All that follows is text.</summary>
    public bool IsPast => _place is Place.Answer;

    /// <returns>What of it is known to be text, and to be reasoning; either may be empty.</returns>
    public (string Text, string Thinking) Read(string piece)
    {
        var rest = _held + piece;
        var thinking = "";
        _held = "";
        while (_place is not Place.Answer && rest.Length > 0)
        {
            if (_place is Place.Thinking)
                thinking += Think(ref rest);
            else
                Begin(ref rest);
        }
        return (rest, thinking);
    }

    /// <summary>Nothing follows: what was held back.</summary>
    public (string Text, string Thinking) End()
    {
        var (held, isThinking) = (_held, _place is Place.Thinking);
        (_held, _place) = ("", Place.Answer);
        return isThinking ? ("", held) : (held, "");
    }

    private void Begin(ref string rest)
    {
        if (_isBehind && (rest = rest.TrimStart()).Length == 0)
            return;
        var begin = rest.AsSpan().TrimStart();
        foreach (var (open, close) in Pairs)
        {
            if (begin.StartsWith(open, StringComparison.OrdinalIgnoreCase) && _blocks++ < MaxBlocks)
            {
                (_place, _close, rest) = (Place.Thinking, close, begin[open.Length..].ToString());
                return;
            }
            if (open.AsSpan().StartsWith(begin, StringComparison.OrdinalIgnoreCase) && rest.Length < MaxHeld)
            {
                (_held, rest) = (rest, ""); // also where there is nothing but white space
                return;
            }
        }
        _place = isOpen && !_isBehind ? Place.Thinking : Place.Answer;
    }

    private string Think(ref string rest)
    {
        if (!_hasThought)
        {
            rest = rest.TrimStart();
            _hasThought = rest.Length > 0;
        }
        var end = rest.IndexOf(_close, StringComparison.OrdinalIgnoreCase);
        if (end >= 0)
        {
            var thought = rest[..end];
            (_place, _isBehind, _hasThought) = (Place.Beginning, true, false);
            rest = rest[(end + _close.Length)..];
            return thought;
        }
        var held = Math.Min(rest.Length, _close.Length - 1);
        while (!_close.AsSpan().StartsWith(rest.AsSpan(rest.Length - held), StringComparison.OrdinalIgnoreCase))
            held--;
        (_held, var thinking) = (rest[^held..], rest[..^held]);
        rest = "";
        return thinking;
    }
}
