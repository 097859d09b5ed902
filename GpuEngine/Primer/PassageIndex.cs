using Lyceum.Text;

namespace Lyceum.GpuEngine.Primer;

/// <summary>Finds passages by BM25, terms in titles and headings counting more than once.</summary>
internal sealed class PassageIndex
{
    // The usual constants of BM25.
    private const double K1 = 1.2;
    private const double B = 0.75;
    private const int TitleWeight = 3;
    private const int SectionWeight = 2;

    private readonly IReadOnlyList<Entry> _entries;
    private readonly Dictionary<string, int> _documentsWith = [];
    private readonly double _averageLength;

    public PassageIndex(IEnumerable<Passage> passages)
    {
        _entries = [.. passages.Select(passage => new Entry(passage, Count(passage)))];
        foreach (var term in _entries.SelectMany(entry => entry.Counts.Keys))
            _documentsWith[term] = _documentsWith.GetValueOrDefault(term) + 1;
        _averageLength = _entries.Count == 0 ? 1 : _entries.Average(entry => entry.Length);
    }

    /// <param name="Coverage">How much of the question's meaning, by rarity of its terms, the passage speaks of: 0 to 1.</param>
    public readonly record struct Hit(Passage Passage, double Score, double Coverage);

    /// <summary>Passages that share a term with the question, best first; equals keep their order.</summary>
    public IReadOnlyList<Hit> Rank(IReadOnlyList<string> question)
    {
        var rarity = question.Select((term, i) => (term, Weight: Rarity(term) * Meaning(question, i)))
            .ToDictionary(entry => entry.term, entry => entry.Weight);
        var total = rarity.Values.Sum();
        return [.. _entries
            .Select(entry => new Hit(
                entry.Passage,
                question.Sum(term => rarity[term] * Saturate(entry, term)),
                question.Where(entry.Counts.ContainsKey).Sum(term => rarity[term]) / total))
            .Where(hit => hit.Score > 0)
            .OrderByDescending(hit => hit.Score)];
    }

    /// <summary>
    /// Of overlapping pairs of characters, one that occurs nowhere probably straddles two words if its neighbours do
    /// occur: it is no part of what the question means, and would only lower everything's coverage.
    /// </summary>
    private double Meaning(IReadOnlyList<string> question, int i)
    {
        return _documentsWith.ContainsKey(question[i]) ? 1 : 1 - (IsWord(i - 1, i) ? 0.5 : 0) - (IsWord(i + 1, i) ? 0.5 : 0);

        bool IsWord(int neighbour, int of) =>
            neighbour >= 0 && neighbour < question.Count && _documentsWith.ContainsKey(question[neighbour]) &&
            IsPair(question[of]) && IsPair(question[neighbour]) &&
            question[Math.Min(neighbour, of)][^1] == question[Math.Max(neighbour, of)][0];

        static bool IsPair(string term) => term.Length == 2 && term.EnumerateRunes().All(Terms.IsUnspaced);
    }

    private double Rarity(string term)
    {
        var with = _documentsWith.GetValueOrDefault(term);
        return Math.Log(1 + ((_entries.Count - with + 0.5) / (with + 0.5)));
    }

    private double Saturate(Entry entry, string term)
    {
        var count = entry.Counts.GetValueOrDefault(term);
        return count * (K1 + 1) / (count + (K1 * (1 - B + (B * entry.Length / _averageLength))));
    }

    private static Dictionary<string, int> Count(Passage passage)
    {
        var counts = new Dictionary<string, int>();
        Add(passage.Title, TitleWeight);
        Add(passage.Section, SectionWeight);
        Add(passage.Keywords, 1);
        Add(passage.Text, 1);
        return counts;

        void Add(string? text, int weight)
        {
            foreach (var term in Terms.Of(text ?? ""))
                counts[term] = counts.GetValueOrDefault(term) + weight;
        }
    }

    private sealed record Entry(Passage Passage, Dictionary<string, int> Counts)
    {
        public int Length { get; } = Counts.Values.Sum();
    }
}
