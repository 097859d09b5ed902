using System.Text;
using Lyceum.Text;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Texts and questions as PostgreSQL's <c>tsvector</c> and <c>tsquery</c>, written out: the terms are ours (stems, and pairs of
/// Chinese characters), so that dictionaries and locale of the server do not matter.
/// </summary>
public static class SearchTerms
{
    /// <summary>
    /// Of <see cref="Vector"/>. Raised whenever it, or <see cref="Terms"/>, makes other terms of the same text than
    /// before, or something new is stored with each passage: <see cref="PassageReindex"/> then brings what is stored up to
    /// date. 3: the place of each passage in its document.
    /// </summary>
    public const int Version = 3;

    // PostgreSQL's own bounds: a position above is its highest, and a lexeme keeps no more than 255 of them.
    private const int MaxPosition = 16_383;
    private const int MaxTermLength = 200;

    /// <summary>Most terms of a question that are looked for.</summary>
    private const int MaxQueryTerms = 64;

    /// <summary>Weight A for the headings, B for the document's name, D for the text.</summary>
    public static string Vector(string name, string section, string text)
    {
        var vector = new StringBuilder();
        var position = 0;
        foreach (var (part, weight) in new[] { (section, 'A'), (name, 'B'), (text, 'D') })
        {
            foreach (var term in Terms.Of(part).Where(IsUsable))
            {
                position = Math.Min(position + 1, MaxPosition);
                vector.Append(Quote(term)).Append(':').Append(position).Append(weight).Append(' ');
            }
        }
        return vector.ToString();
    }

    /// <summary>The terms the question is about, each a <c>tsquery</c> of its own; none where there is nothing to look for.</summary>
    public static IReadOnlyList<string> Query(string question) =>
        [.. Terms.OfQuestion(question).Where(IsUsable).Take(MaxQueryTerms).Select(Quote)];

    private static bool IsUsable(string term) => term.Length is > 0 and <= MaxTermLength && !term.Contains('\0');

    internal static string Quote(string term) => $"'{term.Replace(@"\", @"\\").Replace("'", "''")}'";
}
