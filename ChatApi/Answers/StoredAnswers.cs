using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Generation;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Data;
using Npgsql;

namespace Lyceum.ChatApi.Answers;

/// <summary>What the database holds of an answer from a cursor on.</summary>
/// <param name="Text">Committed UTF-8 bytes from the cursor on.</param>
/// <param name="Length">Committed UTF-8 bytes in all.</param>
/// <param name="End">Null while it is being written.</param>
public sealed record StoredAnswer(Guid ConversationId, ReadOnlyMemory<byte> Text, int Length, AnswerEnd? End);

/// <summary>Answers as the database knows them: ended ones, and those that another replica is writing.</summary>
public sealed class StoredAnswers(NpgsqlDataSource source)
{
    // One statement, one snapshot: either the chunks or the compacted message, never the gap between the two.
    private const string Select =
        """
        SELECT m.status, m.finish_reason, m.usage::text, m.error::text,
               substring(t.bytes FROM $2 + 1), octet_length(t.bytes), c.id
        FROM messages m
        JOIN conversations c ON c.id = m.conversation_id
        CROSS JOIN LATERAL (SELECT convert_to(
            CASE WHEN m.status = 'streaming' THEN COALESCE((
                SELECT string_agg(g.body, '' ORDER BY g.byte_offset)
                FROM generation_chunks g WHERE g.generation_id = m.id), '')
            ELSE m.content END, 'UTF8') AS bytes) t
        WHERE m.id = $1 AND m.role = 'assistant' AND c.tenant = $3 AND c.owner = $4
        """;

    /// <summary>The answer from byte <paramref name="cursor"/> on; null if the caller has no such answer.</summary>
    public Task<StoredAnswer?> ReadAsync(Caller caller, Guid messageId, int cursor, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync<StoredAnswer?>(async _ =>
        {
            await using var command = source.CreateCommand(Select);
            command.Parameters.Add(new() { Value = messageId });
            command.Parameters.Add(new() { Value = cursor });
            command.Parameters.Add(new() { Value = caller.Tenant });
            command.Parameters.Add(new() { Value = caller.Subject });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            if (!await reader.ReadAsync(cancellationToken))
                return null;
            var status = reader.GetString(0);
            var end = status == AnswerStatus.Streaming ? null : new AnswerEnd(
                status, reader.GetString(1), AnswerJson.Parse<Usage>(reader.GetValue(2) as string),
                AnswerJson.Parse<AnswerError>(reader.GetValue(3) as string));
            return new(reader.GetGuid(6), (byte[])reader.GetValue(4), reader.GetInt32(5), end);
        });
}
