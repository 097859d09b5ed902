using System.Text;
using ICU4N.Text;

namespace Lyceum.Text;

/// <summary>Whether two short answers are the same, but for how they are typed.</summary>
public static class ShortAnswer
{
    private const string Around = " \"'()[]{}«»“”‘’《》〈〉「」『』【】¿¡";
    private const string Ends = ".,;:!?。、…";

    /// <summary>
    /// Not compared: upper and lower case, wide and narrow forms, spaces between and around words (all spaces in scripts without
    /// them), punctuation at the ends, and accents on Latin letters, which not every keyboard has.
    /// </summary>
    public static bool Same(string first, string second) => Form(first) is { Length: > 0 } form && form == Form(second);

    private static string Form(string text)
    {
        var form = new StringBuilder();
        var (afterLatin, gap) = (false, false);
        foreach (var rune in Normalizer2.NFDInstance.Normalize(FoldedText.Of(StorableText.Of(text))).EnumerateRunes())
        {
            if (afterLatin && rune.Value is >= 0x300 and <= 0x36F)
                continue;
            afterLatin = rune.IsAscii && Rune.IsLetter(rune);
            if (Rune.IsWhiteSpace(rune))
            {
                gap = form.Length > 0;
                continue;
            }
            if (gap && !Terms.IsUnspaced(rune) && !EndsUnspaced(form))
                form.Append(' ');
            gap = false;
            form.Append(rune.ToString());
        }
        var (start, end) = (0, form.Length);
        while (start < end && Around.Contains(form[start]))
            start++;
        while (end > start && IsEnd(form, end - 1))
            end--;
        // What is nothing but signs, such as an operator, is compared as it is.
        return start < end ? form.ToString(start, end - start) : form.ToString();
    }

    private static bool IsEnd(StringBuilder form, int at) =>
        Around.Contains(form[at]) || (Ends.Contains(form[at]) && !(form[at] == '!' && at > 0 && char.IsDigit(form[at - 1]))); // 5!

    private static bool EndsUnspaced(StringBuilder form) => form.Length > 0 && Terms.IsUnspaced(
        char.IsLowSurrogate(form[^1]) && form.Length > 1 ? new Rune(form[^2], form[^1]) : new Rune(form[^1]));
}
