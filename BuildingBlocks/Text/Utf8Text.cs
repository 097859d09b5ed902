using System.Text;

namespace Lyceum.Text;

/// <summary>UTF-8, cut at the borders of characters. Lengths and offsets are bytes.</summary>
public static class Utf8Text
{
    /// <summary>
    /// At most <paramref name="max"/> bytes from <paramref name="offset"/>, never ending inside a character.
    /// </summary>
    public static ReadOnlyMemory<byte> Slice(ReadOnlyMemory<byte> text, int offset, int max) =>
        text.Length - offset <= max
            ? text[offset..]
            : text[offset..Math.Max(offset, Boundary(text.Span, offset + max))];

    /// <summary>
    /// Where a text may be cut: at <paramref name="offset"/>, or before the character that it is inside of.
    /// </summary>
    public static int Boundary(ReadOnlySpan<byte> text, int offset)
    {
        while (offset > 0 && !IsBoundary(text, offset))
            offset--;
        return offset;
    }

    /// <summary>
    /// Whether a cursor may stand at <paramref name="offset"/>: at a character's first byte or at the end.
    /// </summary>
    public static bool IsBoundary(ReadOnlySpan<byte> text, int offset) =>
        offset == text.Length || ((uint)offset < (uint)text.Length && (text[offset] & 0xC0) != 0x80);

    /// <summary>The first <paramref name="max"/> bytes of the text's UTF-8, to a whole character.</summary>
    public static string Truncate(string text, int max)
    {
        if (Encoding.UTF8.GetByteCount(text) <= max)
            return text;
        var utf8 = Encoding.UTF8.GetBytes(text);
        return Encoding.UTF8.GetString(utf8, 0, Boundary(utf8, max));
    }
}
