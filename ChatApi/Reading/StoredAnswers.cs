using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Text;
using Lyceum.Text.Moderation;
using Npgsql;

namespace Lyceum.ChatApi.Reading;

/// <summary>What the database holds of an answer from a cursor on.</summary>
/// <param name="Text">Committed UTF-8 bytes from the cursor on, whole characters, <see cref="StoredAnswers.MaxText"/> at most.</param>
/// <param name="Length">Committed UTF-8 bytes in all.</param>
/// <param name="End">Null while it is being written.</param>
/// <param name="Thought">UTF-8 bytes of the model's reasoning.</param>
/// <param name="Help">What the school says at signs of self-harm in the question; null: there were none.</param>
public sealed record StoredAnswer(Guid ConversationId, ReadOnlyMemory<byte> Text, int Length, AnswerEnd? End, int Thought = 0,
    SafetyHelp? Help = null);

/// <summary>Answers as the database knows them: ended ones, and those that another replica is writing.</summary>
public sealed class StoredAnswers(NpgsqlDataSource source)
{
    /// <summary>Most bytes of text that one read returns.</summary>
    public const int MaxText = 16 * 1024;

    // One statement, one snapshot: either the chunks or the compacted message, never the gap between the two. Of chunks
    // only those are touched that hold what is asked for: a reader on another replica reads after every commit.
    private const string Select =
        """
        SELECT m.status, m.finish_reason, m.usage::text, m.error::text, t.bytes, t.length, c.id, m.grounding,
               CASE WHEN m.status <> 'streaming' THEN m.sources::text END, COALESCE(octet_length(m.thinking), 0), m.moderation, m.help::text
        FROM messages m
        JOIN conversations c ON c.id = m.conversation_id
        CROSS JOIN LATERAL (
            SELECT substring(convert_to(m.content, 'UTF8') FROM $2 + 1 FOR $5) AS bytes, octet_length(m.content) AS length
            WHERE m.status <> 'streaming'
            UNION ALL
            SELECT COALESCE(substring(convert_to(string_agg(g.body, '' ORDER BY g.byte_offset), 'UTF8')
                       FROM $2 - min(g.byte_offset) + 1 FOR $5), ''),
                   COALESCE((SELECT k.byte_offset + octet_length(k.body) FROM generation_chunks k
                             WHERE k.generation_id = m.id ORDER BY k.byte_offset DESC LIMIT 1), 0)
            FROM generation_chunks g
            WHERE g.generation_id = m.id AND g.byte_offset < $2::bigint + $5 AND g.byte_offset >= (
                SELECT k.byte_offset FROM generation_chunks k
                WHERE k.generation_id = m.id AND k.byte_offset <= $2 ORDER BY k.byte_offset DESC LIMIT 1)
            HAVING m.status = 'streaming') t
        WHERE m.id = $1 AND m.role = 'assistant' AND c.tenant = $3 AND c.owner = $4
        """;

    private static readonly string SelectBeginning =
        $"""
         SELECT {Branches.Parent("m")}, m.mode, m.grounding, m.sources::text
         FROM messages m JOIN conversations c ON c.id = m.conversation_id
         WHERE m.id = $1 AND m.role = 'assistant' AND c.tenant = $2 AND c.owner = $3
         """;

    /// <summary>What is known of an answer before its first word; null if the caller has no such answer.</summary>
    public Task<AnswerBeginning?> ReadBeginningAsync(Caller caller, Guid messageId, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync<AnswerBeginning?>(async _ =>
        {
            await using var command = source.CreateCommand(SelectBeginning);
            foreach (var value in (object[])[messageId, caller.Tenant, caller.Person])
                command.Parameters.Add(new() { Value = value });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken)
                ? new(reader.GetValue(0) as Guid?, reader.GetValue(1) as string, reader.GetValue(2) as string,
                    AnswerJson.Parse<List<AnswerSource>>(reader.GetValue(3) as string))
                : null;
        });

    /// <summary>The answer from byte <paramref name="cursor"/> on; null if the caller has no such answer.</summary>
    public Task<StoredAnswer?> ReadAsync(Caller caller, Guid messageId, int cursor, CancellationToken cancellationToken) =>
        ReadAsync(caller.Tenant, caller.Person, messageId, cursor, cancellationToken);

    /// <inheritdoc cref="ReadAsync(Caller, Guid, int, CancellationToken)"/>
    public Task<StoredAnswer?> ReadAsync(
        string tenant, string owner, Guid messageId, int cursor, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync<StoredAnswer?>(async _ =>
        {
            await using var command = source.CreateCommand(Select);
            command.Parameters.Add(new() { Value = messageId });
            command.Parameters.Add(new() { Value = Math.Min(cursor, int.MaxValue - 1) }); // the statement adds one
            command.Parameters.Add(new() { Value = tenant });
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = MaxText + 1 }); // one more, to see whether a character ends there
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
                return null;
            var status = reader.GetString(0);
            var end = status == AnswerStatus.Streaming ? null : new AnswerEnd(
                status, reader.GetString(1), AnswerJson.Parse<Usage>(reader.GetValue(2) as string),
                AnswerJson.Parse<AnswerError>(reader.GetValue(3) as string), reader.GetValue(7) as string,
                AnswerJson.Parse<List<AnswerSource>>(reader.GetValue(8) as string))
            {
                Moderation = reader.GetValue(10) as string,
            };
            var text = Utf8Text.Slice((byte[])reader.GetValue(4), 0, MaxText);
            return new(reader.GetGuid(6), text, reader.GetInt32(5), end, reader.GetInt32(9),
                AnswerJson.Parse<SafetyHelp>(reader.GetValue(11) as string));
        });
}
