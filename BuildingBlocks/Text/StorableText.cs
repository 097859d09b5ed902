using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Lyceum.Text;

/// <summary>
/// Text that Postgres can store. It rejects U+0000, and half of a surrogate pair has no UTF-8: one such character, from
/// a model or from an exception's message, would fail every commit of the batch that it is in.
/// </summary>
public static class StorableText
{
    private const char Replacement = '\uFFFD';

    /// <summary>The text with what cannot be stored replaced by U+FFFD; the same string where there is nothing to replace.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text)
    {
        if (text is null || IsStorable(text))
            return text;
        var storable = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // half a pair is enumerated as U+FFFD
            storable.Append(rune.Value == 0 ? Replacement.ToString() : rune.ToString());
        return storable.ToString();
    }

    /// <summary>As <see cref="Of"/>, with at most <paramref name="length"/> UTF-16 units, never half of a pair.</summary>
    public static string Truncate(string text, int length) =>
        Of(Utf16.Truncate(text, length));

    private static bool IsStorable(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0' || char.IsLowSurrogate(text[i]))
                return false;
            if (char.IsHighSurrogate(text[i]) && (++i == text.Length || !char.IsLowSurrogate(text[i])))
                return false;
        }
        return true;
    }
}
