using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Generation;

/// <summary>
/// The end of an answer: one statement compacts its chunks into the message, sets the terminal status and closes the
/// generation, under the same fence as the journal. Used by the running generation and by the sweep.
/// </summary>
public sealed class AnswerCloser(NpgsqlDataSource source)
{
    private const string Close =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        closed AS (
            UPDATE generations SET ended_at = clock_timestamp()
            WHERE id = $2 AND owner = (SELECT id FROM me) AND epoch = $3 AND ended_at IS NULL
            RETURNING id),
        chunks AS (
            DELETE FROM generation_chunks c USING closed WHERE c.generation_id = closed.id
            RETURNING c.byte_offset, c.body)
        UPDATE messages m SET
            content = COALESCE((SELECT string_agg(body, '' ORDER BY byte_offset) FROM chunks), ''),
            status = $4, finish_reason = $5, usage = $6, error = $7, completed_at = clock_timestamp()
        FROM closed WHERE m.id = closed.id
        RETURNING octet_length(m.content)
        """;

    /// <summary>
    /// Ends the answer. Everything it wrote must be committed before. Safe to repeat after a failure whose outcome is in
    /// doubt: the second time it finds the generation closed.
    /// </summary>
    /// <returns>UTF-8 bytes stored; null if this owner and epoch do not hold a running generation (any more).</returns>
    public async Task<int?> CloseAsync(
        Guid id, Guid owner, int epoch, AnswerEnd end, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Close);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = epoch });
        command.Parameters.Add(new() { Value = end.Status });
        command.Parameters.Add(new() { Value = end.FinishReason });
        command.Parameters.Add(new() { Value = Json(end.Usage), NpgsqlDbType = NpgsqlDbType.Jsonb });
        command.Parameters.Add(new() { Value = Json(end.Error), NpgsqlDbType = NpgsqlDbType.Jsonb });
        return await command.ExecuteScalarAsync(cancellationToken) as int?;
    }

    private static object Json<T>(T? value) where T : class =>
        value is null ? DBNull.Value : JsonSerializer.Serialize(value, AnswerJson.Options);
}

/// <summary>How answers' parts are written as JSON, stored and sent: snake_case, Chinese unescaped.</summary>
public static class AnswerJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };
}
