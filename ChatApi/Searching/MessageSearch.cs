using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Searching;

/// <summary>Where a search found something.</summary>
/// <param name="Title">Of the conversation.</param>
/// <param name="MessageId">Null: it is in the title.</param>
/// <param name="Role"><c>user | assistant</c>; null with <paramref name="MessageId"/>.</param>
/// <param name="Snippet">One line of the text around it.</param>
/// <param name="Ranges">What matches in the snippet, in UTF-16 units.</param>
public sealed record SearchHit(
    Guid ConversationId, string Title, Guid? MessageId, string? Role, string Snippet, IReadOnlyList<TextRange> Ranges, DateTimeOffset At);

/// <summary>Searches what one person asked and was answered, the newest first.</summary>
public sealed class MessageSearch(NpgsqlDataSource source)
{
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

    /// <param name="terms"><see cref="SearchTerms.Of"/>; not empty.</param>
    /// <returns>The page, and where the next one begins; null after the last.</returns>
    internal Task<(List<SearchHit> Hits, PageCursor? Next)> FindAsync(
        Caller caller, IReadOnlySet<string> terms, PageCursor? after, int limit, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync<(List<SearchHit>, PageCursor?)>(async _ =>
        {
            await using var command = source.CreateCommand(Select);
            command.Parameters.Add(new() { Value = SearchTerms.Query(caller.Tenant, caller.Person, terms) });
            command.Parameters.Add(new() { Value = caller.Tenant });
            command.Parameters.Add(new() { Value = caller.Person });
            command.Parameters.Add(new() { Value = after?.At ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new() { Value = after?.Guid ?? (object)DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
            command.Parameters.Add(new() { Value = limit + 1 });
            command.Parameters.Add(new() { Value = SearchTerms.MaxText });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var (hits, places) = (new List<SearchHit>(), new List<PageCursor>());
            while (await reader.ReadAsync(cancellationToken))
            {
                var excerpt = Excerpt.Of(reader.GetString(4), terms);
                var at = new DateTimeOffset(reader.GetDateTime(5));
                hits.Add(new(
                    reader.GetGuid(0), reader.GetString(1), reader.GetValue(2) as Guid?, reader.GetValue(3) as string, excerpt.Text,
                    excerpt.Ranges, at));
                places.Add(new(at, reader.GetGuid(6).ToString()));
            }
            return hits.Count > limit ? (hits[..limit], places[limit - 1]) : (hits, null);
        });
}
