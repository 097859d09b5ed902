using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Searching;

/// <summary>Where a search found something: in a conversation, or in a live session.</summary>
/// <param name="ConversationId">Null: in a live session.</param>
/// <param name="Title">Of the conversation.</param>
/// <param name="MessageId">Null: it is in the title, or in a live session.</param>
/// <param name="Role"><c>user | assistant</c>; null with <paramref name="MessageId"/>.</param>
/// <param name="Snippet">One line of the text around it.</param>
/// <param name="Ranges">What matches in the snippet, in UTF-16 units.</param>
/// <param name="SessionId">The live session; null: in a conversation.</param>
/// <param name="Turn">Of the session: its question and answer.</param>
public sealed record SearchHit(
    Guid? ConversationId, string? Title, Guid? MessageId, string? Role, string Snippet, IReadOnlyList<TextRange> Ranges,
    DateTimeOffset At, string? SessionId = null, int? Turn = null);

/// <summary>
/// Searches what one person asked and was answered, the newest first: in conversations here, in live sessions at SessionApi. Both
/// order by time, then by a Guid, so that one cursor serves both.
/// </summary>
public sealed class MessageSearch(NpgsqlDataSource source, TranscriptClient transcripts)
{
    // What is here does not wait longer for what is there.
    private static readonly TimeSpan TranscriptsWithin = TimeSpan.FromSeconds(2);

    // The places first, by index alone; then the texts of one page.
    private const string Select =
        """
        SELECT h.conversation_id, h.title, h.message_id, m.role, COALESCE(left(m.content, $7), h.title), h.at, h.place
        FROM (
            (SELECT c.id AS conversation_id, c.title, m.id AS message_id, m.created_at AS at, m.id AS place
             FROM messages m JOIN conversations c ON c.id = m.conversation_id
             WHERE m.terms @@ $1::tsquery AND c.tenant = $2 AND c.owner = $3
               AND ($4::timestamptz IS NULL OR (m.created_at, m.id) < ($4, $5))
             ORDER BY m.created_at DESC, m.id DESC LIMIT $6)
            UNION ALL
            (SELECT c.id, c.title, NULL, c.created_at, c.id FROM conversations c
             WHERE c.title_terms @@ $1::tsquery AND c.tenant = $2 AND c.owner = $3
               AND ($4::timestamptz IS NULL OR (c.created_at, c.id) < ($4, $5))
             ORDER BY c.created_at DESC, c.id DESC LIMIT $6)
            ORDER BY at DESC, place DESC LIMIT $6) h
        LEFT JOIN messages m ON m.id = h.message_id
        ORDER BY h.at DESC, h.place DESC
        """;

    /// <param name="withTranscripts">Whether live sessions are searched too.</param>
    /// <returns>The page; where the next one begins, null after the last; whether live sessions were searched.</returns>
    internal async Task<(List<SearchHit> Hits, PageCursor? Next, bool HasTranscripts)> FindAsync(
        Caller caller, string search, PageCursor? after, int limit, bool withTranscripts, CancellationToken cancellationToken)
    {
        var terms = PersonTerms.Of(search);
        if (terms.Count == 0)
            return ([], null, withTranscripts);
        var turns = withTranscripts ? TurnsAsync(caller, search, after, limit + 1, cancellationToken) : Task.FromResult<List<Found>?>(null);
        var found = await Transient.RetryOnceAsync(_ => MessagesAsync(caller, terms, after, limit + 1, cancellationToken));
        var said = await turns;
        // As the database orders them: Guids byte by byte, which is how their text compares.
        var all = found.Concat(said ?? []).OrderByDescending(hit => hit.Hit.At)
            .ThenByDescending(hit => hit.Place.ToString(), StringComparer.Ordinal).ToList();
        var page = all.Take(limit).ToList();
        return (
            page.ConvertAll(hit => hit.Hit),
            all.Count > limit ? new PageCursor(page[^1].Hit.At, page[^1].Place.ToString()) : null, said is not null);
    }

    private async Task<List<Found>> MessagesAsync(
        Caller caller, IReadOnlySet<string> terms, PageCursor? after, int count, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Select);
        command.Parameters.Add(new() { Value = PersonTerms.Query(caller.Tenant, caller.Person, terms) });
        command.Parameters.Add(new() { Value = caller.Tenant });
        command.Parameters.Add(new() { Value = caller.Person });
        command.Parameters.Add(new() { Value = after?.At ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Parameters.Add(new() { Value = after?.Guid ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = count });
        command.Parameters.Add(new() { Value = PersonTerms.MaxText });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var found = new List<Found>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var excerpt = Excerpt.Of(reader.GetString(4), terms);
            found.Add(new(reader.GetGuid(6), new(
                reader.GetGuid(0), reader.GetString(1), reader.GetValue(2) as Guid?, reader.GetValue(3) as string, excerpt.Text,
                excerpt.Ranges, new DateTimeOffset(reader.GetDateTime(5)))));
        }
        return found;
    }

    /// <returns>Null: SessionApi did not answer; what is here is found all the same.</returns>
    private async Task<List<Found>?> TurnsAsync(
        Caller caller, string search, PageCursor? after, int count, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(TranscriptsWithin);
        try
        {
            var turns = await transcripts.SearchAsync(
                caller.Tenant, caller.Person, new(search, after?.At, after?.Guid, count), bound.Token);
            return [.. turns.Select(turn => new Found(turn.Place, new(
                null, null, null, null, turn.Excerpt.Text, turn.Excerpt.Ranges, turn.At, turn.SessionId, turn.Turn)))];
        }
        catch (Exception e) when (
            !cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <param name="Place">Orders those of the same time.</param>
    private sealed record Found(Guid Place, SearchHit Hit);
}
