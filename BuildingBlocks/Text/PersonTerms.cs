using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Lyceum.Text;

/// <summary>
/// Texts and searches as PostgreSQL's <c>tsvector</c> and <c>tsquery</c>, written out. Each term begins with a key of the person
/// whose text it is: so a search reads the index of one person's words, however many others use the same ones, and a common
/// word costs as much as this person has said it. Other persons' rows, should keys meet, are filtered by tenant and person.
/// </summary>
public static class PersonTerms
{
    /// <summary>UTF-16 units of a text that are searched; what comes after them is not.</summary>
    public const int MaxText = 64 * 1024;

    /// <summary>Different terms of a text.</summary>
    private const int MaxTerms = 4000;

    private const int MaxQueryTerms = 32;
    private const int MaxTermLength = 200;
    private const int KeyLength = 6; // of base64url: 36 bits

    /// <summary>What a text of this person is found by.</summary>
    public static string Vector(string tenant, string person, string text)
    {
        var key = Key(tenant, person);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var vector = new StringBuilder();
        foreach (var term in Terms.Of(Utf16.Truncate(text, MaxText)).Where(IsUsable))
        {
            if (seen.Count == MaxTerms)
                break;
            if (seen.Add(term))
                vector.Append(Quote(key + term)).Append(' ');
        }
        return vector.ToString();
    }

    /// <summary>What somebody searches for; none where there is nothing to look for.</summary>
    public static IReadOnlySet<string> Of(string search)
    {
        // What only asks is left out, unless it is all there is.
        var terms = Terms.OfQuestion(search);
        return (terms.Count > 0 ? terms : Terms.Of(search)).Where(IsUsable).Distinct().Take(MaxQueryTerms)
            .ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>All of these terms, in texts of this person.</summary>
    public static string Query(string tenant, string person, IEnumerable<string> terms)
    {
        var key = Key(tenant, person);
        return string.Join(" & ", terms.Select(term => Quote(key + term)));
    }

    private static string Key(string tenant, string person) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($"{tenant}\0{person}")))[..KeyLength];

    private static bool IsUsable(string term) => term.Length is > 0 and <= MaxTermLength && !term.Contains('\0');

    private static string Quote(string term) => $"'{term.Replace(@"\", @"\\").Replace("'", "''")}'";
}
