using Lyceum.Durability.Postgres;
using Npgsql;

namespace Lyceum.ChatApi.Classes;

/// <summary>What is kept of classes here: through which one a question was asked.</summary>
public sealed class ClassRecords(NpgsqlDataSource source, DatabaseReady ready)
{
    private const int Batch = 1000;

    // Whoever writes an answer at this moment keeps its row; it is found the next time.
    private const string OfMessages =
        """
        UPDATE messages SET class_id = NULL WHERE id = ANY (ARRAY(
            SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id
            WHERE m.class_id = $2 AND c.tenant = $1 LIMIT $3 FOR UPDATE OF m SKIP LOCKED))
        """;

    private const string OfConcerns = "UPDATE concerns SET class_id = NULL WHERE tenant = $1 AND class_id = $2";

    private const string Any =
        """
        SELECT EXISTS (
            SELECT FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.class_id = $2 AND c.tenant = $1)
        """;

    /// <returns>Whether nothing is left; false: ask again.</returns>
    public async Task<bool> EraseAsync(string tenant, Guid classId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        int erased;
        do
        {
            await using var messages = Command(OfMessages, tenant, classId);
            messages.Parameters.Add(new() { Value = Batch });
            erased = await messages.ExecuteNonQueryAsync(cancellationToken);
        }
        while (erased == Batch);
        await using var concerns = Command(OfConcerns, tenant, classId);
        await concerns.ExecuteNonQueryAsync(cancellationToken);
        await using var any = Command(Any, tenant, classId);
        return !(bool)(await any.ExecuteScalarAsync(cancellationToken))!;
    }

    private NpgsqlCommand Command(string sql, string tenant, Guid classId)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = classId });
        return command;
    }
}
