using System.Text;
using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Data;
using Lyceum.SessionApi.Sessions;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Stores what engines report of sessions: in order, each record once, a message's records all or none. One row per question
/// and answer; while an answer's end is not known, its pieces wait beside it, append-only.
/// </summary>
/// <remarks>The session's row is locked for the length of the transaction: messages of one session go one after the other.</remarks>
internal sealed class TranscriptRecorder(NpgsqlDataSource database, DatabaseReady ready)
{
    /// <returns>The session's last record that is stored; lower than the message's first where one is missing in between.</returns>
    /// <exception cref="NpgsqlException">Nothing of it is stored.</exception>
    public async Task<long> RecordAsync(RecordSessionTurns message, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var (number, stored, isDeleted) = await LockAsync(connection, message, cancellationToken);
        var fresh = message.Records.SkipWhile(record => record.Seq <= stored).ToList();
        if (fresh.Count == 0 || fresh[0].Seq != stored + 1)
            return stored;

        if (!isDeleted)
            await StoreAsync(connection, number, fresh, cancellationToken);
        stored = fresh[^1].Seq;
        await ExecuteAsync(connection, "UPDATE sessions SET recorded_seq = $2 WHERE number = $1", cancellationToken, number, stored);
        await transaction.CommitAsync(cancellationToken);
        return stored;
    }

    private static async Task<(long Number, long Stored, bool IsDeleted)> LockAsync(
        NpgsqlConnection connection, RecordSessionTurns message, CancellationToken cancellationToken)
    {
        if (await FindAsync(connection, message.SessionId, cancellationToken) is { } found)
            return found;
        // Made at the engine itself, past this service: kept all the same, for whom it belongs to. What came before the first
        // record there is went to a keeper before this one.
        await ExecuteAsync(
            connection,
            """
            INSERT INTO sessions (id, tenant, owner, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)
            VALUES ($1, $2, $3, '', split_part($1, '.', 1), '00000000-0000-0000-0000-000000000000', $4, $5, $6, false)
            ON CONFLICT (id) DO NOTHING
            """,
            cancellationToken, message.SessionId, message.Tenant, message.Owner, SessionStatus.Active, message.Records[0].At, message.Records[0].Seq - 1);
        return (await FindAsync(connection, message.SessionId, cancellationToken))!.Value;
    }

    private static async Task<(long, long, bool)?> FindAsync(NpgsqlConnection connection, string session, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT number, recorded_seq, status FROM sessions WHERE id = $1 FOR UPDATE", connection);
        command.Parameters.Add(new() { Value = session });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (reader.GetInt64(0), reader.GetInt64(1), reader.GetString(2) == SessionStatus.Deleted)
            : null;
    }

    private static async Task StoreAsync(
        NpgsqlConnection connection, long number, List<SessionTurnRecord> records, CancellationToken cancellationToken)
    {
        for (var i = 0; i < records.Count; i++)
        {
            var record = records[i];
            switch (record.Kind)
            {
                case "user":
                    await ExecuteAsync(
                        connection, "INSERT INTO session_turns (session_number, turn, question, asked_at) VALUES ($1, $2, $3, $4)",
                        cancellationToken, number, record.Turn, Storable(record.Text), record.At);
                    break;
                case "delta":
                    if (record.Citations is { } citations)
                    {
                        await ExecuteAsync(
                            connection, "UPDATE session_turns SET citations = $3::jsonb WHERE session_number = $1 AND turn = $2",
                            cancellationToken, number, record.Turn, citations);
                    }
                    // Neighbours are one row, under the last one's number.
                    var text = new StringBuilder(record.Text);
                    while (i + 1 < records.Count && records[i + 1] is { Kind: "delta", Citations: null } next && next.Turn == record.Turn)
                        text.Append(records[++i].Text);
                    await ExecuteAsync(
                        connection, "INSERT INTO session_deltas (session_number, seq, turn, text) VALUES ($1, $2, $3, $4)",
                        cancellationToken, number, records[i].Seq, record.Turn, Storable(text.ToString()));
                    break;
                case "end":
                    await EndAsync(connection, number, record, cancellationToken);
                    break;
                case "closed":
                    await ExecuteAsync(
                        connection,
                        "UPDATE sessions SET status = $2, reason = $3, ended_at = $4 WHERE number = $1 AND status IN ('active', 'lost')",
                        cancellationToken, number, SessionStatus.Ended, record.FinishReason, record.At);
                    break;
                default:
                    break; // of an engine that is newer than this service: numbered, and passed over
            }
        }
    }

    private static async Task EndAsync(NpgsqlConnection connection, long number, SessionTurnRecord end, CancellationToken cancellationToken)
    {
        string said;
        await using (var command = new NpgsqlCommand(
            "SELECT coalesce(string_agg(text, '' ORDER BY seq), '') FROM session_deltas WHERE session_number = $1 AND turn = $2", connection))
        {
            command.Parameters.Add(new() { Value = number });
            command.Parameters.Add(new() { Value = end.Turn });
            said = (string)(await command.ExecuteScalarAsync(cancellationToken))!;
        }
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Command(
            """
            UPDATE session_turns SET answer = $3, status = $4, finish_reason = $5, citations = coalesce($6::jsonb, citations), ended_at = $7
            WHERE session_number = $1 AND turn = $2
            """,
            number, end.Turn, Cut(said, end.Length ?? int.MaxValue), end.Status, end.FinishReason, end.Citations, end.At));
        batch.BatchCommands.Add(Command("DELETE FROM session_deltas WHERE session_number = $1 AND turn = $2", number, end.Turn));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>The first <paramref name="bytes"/> of its UTF-8, to a whole character.</summary>
    internal static string Cut(string text, int bytes)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        if (utf8.Length <= bytes)
            return text;
        while (bytes > 0 && (utf8[bytes] & 0xC0) == 0x80)
            bytes--;
        return Encoding.UTF8.GetString(utf8, 0, bytes);
    }

    /// <summary>Postgres takes no U+0000 in a text; U+001A, "substitute", is as long.</summary>
    private static string Storable(string text) => text.Replace('\0', '\u001A');

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object?[] parameters)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(Command(sql, parameters));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlBatchCommand Command(string sql, params object?[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in parameters)
        {
            command.Parameters.Add(value is null
                ? new() { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text }
                : new() { Value = value is DateTimeOffset at ? at.ToUniversalTime() : value });
        }
        return command;
    }
}
