using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Stores what engines report of sessions: in order, each record once, a message's records all or none. One row per question
/// and answer; while an answer's end is not known, its pieces wait beside it, append-only.
/// </summary>
/// <remarks>
/// A message costs two statements of work and one commit, however many sessions it speaks of. Their rows are locked, in one order,
/// for the length of the transaction: messages of one session go one after the other.
/// </remarks>
internal sealed partial class TranscriptRecorder(
    NpgsqlDataSource database, DatabaseReady ready, LoopProgress progress, ILogger<TranscriptRecorder> logger)
{
    // Engines send again within a minute what is not stored.
    private readonly LoopProgress.Loop _loop =
        progress.Follow(nameof(TranscriptRecorder), forget: TimeSpan.FromMinutes(2));

    /// <summary>
    /// Stores a message. Where the database refuses it for its data, it is divided down to the record at fault, which is
    /// put aside: engines send until they are answered, and one record would hold up everything behind it.
    /// </summary>
    /// <returns>
    /// Of each session, in the same order, the last record that is stored; lower than its first one here where one is missing
    /// in between.
    /// </returns>
    /// <exception cref="NpgsqlException">Not all of it is stored: it is to be sent again.</exception>
    public async Task<IReadOnlyList<RecordedSession>> RecordAsync(IReadOnlyList<SessionTurns> sessions, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        _loop.Begin();
        try
        {
            var recorded = await DivideAsync(sessions, cancellationToken);
            _loop.Done();
            return recorded;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            _loop.Failed(e);
            throw;
        }
    }

    private async Task<IReadOnlyList<RecordedSession>> DivideAsync(
        IReadOnlyList<SessionTurns> sessions, CancellationToken cancellationToken)
    {
        try
        {
            return await StoreAsync(sessions, cancellationToken);
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
        {
            if (sessions is [{ Records.Count: 1 } single])
                return [await PutAsideAsync(single, e, cancellationToken)];
            if (sessions is [var session])
            {
                var half = session.Records.Count / 2;
                await DivideAsync([session with { Records = [.. session.Records.Take(half)] }], cancellationToken);
                return await DivideAsync([session with { Records = [.. session.Records.Skip(half)] }], cancellationToken);
            }
            return
            [
                .. await DivideAsync([.. sessions.Take(sessions.Count / 2)], cancellationToken),
                .. await DivideAsync([.. sessions.Skip(sessions.Count / 2)], cancellationToken),
            ];
        }
    }

    /// <summary>Keeps the record apart, as bytes, and goes on behind it.</summary>
    private async Task<RecordedSession> PutAsideAsync(
        SessionTurns session, Exception reason, CancellationToken cancellationToken)
    {
        var record = session.Records[0];
        LogPutAside(logger, reason, session.SessionId, record.Seq);
        _loop.Rejected();
        try
        {
            return await PutAsideAsync(session, record, DatabaseFailures.SqlState(reason) ?? "", cancellationToken);
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
        {
            // The session itself is refused. To answer nothing would hold up all others of its engine.
            LogLost(logger, e, session.SessionId, record.Seq);
            return new(session.SessionId, record.ThroughSeq);
        }
    }

    private async Task<RecordedSession> PutAsideAsync(
        SessionTurns session, SessionTurnRecord record, string reason, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!(await LockAsync(connection, [session], cancellationToken)).TryGetValue(session.SessionId, out var row))
            return new(session.SessionId, record.ThroughSeq);
        var (number, stored, isDeleted) = row;
        if (record.Seq > stored + 1 || record.ThroughSeq <= stored)
            return new(session.SessionId, stored);
        await using var command = new NpgsqlCommand(
            """
            WITH moved AS (UPDATE sessions SET recorded_seq = $3 WHERE number = $1)
            INSERT INTO session_rejected_records (session_number, seq, record, reason, rejected_at)
            SELECT $1, $2, $4, $5, clock_timestamp() WHERE NOT $6
            """, connection);
        command.Parameters.Add(new() { Value = number });
        command.Parameters.Add(new() { Value = stored + 1 });
        command.Parameters.Add(new() { Value = record.ThroughSeq });
        command.Parameters.Add(new() { Value = JsonSerializer.SerializeToUtf8Bytes(record) });
        command.Parameters.Add(new() { Value = reason });
        command.Parameters.Add(new() { Value = isDeleted });
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new(session.SessionId, record.ThroughSeq);
    }

    private async Task<IReadOnlyList<RecordedSession>> StoreAsync(
        IReadOnlyList<SessionTurns> sessions, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var rows = await LockAsync(connection, sessions, cancellationToken);
        var changes = new TranscriptChanges();
        var recorded = new List<RecordedSession>(sessions.Count);
        foreach (var session in sessions)
        {
            if (!rows.TryGetValue(session.SessionId, out var row))
            {
                // Of a person who was deleted: the engine is answered, so that it forgets it, and nothing is stored.
                recorded.Add(new(session.SessionId, session.Records[^1].ThroughSeq));
                continue;
            }
            var (number, stored, isDeleted) = row;
            var fresh = session.Records.SkipWhile(record => record.ThroughSeq <= stored).ToList();
            if (fresh.Count > 0 && fresh[0].Seq <= stored + 1)
            {
                fresh[0] = After(stored, fresh[0]);
                stored = fresh[^1].ThroughSeq;
                changes.Add(number, stored, isDeleted ? [] : fresh);
            }
            recorded.Add(new(session.SessionId, stored));
        }
        await changes.WriteAsync(connection, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await watch.ConfirmAsync(cancellationToken);
        return recorded;
    }

    private static async Task<Dictionary<string, (long Number, long Stored, bool IsDeleted)>> LockAsync(
        NpgsqlConnection connection, IReadOnlyList<SessionTurns> sessions, CancellationToken cancellationToken)
    {
        var rows = new Dictionary<string, (long, long, bool)>(StringComparer.Ordinal);
        await FindAsync(connection, [.. sessions.Select(session => session.SessionId)], rows, cancellationToken);
        if (sessions.Where(session => !rows.ContainsKey(session.SessionId)).ToList() is not { Count: > 0 } unknown)
            return rows;
        // Sessions made at the engine itself, not through this service: stored all the same, for the person they belong
        // to; an API token's for the tenant's owner. Records before the first one here went to another store.
        await using var insert = Rows.Command(
            """
            INSERT INTO sessions (
                id, tenant, owner, subject, student_id, engine_id, incarnation, status, created_at, recorded_seq, released)
            SELECT u.id, u.tenant, u.owner, coalesce(m.account_id::text, t.founder, 'owner'), '', split_part(u.id, '.', 1),
                   '00000000-0000-0000-0000-000000000000', 'active', at, seq, false
            FROM unnest($1, $2, $3, $4, $5) AS u(id, tenant, owner, at, seq)
            LEFT JOIN memberships m ON m.tenant = u.tenant AND m.account_id::text = u.owner
            LEFT JOIN tenants t ON t.id = u.tenant
            WHERE NOT EXISTS (SELECT FROM erased_persons e WHERE e.tenant = u.tenant AND e.person = u.owner) ORDER BY u.id
            ON CONFLICT (id) DO NOTHING
            """,
            Rows.Column(unknown, NpgsqlDbType.Text, session => session.SessionId),
            Rows.Column(unknown, NpgsqlDbType.Text, session => StorableText.Of(session.Tenant)),
            Rows.Column(unknown, NpgsqlDbType.Text, session => StorableText.Of(session.Owner)),
            Rows.Column(unknown, NpgsqlDbType.TimestampTz, session => session.Records[0].At.UtcDateTime),
            Rows.Column(unknown, NpgsqlDbType.Bigint, session => session.Records[0].Seq - 1)).On(connection);
        await insert.ExecuteNonQueryAsync(cancellationToken);
        await FindAsync(connection, [.. unknown.Select(session => session.SessionId)], rows, cancellationToken);
        return rows;
    }

    private static async Task FindAsync(
        NpgsqlConnection connection, string[] ids, Dictionary<string, (long, long, bool)> rows, CancellationToken cancellationToken)
    {
        // In the order of their ids: two messages that lock some of the same never wait for each other in a circle.
        await using var command = new NpgsqlCommand(
            """
            SELECT s.id, number, recorded_seq, status = 'deleted' FROM unnest($1) AS u(id) JOIN sessions s ON s.id = u.id
            ORDER BY s.id FOR UPDATE OF s
            """, connection);
        command.Parameters.Add(new() { Value = ids });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            rows[reader.GetString(0)] = (reader.GetInt64(1), reader.GetInt64(2), reader.GetBoolean(3));
    }

    /// <summary>What of a record's pieces is not stored yet.</summary>
    private static SessionTurnRecord After(long stored, SessionTurnRecord record)
    {
        var known = (int)(stored - record.Seq + 1);
        return known == 0
            ? record
            : record with { Seq = stored + 1, Text = record.Then![known - 1], Then = [.. record.Then.Skip(known)] };
    }

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Record {Seq} of session {SessionId} lost: the database refuses the session itself for its data")]
    private static partial void LogLost(ILogger logger, Exception reason, string sessionId, long seq);

    [LoggerMessage(Level = LogLevel.Error, Message =
        "Record {Seq} of session {SessionId} put aside: the database refuses it for its data")]
    private static partial void LogPutAside(ILogger logger, Exception reason, string sessionId, long seq);
}
