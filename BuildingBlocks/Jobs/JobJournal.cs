using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.Text;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Jobs;

/// <summary>
/// The one writer of this worker's tasks: record first, then show (rule 1). How commits are shared and retried: Commits/README.md
/// of Durability; the states of a task: README.md beside this file.
/// <para>
/// One statement writes of each task its row, the stage's result, the event and the log, or none of them. It locks the owner's row
/// and checks owner, epoch and stage of each. A batch has at most one change of a task. Nothing is written twice: the stage it was
/// written for is over then.
/// </para>
/// </summary>
public sealed partial class JobJournal(
    SystemDataSource source, DatabaseReady ready, LoopProgress progress, JobChanges changes, JobMetrics metrics,
    ServiceInfo service, IOptions<JobOptions> options, TimeProvider time, ILogger<JobJournal> logger) : GroupCommit<JobCommit>(source, ready, progress, time, logger)
{
    // Of the arrays, in this order: see Command. A checkpoint leaves status and stage as they are, and no log.
    private const string Changes =
        """
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $22, $23, $24, $25)
            AS c(task_id, owner, epoch, stage, part, body, status, next_stage, progress, error_code, error_message, delay,
                 attempt, started_at, duration_ms, prompt_tokens, completion_tokens, outcome, error, has_parts, calls, is_silent, part_prompt_tokens, part_completion_tokens)
        """;

    private const string Write =
        $"""
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = ANY ($2) FOR KEY SHARE),
        c AS MATERIALIZED ({Changes}),
        held AS (
            UPDATE jobs j SET
                status = c.status, stage = c.next_stage, progress = GREATEST(c.progress, j.progress), events = j.events + CASE WHEN c.is_silent THEN 0 ELSE 1 END,
                attempt = CASE WHEN c.part <> '' OR c.outcome = 'retried' THEN j.attempt
                               WHEN c.outcome = 'released' THEN j.attempt - 1
                               WHEN c.status = 'running' THEN 1 ELSE j.attempt END,
                owner = CASE WHEN c.status = 'running' THEN j.owner END,
                run_after = CASE WHEN c.status = 'queued' THEN clock_timestamp() + c.delay ELSE j.run_after END,
                ended_at = CASE WHEN c.status IN ('completed', 'failed', 'cancelled') THEN clock_timestamp() END,
                error_code = c.error_code, error_message = c.error_message, updated_at = clock_timestamp()
            FROM c
            WHERE j.task_id = c.task_id AND j.epoch = c.epoch AND j.stage = c.stage
              -- As what no index takes: each task is found by its key, not among all that its owner is running.
              AND j.owner IS NOT DISTINCT FROM c.owner AND j.status IS NOT DISTINCT FROM 'running'
              AND c.owner IN (SELECT id FROM me)
              AND NOT EXISTS (SELECT 1 FROM job_stages s WHERE s.task_id = c.task_id AND s.stage = c.stage AND s.part = c.part)
            RETURNING j.task_id, j.kind, j.tenant, j.subject, j.status, j.stage, j.progress, j.events, j.updated_at),
        kept AS (
            INSERT INTO job_stages (task_id, stage, part, body, completed_at, epoch, prompt_tokens, completion_tokens)
            SELECT c.task_id, c.stage, c.part, c.body::json, h.updated_at, c.epoch, c.part_prompt_tokens, c.part_completion_tokens
            FROM c JOIN held h USING (task_id) WHERE c.body IS NOT NULL),
        dropped AS (
            DELETE FROM job_stages s USING c, held h
            WHERE c.has_parts AND h.task_id = c.task_id AND s.task_id = c.task_id AND s.stage = c.stage AND s.part <> ''),
        logged AS (
            INSERT INTO execution_logs (task_id, epoch, stage, attempt, worker, started_at, duration_ms, prompt_tokens, completion_tokens, outcome, error, calls)
            SELECT c.task_id, c.epoch, c.stage, c.attempt, $21, c.started_at, c.duration_ms, c.prompt_tokens, c.completion_tokens, c.outcome, c.error,
                   c.calls::json
            FROM c JOIN held h USING (task_id) WHERE c.outcome IS NOT NULL),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, part, error_message, at)
            SELECT h.task_id, h.events, h.status, h.stage, h.progress, NULLIF(c.part, ''), c.error_message, h.updated_at
            FROM c JOIN held h USING (task_id) WHERE NOT c.is_silent)
        SELECT task_id, kind, tenant, subject, status, stage, progress, events FROM held
        """;

    // What of a batch is in. A run of a stage is logged with its commit; a checkpoint is there or not.
    private const string WrittenBefore =
        """
        SELECT c.task_id FROM unnest($1, $2, $3, $4) AS c(task_id, epoch, stage, part)
        WHERE CASE WHEN c.part = ''
            THEN EXISTS (SELECT 1 FROM execution_logs l WHERE l.task_id = c.task_id AND l.epoch = c.epoch AND l.stage = c.stage AND l.outcome <> 'lost')
            ELSE EXISTS (SELECT 1 FROM job_stages s WHERE s.task_id = c.task_id AND s.stage = c.stage AND s.part = c.part) END
        """;

    private const string StillOwned =
        """
        SELECT j.task_id FROM unnest($1, $2, $3, $5) AS c(task_id, epoch, stage, owner)
        JOIN jobs j ON j.task_id = c.task_id AND j.epoch = c.epoch AND j.stage = c.stage AND j.owner = c.owner AND j.status = 'running'
        JOIN owners o ON o.id = j.owner
        """;

    private readonly HashSet<Guid> _tasks = []; // of the batch
    private readonly List<JobChange> _written = [];

    protected override int MaxBatch => options.Value.MaxBatch;

    /// <summary>
    /// Never blocks. The queue is bounded by the tasks that run: each hands in its checkpoints and stages one by one or few at a time.
    /// </summary>
    /// <returns>False if the task has another owner now; nothing was written then.</returns>
    /// <exception cref="JobFailedException">The database refuses it for its data.</exception>
    public Task<bool> WriteAsync(JobCommit commit)
    {
        TryEnqueue(commit);
        return commit.Written;
    }

    protected override Fit Fits(JobCommit item)
    {
        if (Batch.Count == 0)
            _tasks.Clear();
        return _tasks.Add(item.TaskId) ? Fit.Take : Fit.Later;
    }

    protected override async Task WriteAsync(NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Write, connection);
        Array(command, NpgsqlDbType.Uuid, commit => commit.TaskId);
        Array(command, NpgsqlDbType.Uuid, commit => commit.Owner);
        Array(command, NpgsqlDbType.Integer, commit => commit.Epoch);
        Array(command, NpgsqlDbType.Text, commit => commit.Stage);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Checkpoint));
        Array(command, NpgsqlDbType.Text, commit => StorableText.OfJson(commit.Body));
        Array(command, NpgsqlDbType.Text, commit => commit.Status);
        Array(command, NpgsqlDbType.Text, commit => commit.NextStage);
        Array(command, NpgsqlDbType.Integer, commit => commit.Progress);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.ErrorCode));
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.ErrorMessage));
        Array(command, NpgsqlDbType.Interval, commit => commit.Delay);
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.Attempt ?? 0);
        Array(command, NpgsqlDbType.TimestampTz, commit => (commit.Run?.StartedAt ?? DateTimeOffset.UnixEpoch).UtcDateTime);
        Array(command, NpgsqlDbType.Integer, commit => (int)Math.Min(int.MaxValue, commit.Run?.Duration.TotalMilliseconds ?? 0));
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.PromptTokens ?? 0);
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.CompletionTokens ?? 0);
        Array(command, NpgsqlDbType.Text, commit => commit.Run?.Outcome);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Run?.Error));
        Array(command, NpgsqlDbType.Boolean, commit => commit.DropsCheckpoints);
        command.Parameters.Add(new() { Value = service.Instance });
        Array(command, NpgsqlDbType.Text, commit => StorableText.OfJson(commit.Run?.Calls));
        Array(command, NpgsqlDbType.Boolean, commit => commit.IsSilent);
        Array(command, NpgsqlDbType.Integer, commit => commit.PromptTokens);
        Array(command, NpgsqlDbType.Integer, commit => commit.CompletionTokens);
        await command.PrepareAsync(cancellationToken);
        _written.Clear();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            _written.Add(new(
                reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                reader.GetInt32(6), reader.GetInt32(7)));
        }
    }

    protected override void Reject(JobCommit item, Exception reason) => item.Refuse(reason);

    protected override void OnCommitted(int items, TimeSpan elapsed) => metrics.Committed(items, elapsed);

    protected override void Release()
    {
        foreach (var change in _written)
        {
            var at = Batch.FindIndex(commit => commit.TaskId == change.TaskId);
            var isSilent = Batch[at].IsSilent;
            Batch[at].Set(true);
            Batch.RemoveAt(at);
            if (!isSilent)
                changes.Publish(change);
            if (JobStatus.IsTerminal(change.Status))
                metrics.Ended(change.Kind, change.Status);
        }
    }

    protected override async Task SettleAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // In this order: whoever still owns a task now was the only one to write it before.
        var written = await TasksAsync(WrittenBefore, connection, cancellationToken);
        var mine = await TasksAsync(StillOwned, connection, cancellationToken);
        for (var i = Batch.Count - 1; i >= 0; i--)
        {
            var commit = Batch[i];
            if (!written.Contains(commit.TaskId) && mine.Contains(commit.TaskId))
                continue;
            Batch.RemoveAt(i);
            if (written.Contains(commit.TaskId))
            {
                commit.Set(true);
                changes.Wake(commit.TaskId);
                continue;
            }
            LogFenced(Logger, commit.TaskId, commit.Epoch, commit.Stage);
            metrics.Fenced();
            commit.Set(false);
        }
    }

    private async Task<HashSet<Guid>> TasksAsync(string sql, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var tasks = new HashSet<Guid>();
        await using var command = new NpgsqlCommand(sql, connection);
        Array(command, NpgsqlDbType.Uuid, commit => commit.TaskId);
        Array(command, NpgsqlDbType.Integer, commit => commit.Epoch);
        Array(command, NpgsqlDbType.Text, commit => commit.Stage);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Checkpoint));
        Array(command, NpgsqlDbType.Uuid, commit => commit.Owner);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            tasks.Add(reader.GetGuid(0));
        return tasks;
    }

    private void Array<T>(NpgsqlCommand command, NpgsqlDbType type, Func<JobCommit, T> member) =>
        command.Parameters.Add(new() { Value = Batch.ConvertAll(commit => member(commit)), NpgsqlDbType = NpgsqlDbType.Array | type });

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId} owned by another worker, epoch {Epoch} is over: {Stage} not written")]
    private static partial void LogFenced(ILogger logger, Guid taskId, int epoch, string stage);
}
