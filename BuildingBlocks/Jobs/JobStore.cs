using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Jobs;

/// <summary>A task as its owner sees it.</summary>
/// <param name="Stage">The stage it is at; <c>done</c> when completed.</param>
/// <param name="Progress">0-100.</param>
/// <param name="Attempt">How often the stage was begun.</param>
/// <param name="Seq">Of its last event.</param>
public sealed record JobView(
    Guid TaskId, string Status, string Stage, int Progress, int Attempt, string? ErrorCode, string? ErrorMessage, int Seq,
    DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset UpdatedAt, DateTimeOffset? EndedAt)
{
    /// <summary>JSON.</summary>
    public required string Input { get; init; }

    public required string Kind { get; init; }
}

/// <summary>One event of a task.</summary>
/// <param name="Part">The checkpoint that was saved; null for the task as a whole.</param>
public sealed record JobEvent(int Seq, string Status, string Stage, int Progress, string? Part, string? ErrorMessage, DateTimeOffset At);

/// <summary>One run of one stage.</summary>
/// <param name="Calls">What it asked models and functions, in their order, 500 at most; null where nothing.</param>
public sealed record JobLog(
    string Stage, int Attempt, string Worker, DateTimeOffset StartedAt, int DurationMs, int PromptTokens, int CompletionTokens,
    string Outcome, string? Error, IReadOnlyList<JobCall>? Calls = null);

