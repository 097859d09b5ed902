using System.Buffers.Text;
using System.Text;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// What the stub model says: a pure function of (seed, index, unicode, sentence), so that whoever asked with a known seed can
/// compare an answer byte by byte. Token i contains i in decimal, so that a gap or a double is visible to the eye.
/// </summary>
public static class StubText
{
    private static readonly byte[][] Plain = Utf8(
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jasper", "knoll", "larch",
        "maple", "north", "ocean", "pebble");

    // Two, three and four byte characters, a joined emoji, and what JSON has to escape.
    private static readonly byte[][] Unicode = Utf8(
        "学习", "间隔重复", "naïve", "🚀", "👩‍🚀", "记忆，", "\"quoted\"", "tab\t", "line\n", "Ωmega", "提取练习。", "back\\slash",
        "𝒳", "日本語", "émigré", "plain");

    /// <summary>One token, as text.</summary>
    /// <param name="sentence">Every so many tokens end a sentence; 0: none does.</param>
    public static string Token(long seed, int index, bool unicode, int sentence = 0)
    {
        Span<byte> buffer = stackalloc byte[MaxTokenBytes];
        return Encoding.UTF8.GetString(buffer[..Write(seed, index, unicode, buffer, sentence)]);
    }

    /// <summary>The first <paramref name="count"/> tokens.</summary>
    public static IEnumerable<string> Tokens(long seed, int count, bool unicode, int sentence = 0)
    {
        for (var i = 0; i < count; i++)
        {
            yield return Token(seed, i, unicode, sentence);
        }
    }

    /// <summary>The first <paramref name="count"/> tokens as one text: what a whole answer must equal.</summary>
    public static string Text(long seed, int count, bool unicode, int sentence = 0) => string.Concat(Tokens(seed, count, unicode, sentence));

    /// <summary>Most bytes that <see cref="Write"/> writes.</summary>
    public const int MaxTokenBytes = 48;

    /// <summary>Writes one token as UTF-8 without allocating; the number of bytes written.</summary>
    public static int Write(long seed, int index, bool unicode, Span<byte> destination, int sentence = 0)
    {
        var words = unicode ? Unicode : Plain;
        var word = words[(int)(Mix(seed, index) % (ulong)words.Length)];
        word.CopyTo(destination);
        var length = word.Length;
        Utf8Formatter.TryFormat(index, destination[length..], out var digits);
        length += digits;
        if (sentence > 0 && (index + 1) % sentence == 0)
        {
            var mark = unicode ? "。"u8 : "."u8;
            mark.CopyTo(destination[length..]);
            length += mark.Length;
        }
        destination[length++] = (byte)' ';
        return length;
    }

    // SplitMix64's finaliser: neighbours in seed or index get unrelated words.
    private static ulong Mix(long seed, int index)
    {
        var z = unchecked(((ulong)seed * 0x9E3779B97F4A7C15UL) + (ulong)index + 1);
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EBUL);
        return z ^ (z >> 31);
    }

    private static byte[][] Utf8(params string[] words) => [.. words.Select(Encoding.UTF8.GetBytes)];
}
