using System.Diagnostics;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.Text;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Jobs;

/// <summary>
/// The one writer of this worker's tasks: record first, then show (rule 1).
/// <para>
/// (1) A running task hands in a change and waits. (2) The loop takes all that have come since its last commit, at most one per
/// task, and (3) writes them in ONE statement: the task's row, the stage's result, the event, the log, or none of them. It locks
/// the owner's row, and checks owner, epoch and stage of each. (4) After the commit the waiting tasks and the readers go on. A
/// commit that failed is tried again until it is in, or until the task is somebody else's: nothing is lost while the database is
/// away, and nothing is written twice, as the stage it was written for is over.
/// </para>
/// </summary>
public sealed partial class JobJournal(
    SystemDataSource source, DatabaseReady ready, JobChanges changes, JobMetrics metrics, ServiceInfo service, IOptions<JobOptions> options,
    TimeProvider time, ILogger<JobJournal> logger) : BackgroundService
{
    // Of the arrays, in this order: see Command. A part leaves status and stage as they are, and no log.
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
        told AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, part, error_message, at)
            SELECT h.task_id, h.events, h.status, h.stage, h.progress, NULLIF(c.part, ''), c.error_message, h.updated_at
            FROM c JOIN held h USING (task_id) WHERE NOT c.is_silent)
        SELECT task_id, kind, tenant, subject, status, stage, progress, events FROM held
        """;

    // After a failure nobody knows whether the commit is in. A run of a stage is logged with it, a part is there or not.
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

    // Bounded in fact: a task hands in its parts and its stages one by one or few at a time, and Concurrency bounds tasks.
    private readonly Channel<JobCommit> _queue = Channel.CreateUnbounded<JobCommit>(new UnboundedChannelOptions { SingleReader = true });

    // Owned by the loop. A second change of a task that is in the batch waits here for the next one.
    private readonly List<JobCommit> _batch = [];
    private readonly List<JobCommit> _later = [];
    private readonly HashSet<Guid> _tasks = [];
    private NpgsqlConnection? _connection;

    /// <returns>False if the task has another owner now; nothing was written then.</returns>
    public Task<bool> WriteAsync(JobCommit commit)
    {
        _queue.Writer.TryWrite(commit);
        return commit.Written;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ready.WaitAsync(stoppingToken);
            while (_later.Count > 0 || await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                Fill();
                await CommitAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Stopped after the tasks were given back (JobDrain): what is left is found when the lease runs out.
        }
        finally
        {
            await DropConnectionAsync();
        }
    }

    private void Fill()
    {
        _batch.Clear();
        _tasks.Clear();
        for (var i = 0; i < _later.Count; i++)
        {
            if (_batch.Count < options.Value.MaxBatch && _tasks.Add(_later[i].TaskId))
            {
                _batch.Add(_later[i]);
                _later.RemoveAt(i--);
            }
        }
        while (_batch.Count < options.Value.MaxBatch && _queue.Reader.TryRead(out var commit))
            (_tasks.Add(commit.TaskId) ? _batch : _later).Add(commit);
    }

    private async Task CommitAsync(CancellationToken stoppingToken)
    {
        for (var attempt = 0; _batch.Count > 0; attempt++)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                _connection ??= await source.OpenConnectionAsync(stoppingToken);
                if (attempt > 0)
                    await SettleAsync(stoppingToken);
                var count = _batch.Count;
                if (count > 0)
                {
                    Complete(await WriteAsync(stoppingToken));
                    metrics.Committed(count, Stopwatch.GetElapsedTime(started));
                }
                if (_batch.Count > 0)
                    await SettleAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException)
            {
                if (attempt == 0)
                    LogRetry(logger, _batch.Count, e.Message);
                await DropConnectionAsync();
                await Task.Delay(TimeSpan.FromMilliseconds(attempt < 10 ? 50 : 500), time, stoppingToken);
            }
        }
    }

    private async Task<List<JobChange>> WriteAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Write, _connection);
        Array(command, NpgsqlDbType.Uuid, commit => commit.TaskId);
        Array(command, NpgsqlDbType.Uuid, commit => commit.Owner);
        Array(command, NpgsqlDbType.Integer, commit => commit.Epoch);
        Array(command, NpgsqlDbType.Text, commit => commit.Stage);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Part));
        Array(command, NpgsqlDbType.Text, commit => commit.Body);
        Array(command, NpgsqlDbType.Text, commit => commit.Status);
        Array(command, NpgsqlDbType.Text, commit => commit.NextStage);
        Array(command, NpgsqlDbType.Integer, commit => commit.Progress);
        Array(command, NpgsqlDbType.Text, commit => commit.ErrorCode);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.ErrorMessage));
        Array(command, NpgsqlDbType.Interval, commit => commit.Delay);
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.Attempt ?? 0);
        Array(command, NpgsqlDbType.TimestampTz, commit => (commit.Run?.StartedAt ?? DateTimeOffset.UnixEpoch).UtcDateTime);
        Array(command, NpgsqlDbType.Integer, commit => (int)Math.Min(int.MaxValue, commit.Run?.Duration.TotalMilliseconds ?? 0));
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.PromptTokens ?? 0);
        Array(command, NpgsqlDbType.Integer, commit => commit.Run?.CompletionTokens ?? 0);
        Array(command, NpgsqlDbType.Text, commit => commit.Run?.Outcome);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Run?.Error));
        Array(command, NpgsqlDbType.Boolean, commit => commit.DropsParts);
        command.Parameters.Add(new() { Value = service.Instance });
        Array(command, NpgsqlDbType.Text, commit => commit.Run?.Calls);
        Array(command, NpgsqlDbType.Boolean, commit => commit.IsSilent);
        Array(command, NpgsqlDbType.Integer, commit => commit.PromptTokens);
        Array(command, NpgsqlDbType.Integer, commit => commit.CompletionTokens);
        await command.PrepareAsync(cancellationToken);
        var written = new List<JobChange>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            written.Add(new(
                reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                reader.GetInt32(6), reader.GetInt32(7)));
        }
        return written;
    }

    private void Complete(List<JobChange> written)
    {
        foreach (var change in written)
        {
            var at = _batch.FindIndex(commit => commit.TaskId == change.TaskId);
            var isSilent = _batch[at].IsSilent;
            _batch[at].Set(true);
            _batch.RemoveAt(at);
            if (!isSilent)
                changes.Publish(change);
            if (JobStatus.IsTerminal(change.Status))
                metrics.Ended(change.Kind, change.Status);
        }
    }

    /// <summary>
    /// Some were refused, or a former attempt is in doubt. What is in is done; what is not ours any more is fenced off; what is ours
    /// and not in stays in the batch. In this order: who still owns a task now was the only one to write it before.
    /// </summary>
    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        var written = await TasksAsync(WrittenBefore, cancellationToken);
        var mine = await TasksAsync(StillOwned, cancellationToken);
        for (var i = _batch.Count - 1; i >= 0; i--)
        {
            var commit = _batch[i];
            if (!written.Contains(commit.TaskId) && mine.Contains(commit.TaskId))
                continue;
            _batch.RemoveAt(i);
            if (written.Contains(commit.TaskId))
            {
                commit.Set(true);
                changes.Wake(commit.TaskId);
                continue;
            }
            LogFenced(logger, commit.TaskId, commit.Epoch, commit.Stage);
            metrics.Fenced();
            commit.Set(false);
        }
    }

    private async Task<HashSet<Guid>> TasksAsync(string sql, CancellationToken cancellationToken)
    {
        var tasks = new HashSet<Guid>();
        await using var command = new NpgsqlCommand(sql, _connection);
        Array(command, NpgsqlDbType.Uuid, commit => commit.TaskId);
        Array(command, NpgsqlDbType.Integer, commit => commit.Epoch);
        Array(command, NpgsqlDbType.Text, commit => commit.Stage);
        Array(command, NpgsqlDbType.Text, commit => StorableText.Of(commit.Part));
        Array(command, NpgsqlDbType.Uuid, commit => commit.Owner);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            tasks.Add(reader.GetGuid(0));
        return tasks;
    }

    private void Array<T>(NpgsqlCommand command, NpgsqlDbType type, Func<JobCommit, T> member) =>
        command.Parameters.Add(new() { Value = _batch.ConvertAll(commit => member(commit)), NpgsqlDbType = NpgsqlDbType.Array | type });

    private async Task DropConnectionAsync()
    {
        if (_connection is { } broken)
        {
            _connection = null;
            await broken.DisposeAsync();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Commit of {Changes} changes failed, trying until it is in: {Reason}")]
    private static partial void LogRetry(ILogger logger, int changes, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId} has another owner now (epoch {Epoch} is over): {Stage} not written")]
    private static partial void LogFenced(ILogger logger, Guid taskId, int epoch, string stage);
}
