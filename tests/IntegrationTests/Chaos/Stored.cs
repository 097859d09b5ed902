using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>An answer as the database has it.</summary>
/// <param name="Engine">The engine instance that was asked.</param>
/// <param name="Epoch">1 and one more for each takeover.</param>
public sealed record Stored(Guid Id, string Status, string? FinishReason, string Content, Uri Engine, int Epoch)
{
    /// <summary>Every answer that was asked for since <paramref name="since"/>.</summary>
    public static async Task<Dictionary<Guid, Stored>> ReadAllAsync(
        SharedSystem system, DateTime since, CancellationToken cancellationToken)
    {
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var command = new NpgsqlCommand(
            """
            SELECT m.id, m.status, m.finish_reason, m.content, g.engine_url, g.epoch
            FROM messages m JOIN generations g ON g.id = m.id WHERE m.created_at >= $1
            """, connection);
        command.Parameters.Add(new() { Value = since });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new Dictionary<Guid, Stored>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add(reader.GetGuid(0), new(reader.GetGuid(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.GetString(3), new Uri(reader.GetString(4)), reader.GetInt32(5)));
        }
        return all;
    }

    /// <summary>Answers without an end, and chunks that no running answer needs.</summary>
    public static async Task<(long Running, long Leftovers)> CountUnfinishedAsync(SharedSystem system, CancellationToken cancellationToken)
    {
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var command = new NpgsqlCommand(
            """
            SELECT (SELECT count(*) FROM messages m FULL JOIN generations g ON g.id = m.id
                    WHERE m.status = 'streaming' OR (g.id IS NOT NULL AND g.ended_at IS NULL)),
                   (SELECT count(*) FROM generation_chunks c
                    WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = c.generation_id AND g.ended_at IS NULL))
            """, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetInt64(0), reader.GetInt64(1));
    }
}
