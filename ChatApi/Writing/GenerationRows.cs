using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// What is written of a running generation beside its text: which engine makes it, and its end. Under the same fence as the
/// journal, on a connection of its own each time.
/// </summary>
public sealed class GenerationRows(NpgsqlDataSource source)
{
    private const string Move =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE)
        UPDATE generations SET engine_url = $4
        WHERE id = $2 AND owner = (SELECT id FROM me) AND epoch = $3 AND ended_at IS NULL
        """;

    // At its place only, so that an attempt whose result was lost is not there twice.
    private const string Think =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE)
        UPDATE messages m SET thinking = COALESCE(m.thinking, '') || $5
        FROM generations g
        WHERE m.id = $2 AND g.id = m.id AND g.owner = (SELECT id FROM me) AND g.epoch = $3 AND g.ended_at IS NULL
          AND octet_length(COALESCE(m.thinking, '')) = $4
        """;

    // Before the text is shown that nobody judged.
    private const string Unjudged =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE)
        UPDATE messages m SET moderation = $4
        FROM generations g
        WHERE m.id = $2 AND g.id = m.id AND g.owner = (SELECT id FROM me) AND g.epoch = $3 AND g.ended_at IS NULL
        """;

    // The end: one statement compacts the chunks into the message, sets the terminal status, closes the generation.
    private const string Close =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        closed AS (
            UPDATE generations SET ended_at = clock_timestamp()
            WHERE id = $2 AND owner = (SELECT id FROM me) AND epoch = $3 AND ended_at IS NULL
            RETURNING id),
        chunks AS (
            DELETE FROM generation_chunks c USING closed WHERE c.generation_id = closed.id
            RETURNING c.byte_offset, c.body),
        verdict AS (
            INSERT INTO moderation_verdicts (id, tenant, person, conversation_id, message_id, created_at, side, by, category, quote)
            SELECT $10, v.tenant, v.owner, v.id, a.id, clock_timestamp(), 'answer', $11, $12, $13
            FROM closed JOIN messages a ON a.id = closed.id JOIN conversations v ON v.id = a.conversation_id
            WHERE $11 IS NOT NULL)
        UPDATE messages m SET
            content = COALESCE((SELECT string_agg(body, '' ORDER BY byte_offset) FROM chunks), ''),
            status = $4, finish_reason = $5, usage = COALESCE($6, m.usage), error = $7,
            sources = COALESCE($8, m.sources), moderation = COALESCE($9, m.moderation), terms = $14::tsvector,
            completed_at = clock_timestamp()
        FROM closed WHERE m.id = closed.id
        RETURNING octet_length(m.content)
        """;

    // Where the database refuses the message with its text: the text stays in its chunks, for who repairs it.
    private const string CloseWithoutText =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        closed AS (
            UPDATE generations SET ended_at = clock_timestamp()
            WHERE id = $2 AND owner = (SELECT id FROM me) AND epoch = $3 AND ended_at IS NULL
            RETURNING id)
        UPDATE messages m SET status = $4, finish_reason = $5, error = $6, completed_at = clock_timestamp()
        FROM closed WHERE m.id = closed.id
        RETURNING octet_length(m.content)
        """;

    private const int MaxReason = 256;

    /// <summary>
    /// Records that another engine makes the answer from now on; false if this owner and epoch do not hold it (any more).
    /// </summary>
    public async Task<bool> MoveAsync(Guid id, Guid owner, int epoch, Uri engine, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Move);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = epoch });
        command.Parameters.Add(new() { Value = engine.ToString() });
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>
    /// Keeps the model's next reasoning; false if this owner and epoch do not hold the answer (any more), or it is there.
    /// </summary>
    /// <param name="before">UTF-8 bytes of it that are kept already.</param>
    public async Task<bool> ThinkAsync(
        Guid id, Guid owner, int epoch, int before, string thought, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var command = new NpgsqlCommand(Think, connection);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = epoch });
        command.Parameters.Add(new() { Value = before });
        command.Parameters.Add(new() { Value = thought });
        var isStored = await command.ExecuteNonQueryAsync(cancellationToken) == 1;
        await watch.ConfirmAsync(cancellationToken);
        return isStored;
    }

    /// <summary>
    /// Records that a part of the answer is shown without having been judged, before it is. False if this owner and epoch do
    /// not hold the answer (any more).
    /// </summary>
    public async Task<bool> MarkUnjudgedAsync(Guid id, Guid owner, int epoch, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var command = new NpgsqlCommand(Unjudged, connection);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = epoch });
        command.Parameters.Add(new() { Value = ModerationStatus.Unavailable });
        var isMarked = await command.ExecuteNonQueryAsync(cancellationToken) == 1;
        await watch.ConfirmAsync(cancellationToken);
        return isMarked;
    }

    /// <summary>Whether the answer has ended or was deleted.</summary>
    public async Task<bool> IsOverAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("SELECT 1 FROM generations WHERE id = $1 AND ended_at IS NULL");
        command.Parameters.Add(new() { Value = id });
        return await command.ExecuteScalarAsync(cancellationToken) is null;
    }

    /// <summary>
    /// Ends the answer. Everything it wrote must be committed before. Safe to repeat after a failure whose outcome is in
    /// doubt: the second time it finds the generation closed.
    /// </summary>
    /// <returns>UTF-8 bytes stored; null if this owner and epoch do not hold a running generation (any more).</returns>
    public Task<int?> CloseAsync(Guid id, Guid owner, int epoch, AnswerEnd end, CancellationToken cancellationToken) =>
        CloseAsync(id, owner, epoch, end, null, cancellationToken);

    /// <param name="terms">What the text is found by (<c>PersonTerms.Vector</c>); null: a sweep finds it out.</param>
    /// <inheritdoc cref="CloseAsync(Guid, Guid, int, AnswerEnd, CancellationToken)"/>
    public async Task<int?> CloseAsync(
        Guid id, Guid owner, int epoch, AnswerEnd end, string? terms, CancellationToken cancellationToken)
    {
        await using var command = Ending(Close, id, owner, epoch, end);
        AddJson(command, end.Usage);
        AddJson(command, end.Error);
        AddJson(command, end.Sources);
        AddText(command, end.Moderation);
        command.Parameters.Add(new() { Value = Guid.CreateVersion7() });
        AddText(command, end.Verdict is { } verdict ? AnswerJson.NameOf(verdict.By) : null);
        AddText(command, end.Verdict?.Category);
        AddText(command, end.Verdict?.Quote);
        command.Parameters.Add(new() { Value = (object?)terms ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        return await EndAsync(command, cancellationToken);
    }

    /// <summary>
    /// As <see cref="CloseAsync(Guid, Guid, int, AnswerEnd, CancellationToken)"/>, for a message that the database refuses
    /// with its text: that is left in <c>generation_chunks</c>.
    /// </summary>
    public async Task<int?> CloseWithoutTextAsync(
        Guid id, Guid owner, int epoch, AnswerEnd end, CancellationToken cancellationToken)
    {
        await using var command = Ending(CloseWithoutText, id, owner, epoch, end);
        AddJson(command, end.Error);
        return await EndAsync(command, cancellationToken);
    }

    private async Task<int?> EndAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        using var watch = new CommitWatch(connection);
        var stored = await command.ExecuteScalarAsync(cancellationToken) as int?;
        // Closed before, perhaps by an attempt whose commit is in doubt: readers are sent to the database next.
        if (stored is null)
            await connection.ConfirmReplicationAsync(cancellationToken);
        await watch.ConfirmAsync(cancellationToken);
        return stored;
    }

    private static NpgsqlCommand Ending(string sql, Guid id, Guid owner, int epoch, AnswerEnd end)
    {
        var command = new NpgsqlCommand(sql);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = epoch });
        command.Parameters.Add(new() { Value = end.Status });
        command.Parameters.Add(new() { Value = StorableText.Truncate(end.FinishReason, MaxReason) });
        return command;
    }

    private static void AddText(NpgsqlCommand command, string? text) => command.Parameters.Add(new()
    {
        Value = (object?)StorableText.Of(text) ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text,
    });

    private static void AddJson<T>(NpgsqlCommand command, T? value) where T : class => command.Parameters.Add(new()
    {
        Value = (object?)StorableText.OfJson(AnswerJson.Write(value)) ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Jsonb,
    });
}
