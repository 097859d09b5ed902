using System.Globalization;
using System.Text;
using ICU4N.Text;

namespace Lyceum.Text.Moderation;

/// <summary>
/// Text as words are looked for in it: folded (<see cref="FoldedText"/>: full-width, case and invisible characters),
/// without accents, each word between single spaces, and ideographs without anything between them.
/// </summary>
internal static class WordForm
{
    /// <summary>Letters alone, one after the other, that are a word spelled out.</summary>
    private const int SpelledOut = 3;

    public static string Of(string text)
    {
        var folded = FoldedText.Of(text);
        if (!Ascii.IsValid(folded))
            folded = Normalizer2.NFDInstance.Normalize(folded);
        var form = new StringBuilder(" ", folded.Length + 2);
        var before = Kind.Gap;
        foreach (var rune in folded.EnumerateRunes())
        {
            var kind = KindOf(rune);
            if (kind == Kind.Nothing)
                continue;
            // Between ideographs nothing stands, neither spaces nor marks.
            if (kind == Kind.Gap)
            {
                if (before == Kind.Letter)
                    before = Kind.Gap;
                continue;
            }
            if (kind != before && form[^1] != ' ')
                form.Append(' ');
            form.Append(rune.ToString());
            before = kind;
        }
        if (form[^1] != ' ')
            form.Append(' ');
        return form.ToString();
    }

    /// <summary>
    /// Where letters stand alone, as in "b o m b": the form without its spaces, since nobody knows where words end; else null.
    /// </summary>
    public static string? Unspaced(string form)
    {
        var alone = 0;
        for (var i = 0; i + 2 < form.Length && alone < SpelledOut; i++)
        {
            if (form[i] == ' ' && form[i + 2] == ' ' && char.IsAsciiLetter(form[i + 1]))
            {
                alone++;
                i++; // the next begins at the space behind this one
            }
            else
                alone = 0;
        }
        return alone < SpelledOut ? null : form.Replace(" ", "", StringComparison.Ordinal);
    }

    public static bool HasIdeographs(string form) => form.EnumerateRunes().Any(Terms.IsIdeograph);

    private static Kind KindOf(Rune rune)
    {
        if (Terms.IsIdeograph(rune))
            return Kind.Ideograph;
        if (Rune.IsLetterOrDigit(rune))
            return Kind.Letter;
        var category = Rune.GetUnicodeCategory(rune);
        return rune.Value == '\'' || FoldedText.IsMark(category) || category is UnicodeCategory.Format ? Kind.Nothing : Kind.Gap;
    }

    private enum Kind { Nothing, Gap, Letter, Ideograph }
}
