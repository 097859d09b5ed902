using System.Buffers;
using System.Text;

namespace Lyceum.Text.Moderation;

/// <summary>What a gate lets through.</summary>
/// <param name="Text">May be shown; perhaps empty.</param>
/// <param name="Blocked">Nothing after <paramref name="Text"/> may be; null: it goes on.</param>
/// <param name="Unavailable">
/// A model that should have judged a part of it could not; where the policy refuses then, nothing after <paramref name="Text"/>
/// may be shown.
/// </param>
public readonly record struct Passed(string Text, Verdict? Blocked = null, bool Unavailable = false);

/// <summary>
/// Holds an answer's text back until its sentence is complete and judged. What a sentence has too much is judged in
/// windows that overlap, so that no word is cut by them. Used by the task that writes the answer.
/// </summary>
/// <param name="shown">The answer so far, where another wrote its beginning.</param>
public sealed class SentenceGate(Judge judge, string shown = "")
{
    /// <summary>Characters of a sentence that is not complete: more are judged without waiting for its end.</summary>
    public const int MaxHeld = 400;

    /// <summary>Characters that stay back of a sentence that is not complete; no word of a list is longer.</summary>
    private const int Overlap = 80;

    /// <summary>Characters before a sentence that it is judged with.</summary>
    private const int Before = 160;

    /// <summary>Characters that are judged at once.</summary>
    private const int MaxWindow = 2000;

    private const string Closing = "\"'”’)]」』）】》*_`";
    private static readonly SearchValues<char> Ends = SearchValues.Create(".!?\n。！？；…");
    private static readonly SearchValues<char> Pauses = SearchValues.Create(",;:，、； \t");

    private readonly StringBuilder _held = new();
    private string _before = Tail(shown);

    /// <summary>Characters that wait for their sentence's end.</summary>
    public int Held => _held.Length;

    /// <summary>Forgets what waits: it comes again.</summary>
    public void Drop() => _held.Clear();

    /// <summary>Takes the next piece, and lets through what is complete with it.</summary>
    public ValueTask<Passed> AddAsync(string piece, CancellationToken cancellationToken)
    {
        _held.Append(piece);
        // Until an end comes there is nothing to be judged.
        return _held.Length > MaxHeld || piece.AsSpan().ContainsAny(Ends) || (_held.Length > piece.Length && Ends.Contains(_held[^(piece.Length + 1)]))
            ? PassAsync(isWhole: false, cancellationToken)
            : new(new Passed(""));
    }

    /// <summary>The answer is over: the rest.</summary>
    public ValueTask<Passed> FinishAsync(CancellationToken cancellationToken) => PassAsync(isWhole: true, cancellationToken);

    private async ValueTask<Passed> PassAsync(bool isWhole, CancellationToken cancellationToken)
    {
        var (passed, unavailable) = ("", false);
        while (_held.Length > 0)
        {
            var text = _held.ToString();
            var (judged, shown) = Cut(text, isWhole);
            if (shown == 0)
                break;
            var judgement = await judge.JudgeAsync(Side.Answer, _before, text[..judged], cancellationToken);
            if (judgement.Blocked is not null)
                return new(passed, judgement.Blocked, unavailable);
            unavailable |= judgement.Unavailable;
            if (judgement.Unavailable && judge.Policy.WhenUnavailable == WhenUnavailable.Refuse)
                break;
            passed += text[..shown];
            _before = Tail(_before + text[..shown]);
            _held.Remove(0, shown);
        }
        return new(passed, null, unavailable);
    }

    /// <summary>How much is judged now, and how much of that may be shown then; 0: more must come.</summary>
    private static (int Judged, int Shown) Cut(string text, bool isWhole)
    {
        if (isWhole && text.Length <= MaxWindow)
            return (text.Length, text.Length);
        var window = text.AsSpan(0, Utf16.Boundary(text, Math.Min(text.Length, MaxWindow)));
        if (LastEnd(window, isWhole) is > 0 and var end)
            return (end, end);
        if (text.Length <= MaxHeld)
            return (0, 0);
        // Without an end: what is far enough from the window's, up to a pause where there is one.
        var most = window.Length - Overlap;
        var pause = window[..most].LastIndexOfAny(Pauses) + 1;
        return (window.Length, pause > most / 2 ? pause : Utf16.Boundary(window, most));
    }

    /// <summary>Behind the last sentence that is complete; 0: none is.</summary>
    private static int LastEnd(ReadOnlySpan<char> text, bool isWhole)
    {
        for (var i = text.Length; i > 0;)
        {
            i = text[..i].LastIndexOfAny(Ends);
            if (i < 0)
                return 0;
            var end = i + 1;
            while (end < text.Length && (Closing.Contains(text[end]) || char.IsWhiteSpace(text[end])))
                end++;
            // A full stop may be one of a number or a name, until white space follows.
            var isEnd = text[i] is '\n' || text[i] > '\u007F' || (end > i + 1 && char.IsWhiteSpace(text[end - 1])) || (isWhole && end == text.Length);
            if (isEnd)
                return end;
        }
        return 0;
    }

    private static string Tail(string text) =>
        text.Length <= Before ? text : text[(text.Length - Before + (char.IsLowSurrogate(text[^Before]) ? 1 : 0))..];
}
