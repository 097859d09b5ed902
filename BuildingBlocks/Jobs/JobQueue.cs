using System.Diagnostics;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
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
public sealed class JobQueue(
    SystemDataSource source, JobKinds kinds, JobChanges changes, JobMetrics metrics, ServiceInfo service, IOptions<JobOptions> options, TimeProvider time)
{
    // The owner's row is locked before anything is claimed for it: a lease that was swept claims nothing. now(), not
    // clock_timestamp(): only a stable value can end an index scan. SKIP LOCKED: workers share the queue without waiting.
    private const string Claim =
        """
        WITH me AS MATERIALIZED (SELECT id FROM owners WHERE id = $1 FOR KEY SHARE),
        next AS MATERIALIZED (
            SELECT task_id FROM (
                SELECT q.task_id, p.priority, row_number() OVER (ORDER BY p.priority, q.run_after) AS nth
                FROM (VALUES (0, $3, $2), (1, $4, $2), (2, $5, $7)) AS p(priority, since, most)
                CROSS JOIN LATERAL (
                    SELECT j.task_id, j.run_after FROM jobs j
                    WHERE j.status = 'queued' AND j.priority = p.priority AND j.run_after >= p.since
                      AND j.run_after <= now() AND j.kind = ANY ($6)
                    ORDER BY j.run_after LIMIT p.most FOR UPDATE SKIP LOCKED) q) ranked
            WHERE nth <= CASE WHEN priority < 2 THEN $2 ELSE $7 END),
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
    private const string Requeue =
        """
        WITH lost AS MATERIALIZED (
            SELECT j.task_id, j.epoch, j.stage, j.attempt, j.claimed_at FROM jobs j
            WHERE j.status = 'running' AND (
                NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = j.owner)
                OR (j.owner = $1 AND j.task_id <> ALL ($2) AND j.claimed_at < clock_timestamp() - interval '5 seconds'))
            LIMIT 500 FOR UPDATE SKIP LOCKED),
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

    private const string ToCancel = "SELECT task_id FROM jobs WHERE status = 'running' AND owner = $1 AND cancel_requested_at IS NOT NULL";

    // Used by the claiming loop alone; _restart may be set by the sweep.
    private readonly QueueCursor _cursor = new(options.Value.Rescan, time);
    private volatile bool _restart;

    /// <summary>Takes up to <paramref name="count"/> tasks whose time has come, for <paramref name="owner"/>.</summary>
    /// <param name="low">One of <see cref="JobPriority.Low"/> is taken where so many are taken at most.</param>
    public async Task<IReadOnlyList<ClaimedJob>> ClaimAsync(
        Guid owner, int count, int low, CancellationToken cancellationToken)
    {
        if (_restart)
        {
            _restart = false;
            _cursor.Restart();
        }
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        var claimed = new List<ClaimedJob>();
        var moved = new List<JobChange>();
        await using (var command = new NpgsqlCommand(Claim, connection))
        {
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = count });
            foreach (var since in _cursor.Since)
                command.Parameters.Add(new() { Value = since, NpgsqlDbType = NpgsqlDbType.TimestampTz });
            command.Parameters.Add(new() { Value = kinds.Names });
            command.Parameters.Add(new() { Value = low });
            await command.PrepareAsync(cancellationToken);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                _cursor.Passed(reader.GetInt32(11), reader.GetDateTime(12));
                var job = new ClaimedJob(
                    reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4), reader.GetString(5),
                    reader.GetInt32(6), owner, reader.GetInt32(7), reader.GetTimeSpan(8), reader.GetBoolean(9),
                    Traceparent.Parse(reader.GetValue(10) as string), reader.GetTimeSpan(13), NothingSaved);
                claimed.Add(job);
                moved.Add(new(job.TaskId, job.Kind, job.Tenant, job.Subject, JobStatus.Running, job.Stage, reader.GetInt32(14), reader.GetInt32(15)));
            }
        }
        // A task at its first attempt of its first stage has saved nothing yet.
        if (claimed.Exists(job => job.Stage != kinds[job.Kind].FirstStage || job.Attempt > 1))
            claimed = await WithSavedAsync(claimed, connection, cancellationToken);
        moved.ForEach(changes.Publish);
        return claimed;
    }

    private static async Task<List<ClaimedJob>> WithSavedAsync(
        List<ClaimedJob> claimed, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
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
        var requeued = new List<JobChange>();
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using (var command = new NpgsqlCommand(Requeue, connection))
        {
            command.Parameters.Add(new() { Value = owner });
            command.Parameters.Add(new() { Value = running });
            command.Parameters.Add(new() { Value = service.Instance });
            command.Parameters.Add(new() { Value = options.Value.MaxLosses });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                requeued.Add(new(
                    reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4),
                    reader.GetString(5), reader.GetInt32(6), reader.GetInt32(7)));
            }
        }
        if (requeued.Count > 0)
            _restart = true; // they are behind the cursor
        requeued.ForEach(changes.Publish);
        metrics.Lost(requeued.Count);
        return requeued.Count;
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
}
