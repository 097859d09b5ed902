using System.Globalization;
using System.Text;
using Lyceum.Text;

namespace Lyceum.GpuEngine.Primer;

/// <summary>
/// Primer's tokeniser, which counts usage and cuts the stream. A token is a run of letters and digits, one Han or kana
/// character, or a run of anything else, each with the white space before it. Concatenated, tokens are the text again.
/// </summary>
internal static class PrimerTokens
{
    private enum Kind
    {
        Space,
        Word,
        Ideograph,
        Other,
    }

    public static int Count(string text) => Split(text).Count();

    public static IEnumerable<string> Split(string text)
    {
        var start = 0;
        var current = Kind.Space;
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var width);
            var kind = KindOf(rune);
            var continues = current is Kind.Space || (kind == current && kind is not Kind.Ideograph);
            if (!continues)
            {
                yield return text[start..i];
                start = i;
            }
            current = kind;
            i += width;
        }
        if (start < text.Length)
            yield return text[start..];
    }

    private static Kind KindOf(Rune rune)
    {
        if (Rune.IsWhiteSpace(rune))
            return Kind.Space;
        if (Terms.IsIdeograph(rune))
            return Kind.Ideograph;
        // Marks belong to the letter before them.
        return Rune.IsLetterOrDigit(rune) || rune.Value is '\'' or '’' ||
            Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            ? Kind.Word
            : Kind.Other;
    }
}
