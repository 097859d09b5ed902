using System.Globalization;
using System.Text;
using ICU4N.Text;

namespace Lyceum.Text;

/// <summary>
/// Text as it is compared: Unicode's NFKC_Casefold, which makes one of composed and decomposed, wide and narrow, upper
/// and lower case, ligatures and their letters, and removes what is not seen. .NET's own normalization does nothing
/// here, where globalization is invariant (docs/adr/0036).
/// </summary>
internal static class FoldedText
{
    /// <summary>
    /// Marks on one letter, as Unicode's stream-safe format has it. To order many takes the square of their number.
    /// </summary>
    private const int MaxMarks = 30;

    public static string Of(string text)
    {
        if (Ascii.IsValid(text))
            return text.ToLowerInvariant();
        var folded = Normalizer2.NFKCCaseFoldInstance.Normalize(WithBoundedMarks(text));
        // Apostrophes, however they are typed; and the Turkish i, with and without its dot.
        return folded.Replace('\u2018', '\'').Replace('\u2019', '\'').Replace('\u02BC', '\'')
            .Replace("i\u0307", "i", StringComparison.Ordinal).Replace('\u0131', 'i');
    }

    public static bool IsMark(UnicodeCategory category) => category is UnicodeCategory.NonSpacingMark
        or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static string WithBoundedMarks(string text)
    {
        StringBuilder? bounded = null;
        var (marks, index) = (0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            marks = IsMark(Rune.GetUnicodeCategory(rune)) ? marks + 1 : 0;
            if (marks > MaxMarks)
                bounded ??= new StringBuilder(text, 0, index, text.Length);
            else
                bounded?.Append(rune.ToString());
            index += rune.Utf16SequenceLength;
        }
        return bounded?.ToString() ?? text;
    }
}
