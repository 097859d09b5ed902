using System.Collections.Frozen;
using System.Reflection;
using System.Text.Json;
using Lyceum.Jobs;

namespace Lyceum.RoadmapWorker.Planning;

/// <summary>One subject of the built-in catalogue; texts are pairs, English and Chinese.</summary>
/// <param name="Keywords">Words of a query that speak for it, lower case, with their weight; a weight of 2 says enough.</param>
public sealed record CatalogueSubject(
    string Id, IReadOnlyDictionary<string, int> Keywords, string[] Title, string[] Goal, IReadOnlyList<CatalogueModule> Modules);

public sealed record CatalogueModule(string Id, string[] Title, IReadOnlyList<CatalogueConcept> Concepts);

/// <param name="Level">1: for beginners; 2: builds on that; 3: advanced.</param>
/// <param name="Needs">Ids of concepts of the same subject, all of which stand before this one.</param>
/// <param name="Practice">What to do with one's own hands.</param>
/// <param name="Picture">What to draw: "Draw …".</param>
public sealed record CatalogueConcept(
    string Id, int Level, double Hours, string[] Needs, string[] Title, string[] Summary, string[] Practice, string[] Picture,
    IReadOnlyList<CatalogueResource> Resources, IReadOnlyList<CatalogueQuestion> Quiz);

public sealed record CatalogueResource(string[] Title, string Kind, string[] Url);

/// <param name="Options">The first is right.</param>
public sealed record CatalogueQuestion(string[] Q, string[][] Options, string[] Why);

/// <summary>The subjects that can be planned without a model. Written by hand and checked by tests; embedded in the assembly.</summary>
public static class Catalogue
{
    /// <summary>What a query's words must weigh together to mean a subject.</summary>
    private const int Enough = 2;

    public static readonly IReadOnlyList<CatalogueSubject> Subjects = Load();

    private static readonly FrozenDictionary<string, CatalogueSubject> ById = Subjects.ToFrozenDictionary(subject => subject.Id, StringComparer.Ordinal);

    public static CatalogueSubject? Find(string? id) => id is null ? null : ById.GetValueOrDefault(id);

    /// <summary>The subject a query is about; null where none fits or two fit as well.</summary>
    public static CatalogueSubject? Match(string query)
    {
        var ranked = Subjects.Select(subject => (subject, weight: Weight(subject, query.ToLowerInvariant())))
            .OrderByDescending(found => found.weight).Take(2).ToList();
        return ranked[0].weight >= Enough && ranked[0].weight > ranked[1].weight ? ranked[0].subject : null;
    }

    private static int Weight(CatalogueSubject subject, string query) =>
        subject.Keywords.Where(word => Contains(query, word.Key)).Sum(word => word.Value);

    /// <summary>Latin words count as whole words; Chinese is written without spaces.</summary>
    private static bool Contains(string query, string word)
    {
        for (var at = query.IndexOf(word, StringComparison.Ordinal); at >= 0; at = query.IndexOf(word, at + 1, StringComparison.Ordinal))
        {
            if (!char.IsAscii(word[0]) || (!IsWord(query, at - 1) && !IsWord(query, at + word.Length)))
                return true;
        }
        return false;
    }

    private static bool IsWord(string text, int at) => at >= 0 && at < text.Length && char.IsAsciiLetterOrDigit(text[at]);

    private static List<CatalogueSubject> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        return [.. assembly.GetManifestResourceNames().Where(name => name.EndsWith(".json", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                return JsonSerializer.Deserialize<CatalogueSubject>(stream, JobJson.Options)!;
            })];
    }
}
