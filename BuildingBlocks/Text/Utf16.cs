namespace Lyceum.Text;

/// <summary>.NET's strings, cut at the borders of characters. Lengths and indexes are UTF-16 units.</summary>
public static class Utf16
{
    /// <summary>At most <paramref name="length"/> units, never half of a surrogate pair.</summary>
    public static string Truncate(string text, int length) =>
        text.Length <= length ? text : text[..Boundary(text, length)];

    /// <summary>
    /// Where a text may be cut: at <paramref name="index"/>, or one before it where that is inside a pair.
    /// </summary>
    public static int Boundary(ReadOnlySpan<char> text, int index) =>
        index > 0 && char.IsHighSurrogate(text[index - 1]) ? index - 1 : index;
}