/// <summary>
/// Tasks as requests see them: every query names the caller's tenant and subject, so another caller's tasks do not exist for it.
/// Every method may be repeated, and is, once, after a transient failure.
/// </summary>
public sealed class JobStore(
    NpgsqlDataSource source, DatabaseReady ready, JobKinds kinds, JobChanges changes, RunningJobs running, IOptions<JobOptions> options)
{
    // The same id again, or the same key, adds nothing.
    private const string Add =
        """
        WITH open AS (
            SELECT (SELECT count(*) FROM (
                        SELECT 1 FROM jobs WHERE tenant = $3 AND subject = $4 AND ended_at IS NULL LIMIT $12) own) AS own,
                   (SELECT count(*) FROM (
                        SELECT 1 FROM jobs WHERE tenant = $3 AND ended_at IS NULL LIMIT $14) tenants) AS tenants),
        added AS (
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch, run_after,
                              timeout, created_at, updated_at, idempotency_key, fingerprint, traceparent)
            SELECT $1, $2, $3, $4, 'queued', $5, 0, CASE WHEN own >= $13 OR tenants >= $14 THEN 2 ELSE $6 END, $7, 1, 0, 0, clock_timestamp(), $8, clock_timestamp(), clock_timestamp(), $9, $10, $11
            FROM open WHERE own < $12
            ON CONFLICT DO NOTHING
            RETURNING task_id, created_at),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, at) SELECT task_id, 1, 'queued', $5, 0, created_at FROM added)
        SELECT task_id, true, $10 FROM added
        UNION ALL
        SELECT task_id, false, fingerprint FROM jobs
        WHERE tenant = $3 AND subject = $4 AND kind = $2 AND (task_id = $1 OR idempotency_key = $9) AND NOT EXISTS (SELECT 1 FROM added)
        """;

    private const string Columns =
        """
        task_id, status, stage, progress, attempt, error_code, error_message, events, created_at, started_at, updated_at, ended_at,
        input::text, kind
        """;

    private const string Mine = "tenant = $1 AND subject = $2 AND kind = $3";

    private const string CancelOne =
        $$"""
        WITH asked AS (
            UPDATE jobs SET
                cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp()),
                status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END,
                ended_at = CASE WHEN status = 'queued' THEN clock_timestamp() END,
                events = events + CASE WHEN status = 'queued' THEN 1 ELSE 0 END, updated_at = clock_timestamp()
            WHERE {{Mine}} AND task_id = $4 AND status IN ('queued', 'running')
            RETURNING *),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, at)
            SELECT task_id, events, status, stage, progress, updated_at FROM asked WHERE status = 'cancelled')
        SELECT {{Columns}} FROM asked
        """;

    // All that was committed stays: the task goes on from there, with a new deadline.
    private const string RetryOne =
        $$"""
        WITH again AS (
            UPDATE jobs SET
                status = 'queued', attempt = 0, events = events + 1, run_after = clock_timestamp(), updated_at = clock_timestamp(),
                started_at = NULL, deadline = NULL, ended_at = NULL, cancel_requested_at = NULL, error_code = NULL, error_message = NULL
            WHERE {{Mine}} AND task_id = $4 AND status IN ('failed', 'cancelled')
            RETURNING *),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, at)
            SELECT task_id, events, status, stage, progress, updated_at FROM again)
        SELECT {{Columns}} FROM again
        """;

    /// <summary>Records what is to be done; committed when this returns.</summary>
    /// <returns>The task, and whether it is new: false if this key was used for it before.</returns>
    /// <exception cref="ProblemException">
    /// 422 <c>idempotency_key_reused</c>, 429 <c>limit_reached</c>, 503 <c>database_unavailable</c>.
    /// </exception>
    public async Task<(Guid TaskId, bool Added)> AddAsync(JobOrder order, CancellationToken cancellationToken)
    {
        var kind = kinds[order.Kind];
        var taskId = Guid.CreateVersion7();
        var fingerprint = IdempotencyKeys.Fingerprint(order.Asked ?? order.Input);
        // Once more where the key's other task was being committed in this moment.
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var found = await QueryAsync($"{order.Tenant} {order.Subject}", Add, reader => (
                TaskId: reader.GetGuid(0), Added: reader.GetBoolean(1), Fingerprint: reader.GetValue(2) as byte[]),
                [
                    taskId, order.Kind, order.Tenant, order.Subject, kind.FirstStage, order.Priority, new Json(order.Input),
                    kind.Timeout, new Text(order.IdempotencyKey), fingerprint, new Text(Traceparent.Current),
                    options.Value.MaxOpenPerCaller, options.Value.AheadPerCaller,
                    options.Value.AheadPerCaller * JobOptions.CallersAhead,
                ], cancellationToken);
            if (found is not [var task, ..])
                continue;
            IdempotencyKeys.RequireSame(task.Fingerprint, fingerprint, "This Idempotency-Key was used for another request.");
            if (task.Added)
            {
                changes.Publish(new(taskId, order.Kind, order.Tenant, order.Subject, JobStatus.Queued, kind.FirstStage, 0, 1));
                running.Wake();
            }
            return (task.TaskId, task.Added);
        }
        throw new ProblemException(StatusCodes.Status429TooManyRequests, ErrorCodes.LimitReached,
            $"You have {options.Value.MaxOpenPerCaller} unfinished tasks; wait until some are done.", TimeSpan.FromSeconds(10));
    }

    /// <summary>Whether the caller's key has a task already.</summary>
    public async Task<bool> IsKnownAsync(Caller caller, string kind, string? idempotencyKey, CancellationToken cancellationToken) =>
        idempotencyKey is not null && (await QueryAsync($"SELECT 1 FROM jobs WHERE {Mine} AND idempotency_key = $4", reader => reader.GetInt32(0),
            cancellationToken, caller.Tenant, caller.Person, kind, idempotencyKey)).Count > 0;

    /// <returns>Null: there is no such task of the caller's.</returns>
    public async Task<JobView?> FindAsync(Caller caller, string kind, Guid taskId, CancellationToken cancellationToken) =>
        (await QueryAsync($"SELECT {Columns} FROM jobs WHERE {Mine} AND task_id = $4", View, cancellationToken,
            caller.Tenant, caller.Person, kind, taskId)).SingleOrDefault();

    /// <summary>Newest first.</summary>
    /// <param name="before">Only tasks older than this one.</param>
    public Task<List<JobView>> ListAsync(Caller caller, string kind, Guid? before, string? status, int limit, CancellationToken cancellationToken) =>
        QueryAsync(
            $"SELECT {Columns} FROM jobs WHERE {Mine} AND task_id < $4 AND ($5::text IS NULL OR status = $5) ORDER BY task_id DESC LIMIT $6",
            View, cancellationToken, caller.Tenant, caller.Person, kind, before ?? Guid.AllBitsSet, new Text(status), limit);

    /// <summary>JSON of what the last stage left; null while the task is not completed.</summary>
    public async Task<string?> ResultAsync(Guid taskId, CancellationToken cancellationToken) =>
        (await QueryAsync(
            """
            SELECT s.body::text FROM jobs j JOIN job_stages s ON s.task_id = j.task_id AND s.part = ''
            WHERE j.task_id = $1 AND j.status = 'completed' ORDER BY s.completed_at DESC LIMIT 1
            """, reader => reader.GetString(0), cancellationToken, taskId)).SingleOrDefault();

    /// <summary>JSON of what each finished stage left, in the order of their ends.</summary>
    /// <param name="stage">Only of this one; null: of all.</param>
    public Task<List<(string Stage, string Body)>> StagesAsync(Guid taskId, string? stage, CancellationToken cancellationToken) =>
        QueryAsync(
            """
            SELECT stage, body::text FROM job_stages
            WHERE task_id = $1 AND part = '' AND ($2::text IS NULL OR stage = $2) ORDER BY completed_at
            """, reader => (reader.GetString(0), reader.GetString(1)), cancellationToken, taskId, new Text(stage));

    /// <summary>Events after <paramref name="after"/>, in order, <paramref name="limit"/> at most.</summary>
    public Task<List<JobEvent>> EventsAsync(Guid taskId, int after, int limit, CancellationToken cancellationToken) =>
        QueryAsync(
            "SELECT seq, status, stage, progress, part, error_message, at FROM job_events WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
            reader => new JobEvent(
                reader.GetInt32(0), reader.GetString(1), reader.GetString(2), reader.GetInt32(3), reader.GetValue(4) as string,
                reader.GetValue(5) as string, reader.GetFieldValue<DateTimeOffset>(6)),
            cancellationToken, taskId, after, limit);

    /// <summary>In the order of their starts, 1,000 at most.</summary>
    public Task<List<JobLog>> LogsAsync(Guid taskId, CancellationToken cancellationToken) =>
        QueryAsync(
            """
            SELECT stage, attempt, worker, started_at, duration_ms, prompt_tokens, completion_tokens, outcome, error, calls::text
            FROM execution_logs WHERE task_id = $1 ORDER BY started_at, epoch LIMIT 1000
            """,
            reader => new JobLog(
                reader.GetString(0), reader.GetInt32(1), reader.GetString(2), reader.GetFieldValue<DateTimeOffset>(3), reader.GetInt32(4),
                reader.GetInt32(5), reader.GetInt32(6), reader.GetString(7), reader.GetValue(8) as string,
                reader.GetValue(9) is string calls ? JobJson.Read<List<JobCall>>(calls) : null),
            cancellationToken, taskId);

    /// <summary>
    /// Requests the task's end. A queued one has ended when this returns; a running one ends soon, on whichever worker.
    /// </summary>
    /// <returns>The task; null if it is neither queued nor running.</returns>
    public async Task<JobView?> CancelAsync(Caller caller, string kind, Guid taskId, CancellationToken cancellationToken)
    {
        var asked = (await QueryAsync(CancelOne, View, cancellationToken, caller.Tenant, caller.Person, kind, taskId)).SingleOrDefault();
        if (asked is { Status: JobStatus.Running })
            running.Cancel(taskId); // elsewhere the owner's sweep does
        else if (asked is not null)
            changes.Publish(Change(caller, kind, asked));
        return asked;
    }

    /// <summary>Requeues a failed or cancelled task, to go on after the last stage it finished.</summary>
    /// <returns>The task; null if it is neither failed nor cancelled.</returns>
    public async Task<JobView?> RetryAsync(Caller caller, string kind, Guid taskId, CancellationToken cancellationToken)
    {
        var again = (await QueryAsync(RetryOne, View, cancellationToken, caller.Tenant, caller.Person, kind, taskId)).SingleOrDefault();
        if (again is null)
            return null;
        changes.Publish(Change(caller, kind, again));
        running.Wake();
        return again;
    }

    private static JobChange Change(Caller caller, string kind, JobView task) =>
        new(task.TaskId, kind, caller.Tenant, caller.Person, task.Status, task.Stage, task.Progress, task.Seq);

    private static JobView View(NpgsqlDataReader reader) => new(
        reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetInt32(3), reader.GetInt32(4), reader.GetValue(5) as string,
        reader.GetValue(6) as string, reader.GetInt32(7), reader.GetFieldValue<DateTimeOffset>(8), Time(reader, 9),
        reader.GetFieldValue<DateTimeOffset>(10), Time(reader, 11))
    {
        Input = reader.GetString(12), Kind = reader.GetString(13),
    };

    private static DateTimeOffset? Time(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);

    private Task<List<T>> QueryAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values) =>
        QueryAsync(null, sql, read, values, cancellationToken);

    /// <param name="counted">Whose tasks the statement counts before it adds one; null: it counts none.</param>
    private Task<List<T>> QueryAsync<T>(
        string? counted, string sql, Func<NpgsqlDataReader, T> read, object[] values, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(async attempt =>
        {
            await using var connection = await source.OpenWithinAsync(options.Value.PoolWait, cancellationToken);
            using var watch = new CommitWatch(connection, attempt.IsSecond);
            await using var batch = new NpgsqlBatch(connection);
            if (counted is not null)
                batch.BatchCommands.Add(CountLock.CountLockCommand("jobs", counted));
            var command = new NpgsqlBatchCommand(sql);
            batch.BatchCommands.Add(command);
            foreach (var value in values)
            {
                command.Parameters.Add(value switch
                {
                    Json json => new() { Value = json.Value, NpgsqlDbType = NpgsqlDbType.Json },
                    Text text => new() { Value = (object?)text.Value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
                    _ => new NpgsqlParameter { Value = value },
                });
            }
            var rows = new List<T>();
            await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
            {
                if (counted is not null)
                    await reader.NextResultAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                    rows.Add(read(reader));
            }
            await watch.ConfirmAsync(cancellationToken);
            return rows;
        });
    }

    private readonly record struct Json(string Value);

    /// <summary>Text that may be null.</summary>
    private readonly record struct Text(string? Value);
}
