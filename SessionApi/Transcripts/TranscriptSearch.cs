using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Searches what a person said in live sessions and was answered, the newest first: turns that have ended, in sessions that are not
/// deleted. ChatApi puts what is found among what it finds itself, which is why places are a time and a Guid.
/// </summary>
internal sealed class TranscriptSearch(NpgsqlDataSource source, DatabaseReady ready)
{
    private const string Select =
        """
        SELECT s.id, t.turn, t.asked_at, p.place, left(t.question || E'\n' || COALESCE(t.answer, ''), $7)
        FROM session_turns t JOIN sessions s ON s.number = t.session_number
        CROSS JOIN LATERAL (SELECT md5(t.session_number || ':' || t.turn)::uuid AS place) p
        WHERE t.terms @@ $1::tsquery AND s.tenant = $2 AND s.subject = $3 AND s.status <> 'deleted'
          AND ($4::timestamptz IS NULL OR (t.asked_at, p.place) < ($4, $5))
        ORDER BY t.asked_at DESC, p.place DESC LIMIT $6
        """;

    /// <param name="caller">On whose behalf: only theirs is found.</param>
    /// <param name="query">Validated.</param>
    public async Task<FoundTurns> FindAsync(Caller caller, TranscriptQuery query, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var terms = PersonTerms.Of(query.Query!);
        if (terms.Count == 0)
            return new([]);
        return await Transient.RetryOnceAsync<FoundTurns>(async _ =>
        {
            await using var command = source.CreateCommand(Select);
            command.Parameters.Add(new() { Value = PersonTerms.Query(caller.Tenant, caller.Person, terms) });
            command.Parameters.Add(new() { Value = caller.Tenant });
            command.Parameters.Add(new() { Value = caller.Person });
            command.Parameters.Add(new()
            {
                Value = query.Before?.UtcDateTime ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz,
            });
            command.Parameters.Add(new() { Value = query.BeforePlace ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
            command.Parameters.Add(new() { Value = query.Limit });
            command.Parameters.Add(new() { Value = PersonTerms.MaxText });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var turns = new List<FoundTurn>();
            while (await reader.ReadAsync(cancellationToken))
            {
                // Of a text only its place travels; the ranges are found again in it.
                turns.Add(new(
                    reader.GetString(0), reader.GetInt32(1), new DateTimeOffset(reader.GetDateTime(2)), reader.GetGuid(3),
                    Excerpt.Of(reader.GetString(4), terms)));
            }
            return new(turns);
        });
    }
}

/// <param name="Before">Only what is before this time and, at it, this place; null: from the newest on.</param>
/// <param name="Limit">1 to 100.</param>
internal sealed record TranscriptQuery(string? Query, DateTimeOffset? Before = null, Guid? BeforePlace = null, int Limit = 20);

/// <summary>A question and its answer.</summary>
/// <param name="At">When it was asked.</param>
/// <param name="Place">Orders those of the same time.</param>
/// <param name="Excerpt">Where in it what was searched for is.</param>
internal sealed record FoundTurn(string SessionId, int Turn, DateTimeOffset At, Guid Place, Excerpt Excerpt);

internal sealed record FoundTurns(List<FoundTurn> Turns);
