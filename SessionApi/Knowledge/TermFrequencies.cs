using System.Collections.Concurrent;
using Npgsql;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Which terms of a question a search looks for in a large knowledge base: the rarest, as far as they are expected to be in
/// <see cref="MostCandidates"/> passages together. The others still count in the ranking. So that a search costs about as much in
/// a knowledge base of a million passages as in one of some thousands, where all terms are looked for.
/// </summary>
/// <remarks>
/// How frequent a term is, PostgreSQL's statistics say (its thousand most frequent, of all tenants' passages); any other is
/// rare. What is known is a minute old at most, and wrong where a knowledge base is unlike the others: a search then ranks
/// other candidates, of which there are never more than <see cref="MostCandidates"/>.
/// </remarks>
internal sealed class TermFrequencies(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Passages that are ranked; each costs some 15 µs.</summary>
    public const int MostCandidates = 3000;

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);
    private const int MostSizes = 10_000; // knowledge bases; then all are counted anew

    private readonly ConcurrentDictionary<Guid, (long At, long Count)> _sizes = new();
    private (long At, Dictionary<string, float> Of)? _frequencies; // replaced as a whole

    /// <param name="terms">Each a <c>tsquery</c>.</param>
    /// <returns>A <c>tsquery</c>.</returns>
    public async Task<string> CandidatesAsync(Guid knowledgeBaseId, IReadOnlyList<string> terms, CancellationToken cancellationToken)
    {
        var size = await SizeAsync(knowledgeBaseId, cancellationToken);
        if (size <= MostCandidates)
            return string.Join(" | ", terms);
        var frequencies = await FrequenciesAsync(cancellationToken);
        var rarest = terms.Select(term => (Term: term, Expected: size * (double)frequencies.GetValueOrDefault(term)))
            .OrderBy(term => term.Expected).ToList();
        var expected = 0.0;
        var some = rarest.TakeWhile(term => (expected += term.Expected) <= MostCandidates).Select(term => term.Term).ToList();
        if (some.Count > 0)
            return string.Join(" | ", some);
        // All are common: what has the two rarest of them, and whatever has one where nothing does.
        return rarest.Count == 1 ? rarest[0].Term : $"{rarest[0].Term} & {rarest[1].Term}";
    }

    private async Task<long> SizeAsync(Guid knowledgeBaseId, CancellationToken cancellationToken)
    {
        if (_sizes.TryGetValue(knowledgeBaseId, out var known) && time.GetElapsedTime(known.At) < Fresh)
            return known.Count;
        await using var command = source.CreateCommand("SELECT count(*) FROM passages WHERE knowledge_base_id = $1");
        command.Parameters.Add(new() { Value = knowledgeBaseId });
        var count = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        if (_sizes.Count >= MostSizes)
            _sizes.Clear();
        _sizes[knowledgeBaseId] = (time.GetTimestamp(), count);
        return count;
    }

    private async Task<Dictionary<string, float>> FrequenciesAsync(CancellationToken cancellationToken)
    {
        if (_frequencies is { } known && time.GetElapsedTime(known.At) < Fresh)
            return known.Of;
        var frequencies = new Dictionary<string, float>();
        await using var command = source.CreateCommand(
            """
            SELECT most_common_elems::text::text[], most_common_elem_freqs FROM pg_stats
            WHERE schemaname = current_schema() AND tablename = 'passages' AND attname = 'terms' AND most_common_elems IS NOT NULL
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (await reader.ReadAsync(cancellationToken))
        {
            var common = await reader.GetFieldValueAsync<string[]>(0, cancellationToken);
            // It has some more values at its end, which are of no term.
            foreach (var (term, frequency) in common.Zip(await reader.GetFieldValueAsync<float[]>(1, cancellationToken)))
                frequencies[SearchTerms.Quote(term)] = frequency;
        }
        _frequencies = (time.GetTimestamp(), frequencies);
        return frequencies;
    }
}
