using System.Diagnostics;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Jobs;

/// <summary>A task this process holds, with the results of its earlier stages and the checkpoints of the present one.</summary>
/// <param name="Remaining">Until its deadline.</param>
/// <param name="Saved">JSON by stage and checkpoint (empty: the stage's result).</param>
/// <param name="Waited">From its place in the queue to the claim.</param>
public sealed record ClaimedJob(
    Guid TaskId, string Kind, string Tenant, string Subject, string Stage, string Input, int Attempt, Guid Owner, int Epoch,
    TimeSpan Remaining, bool CancelRequested, ActivityContext Trace, TimeSpan Waited, IReadOnlyDictionary<(string Stage, string Checkpoint), string> Saved);

/// <summary>
/// Claims tasks from the queue and requeues those of dead workers. Not on the requests' pool, so that work goes on while that is
/// exhausted.
/// </summary>
public sealed partial class JobQueue(
    SystemDataSource source, JobKinds kinds, JobChanges changes, JobMetrics metrics, ServiceInfo service,
    LoopProgress progress, IOptions<JobOptions> options, TimeProvider time, ILogger<JobQueue> logger)
{
    // The owner's row is locked before anything is claimed for it: a lease that was swept claims nothing. now(), not
    // clock_timestamp(): only a stable value can end an index scan. SKIP LOCKED: workers share the queue without waiting.
    private const string Claim =
        $"""
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        next AS MATERIALIZED ({Next}),
        {Claimed}
        """;

    private const string Next =
        """
        SELECT task_id FROM (
            SELECT q.task_id, p.priority, row_number() OVER (ORDER BY p.priority, q.run_after) AS nth
            FROM (VALUES (0, $3, $2), (1, $4, $2), (2, $5, $8)) AS p(priority, since, most)
            CROSS JOIN LATERAL (
                SELECT j.task_id, j.run_after FROM jobs j
                WHERE j.status = 'queued' AND j.priority = p.priority AND j.run_after >= p.since
                  AND j.run_after <= now() AND j.kind = ANY ($6) AND j.task_id <> ALL ($7)
                ORDER BY j.run_after LIMIT p.most FOR UPDATE SKIP LOCKED) q) ranked
        WHERE nth <= CASE WHEN priority < 2 THEN $2 ELSE $8 END
        """;

    private const string ClaimOne =
        $"""
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        next AS MATERIALIZED (SELECT task_id FROM jobs WHERE task_id = $2 AND status = 'queued' FOR UPDATE SKIP LOCKED),
        {Claimed}
        """;

    private const string Claimed =
        """
        claimed AS (
            UPDATE jobs SET
                status = 'running', owner = $1, epoch = epoch + 1, attempt = attempt + 1, events = events + 1,
                started_at = COALESCE(started_at, clock_timestamp()), claimed_at = clock_timestamp(), updated_at = clock_timestamp(),
                deadline = COALESCE(deadline, clock_timestamp() + timeout)
            WHERE task_id = ANY (ARRAY(SELECT task_id FROM next)) AND EXISTS (SELECT 1 FROM me)
            RETURNING *),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, at)
            SELECT task_id, events, status, stage, progress, updated_at FROM claimed)
        SELECT task_id, kind, tenant, subject, stage, input::text, attempt, epoch, deadline - clock_timestamp(),
               cancel_requested_at IS NOT NULL, traceparent, priority, run_after, clock_timestamp() - run_after, progress, events
        FROM claimed
        """;

    // Checkpoints belong to the stage being done; of finished stages only the results are needed.
    private const string Saved =
        """
        SELECT s.task_id, s.stage, s.part, s.body::text FROM job_stages s JOIN jobs j ON j.task_id = s.task_id
        WHERE s.task_id = ANY ($1) AND (s.part = '' OR s.stage = j.stage)
        """;

    // Lost: the owner is dead, or it is this process, which does not run the task though it was claimed longer ago than a claim takes
    // to return (its commit was in doubt). A lost run is logged with the tokens of its checkpoints; what else it used is unknown.
    // run_after stays, so that these tasks come first.
    private const string LostTasks =
        """
        SELECT j.task_id, j.epoch, j.stage, j.attempt, j.claimed_at FROM jobs j
        WHERE j.status = 'running' AND (
            NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = j.owner)
            OR (j.owner = $1 AND j.task_id <> ALL ($2) AND j.claimed_at < clock_timestamp() - interval '5 seconds'))
          AND j.task_id <> ALL ($5) AND ($6::uuid IS NULL OR j.task_id = $6)
        LIMIT 500 FOR UPDATE SKIP LOCKED
        """;

    private const string Requeue =
        $"""
        WITH lost AS MATERIALIZED ({LostTasks}),
        logged AS (
            INSERT INTO execution_logs (task_id, epoch, stage, attempt, worker, started_at, duration_ms, prompt_tokens, completion_tokens, outcome, error)
            SELECT l.task_id, l.epoch, l.stage, l.attempt, '', l.claimed_at, 0, COALESCE(sum(s.prompt_tokens), 0), COALESCE(sum(s.completion_tokens), 0),
                   'lost', 'found by ' || $3 || ': its worker is gone'
            FROM lost l LEFT JOIN job_stages s ON s.task_id = l.task_id AND s.stage = l.stage AND s.epoch = l.epoch
            GROUP BY l.task_id, l.epoch, l.stage, l.attempt, l.claimed_at
            ON CONFLICT DO NOTHING),
        requeued AS (
            UPDATE jobs j SET
                status = CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN j.attempt >= $4 THEN 'failed' ELSE 'queued' END,
                error_code = CASE WHEN j.cancel_requested_at IS NULL AND j.attempt >= $4 THEN 'interrupted' END,
                error_message = CASE WHEN j.cancel_requested_at IS NULL AND j.attempt >= $4
                    THEN 'Its worker died ' || j.attempt || ' times at the stage ' || j.stage || '.' END,
                ended_at = CASE WHEN j.cancel_requested_at IS NOT NULL OR j.attempt >= $4 THEN clock_timestamp() END,
                owner = NULL, epoch = j.epoch + 1, events = j.events + 1, updated_at = clock_timestamp()
            WHERE j.task_id = ANY (ARRAY(SELECT task_id FROM lost))
            RETURNING *),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, error_message, at)
            SELECT task_id, events, status, stage, progress, error_message, updated_at FROM requeued)
        SELECT task_id, kind, tenant, subject, status, stage, progress, events FROM requeued
        """;

    // A task that cannot be claimed or requeued ends here; its event's number is one that is surely free.
    private const string Fail =
        """
        WITH failed AS (
            UPDATE jobs j SET
                status = 'failed', error_code = 'not_stored', error_message = $2, owner = NULL, epoch = j.epoch + 1,
                ended_at = clock_timestamp(), updated_at = clock_timestamp(),
                events = GREATEST(j.events, (SELECT max(e.seq) FROM job_events e WHERE e.task_id = j.task_id)) + 1
            WHERE j.task_id = $1 AND j.status IN ('queued', 'running')
            RETURNING *),
        inserted AS (
            INSERT INTO job_events (task_id, seq, status, stage, progress, error_message, at)
            SELECT task_id, events, status, stage, progress, error_message, updated_at FROM failed)
        SELECT task_id, kind, tenant, subject, status, stage, progress, events FROM failed
        """;

    private const string ToCancel = "SELECT task_id FROM jobs WHERE status = 'running' AND owner = $1 AND cancel_requested_at IS NOT NULL";

    // Used by the claiming loop alone; _restart may be set by the sweep.
    private readonly QueueCursor _cursor = new(options.Value.Rescan, time);
    private volatile bool _restart;
    private readonly SetAside _unclaimable = new(progress, "JobClaims", time);   // used by the claiming loop alone
    private readonly SetAside _unqueueable = new(progress, "JobRequeues", time); // used by the sweep alone

    /// <summary>Takes up to <paramref name="count"/> tasks whose time has come, for <paramref name="owner"/>.</summary>
    /// <param name="low">One of <see cref="JobPriority.Low"/> is taken where so many are taken at most.</param>
    public async Task<IReadOnlyList<ClaimedJob>> ClaimAsync(
        Guid owner, int count, int low, CancellationToken cancellationToken)
    {
        if (_restart || !_unclaimable.IsEmpty) // what is set aside stays behind the cursor
        {
            _restart = false;
            _cursor.Restart();
        }
        var moved = new List<JobChange>();
        var claimed = await _unclaimable.RunAsync(
            () => ClaimAsync(MakeClaim()), CandidatesAsync, id => ClaimAsync(MakeClaimOf(id)),
            (id, reason) => FailAsync(id, reason, cancellationToken));
        // A task at its first attempt of its first stage has saved nothing yet.
        if (claimed.Exists(job => job.Stage != kinds[job.Kind].FirstStage || job.Attempt > 1))
            claimed = await WithSavedAsync(claimed, cancellationToken);
        moved.ForEach(changes.Publish);
        return claimed;

        NpgsqlCommand MakeClaim(string sql = Claim)
        {
            var command = new NpgsqlCommand(sql);
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = count });
            foreach (var since in _cursor.Since)
                command.Parameters.Add(new() { Value = since, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new() { Value = kinds.Names });
            command.Parameters.Add(new() { Value = _unclaimable.Ids });
            command.Parameters.Add(new() { Value = low });
            return command;
        }

        NpgsqlCommand MakeClaimOf(Guid id) =>
            new(ClaimOne) { Parameters = { new() { Value = owner }, new() { Value = id } } };

        async Task<List<Guid>> CandidatesAsync()
        {
            await using var command = MakeClaim(Next);
            return await IdsAsync(command, cancellationToken);
        }

        async Task<List<ClaimedJob>> ClaimAsync(NpgsqlCommand command)
        {
            var jobs = new List<ClaimedJob>();
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            using var watch = new CommitWatch(connection);
            await using (command)
            {
                command.Connection = connection;
                await command.PrepareAsync(cancellationToken);
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                {
                    _cursor.Passed(reader.GetInt32(11), reader.GetDateTime(12));
                    var job = new ClaimedJob(
                        reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                        reader.GetInt32(6), owner, reader.GetInt32(7), reader.GetTimeSpan(8), reader.GetBoolean(9),
                        Traceparent.Parse(reader.GetValue(10) as string), reader.GetTimeSpan(13), NothingSaved);
                    jobs.Add(job);
                    moved.Add(new(job.TaskId, job.Kind, job.Tenant, job.Subject, JobStatus.Running, job.Stage, reader.GetInt32(14), reader.GetInt32(15)));
                }
            }
            await watch.ConfirmAsync(cancellationToken);
            return jobs;
        }
    }

    private async Task<List<Guid>> IdsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        var ids = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ids.Add(reader.GetGuid(0));
        return ids;
    }

    /// <summary>
    /// Ends a task whose claim or requeueing the database refuses for its data, if it lets that be written.
    /// </summary>
    private async Task FailAsync(Guid taskId, Exception reason, CancellationToken cancellationToken)
    {
        if (DatabaseFailures.Of(reason) is not DatabaseFailure.Data)
        {
            LogStays(logger, reason, taskId);
            return;
        }
        LogRefused(logger, reason, taskId);
        try
        {
            await using var command = new NpgsqlCommand(Fail);
            command.Parameters.Add(new() { Value = taskId });
            command.Parameters.Add(new()
            {
                Value = $"The database refuses the task for its data (SQLSTATE {DatabaseFailures.SqlState(reason)}).",
            });
            (await ChangesAsync(command, cancellationToken)).ForEach(changes.Publish);
        }
        catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
        {
            LogStays(logger, e, taskId);
        }
    }

    private async Task<List<JobChange>> ChangesAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        command.Connection = connection;
        using var watch = new CommitWatch(connection);
        var moved = new List<JobChange>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                moved.Add(new(
                    reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4),
                    reader.GetString(5), reader.GetInt32(6), reader.GetInt32(7)));
            }
        }
        await watch.ConfirmAsync(cancellationToken);
        return moved;
    }

    private async Task<List<ClaimedJob>> WithSavedAsync(List<ClaimedJob> claimed, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        var saved = claimed.ToDictionary(job => job.TaskId, _ => new Dictionary<(string, string), string>());
        await using var command = new NpgsqlCommand(Saved, connection);
        command.Parameters.Add(new() { Value = saved.Keys.ToArray() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            saved[reader.GetGuid(0)][(reader.GetString(1), reader.GetString(2))] = reader.GetString(3);
        return [.. claimed.Select(job => job with { Saved = saved[job.TaskId] })];
    }

    /// <summary>Requeues tasks whose worker is gone.</summary>
    /// <param name="owner">This process.</param>
    /// <param name="running">The tasks that it runs.</param>
    /// <returns>How many.</returns>
    public async Task<int> RequeueLostAsync(Guid owner, Guid[] running, CancellationToken cancellationToken)
    {
        var requeued = await _unqueueable.RunAsync(
            () => RequeueAsync(null), LostAsync, id => RequeueAsync(id),
            (id, reason) => FailAsync(id, reason, cancellationToken));
        if (requeued.Count > 0)
            _restart = true; // they are behind the cursor
        requeued.ForEach(changes.Publish);
        metrics.Lost(requeued.Count);
        return requeued.Count;

        async Task<List<JobChange>> RequeueAsync(Guid? only)
        {
            await using var command = Make(Requeue, only);
            return await ChangesAsync(command, cancellationToken);
        }

        async Task<List<Guid>> LostAsync()
        {
            await using var command = Make(LostTasks, null);
            return await IdsAsync(command, cancellationToken);
        }

        NpgsqlCommand Make(string sql, Guid? only)
        {
            var command = new NpgsqlCommand(sql);
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = running });
            command.Parameters.Add(new() { Value = service.Instance });
            command.Parameters.Add(new() { Value = options.Value.MaxLosses });
            command.Parameters.Add(new() { Value = _unqueueable.Ids });
            command.Parameters.Add(new() { Value = (object?)only ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
            return command;
        }
    }

    /// <summary>Tasks of <paramref name="owner"/> whose cancellation was requested.</summary>
    public async Task<IReadOnlyList<Guid>> CancelRequestedAsync(Guid owner, CancellationToken cancellationToken)
    {
        var ids = new List<Guid>();
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(ToCancel, connection);
        command.Parameters.Add(new() { Value = owner });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            ids.Add(reader.GetGuid(0));
        return ids;
    }

    private static readonly Dictionary<(string, string), string> NothingSaved = [];

    [LoggerMessage(Level = LogLevel.Error, Message = "Task {TaskId} fails: the database refuses it for its data")]
    private static partial void LogRefused(ILogger logger, Exception reason, Guid taskId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Task {TaskId} stays as it is, the database refuses to change it; it is retried")]
    private static partial void LogStays(ILogger logger, Exception reason, Guid taskId);
}
