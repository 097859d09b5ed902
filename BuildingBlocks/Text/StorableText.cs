using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace Lyceum.Text;

/// <summary>
/// Text that Postgres can store. It rejects U+0000, and half of a surrogate pair has no UTF-8: one such character, from
/// a model or from an exception's message, would fail the commit that it is in. What comes from outside goes through
/// here where it enters.
/// </summary>
public static partial class StorableText
{
    private const char Replacement = '\uFFFD';

    /// <summary>The text with what cannot be stored replaced by U+FFFD; the same string where there is nothing to replace.</summary>
    /// <param name="forNull">What stands for U+0000: a character that is as long in UTF-8, where offsets are counted.</param>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text, char forNull = Replacement)
    {
        if (text is null || IsStorable(text))
            return text;
        var storable = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // half a pair is enumerated as U+FFFD
            storable.Append(rune.Value == 0 ? forNull.ToString() : rune.ToString());
        return storable.ToString();
    }

    /// <summary>
    /// JSON that a <c>jsonb</c> column takes: escapes of U+0000 and of half a surrogate pair are escapes of U+FFFD.
    /// What is no JSON stays so.
    /// </summary>
    [return: NotNullIfNotNull(nameof(json))]
    public static string? OfJson(string? json)
    {
        if (json is null)
            return null;
        json = Of(json);
        return json.Contains("\\u", StringComparison.Ordinal)
            ? Escape().Replace(json, match => match.Groups["bad"].Success ? "\\ufffd" : match.Value)
            : json;
    }

    // Every escape is taken whole, so that a backslash that is itself escaped begins none.
    [GeneratedRegex(
        @"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?<bad>\\u0000|\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
        RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Escape();

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
