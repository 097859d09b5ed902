using Lyceum.Durability.Postgres;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Data;
using Lyceum.RoadmapWorker.Reviews;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.RoadmapWorker.Mastery;

/// <summary>One attempt, as evidence: without its words.</summary>
/// <param name="Counted">Whether it moved the schedule, and so the mastery.</param>
public sealed record Evidence(
    Guid AttemptId, Guid ItemId, DateTimeOffset At, string Outcome, double? Score, string? GradedBy, bool Counted);

/// <summary>What persons practised, by concept. Every query names the tenant and whose it is.</summary>
internal sealed class ProgressStore(RoadmapDb db, NpgsqlDataSource source, IOptions<JobOptions> options, TimeProvider time)
{
    /// <summary>Of each concept, the latest.</summary>
    private const int MostEvidence = 10;

    // Days are counted between dates in UTC, as the scheduler counts them.
    private const string Sums =
        """
        count(*) FILTER (WHERE reps > 0)::int, COALESCE(sum(reps), 0)::int,
        COALESCE(sum(last_score * power(
            1 + $6 * GREATEST(0, ($5 AT TIME ZONE 'UTC')::date - (last_review AT TIME ZONE 'UTC')::date) / stability, $7))
            FILTER (WHERE reps > 0), 0),
        max(last_review), count(*) FILTER (WHERE reps > 0 AND due <= $5)::int, count(*) FILTER (WHERE reps = 0)::int
        """;

    private const string Select =
        $"""
        SELECT subject, task_id, concept_id, NULL::uuid, {Sums} FROM practice_cards
        WHERE tenant = $1 AND subject = ANY ($2) AND task_id = ANY ($3) GROUP BY subject, task_id, concept_id
        UNION ALL
        SELECT subject, NULL, NULL, set_id, {Sums} FROM practice_cards
        WHERE tenant = $1 AND subject = ANY ($2) AND set_id = ANY ($4) AND (task_id IS NULL OR task_id <> ALL ($3)) GROUP BY subject, set_id
        """;

    private const string Latest =
        """
        SELECT a.concept_id, a.id, a.item_id, a.at, a.outcome, a.score, a.graded_by, a.counted
        FROM unnest($4) AS c(id) CROSS JOIN LATERAL (
            SELECT * FROM practice_attempts
            WHERE tenant = $1 AND subject = $2 AND task_id = $3 AND concept_id = c.id ORDER BY id DESC LIMIT $5) a
        ORDER BY a.id DESC
        """;

    /// <summary>By person and concept of these roadmaps, and by person and set of these sets; those without an item are left out.</summary>
    public Task<List<Practised>> ReadAsync(
        string tenant, IReadOnlyCollection<string> subjects, IReadOnlyCollection<Guid> tasks, IReadOnlyCollection<Guid> sets,
        CancellationToken cancellationToken) => QueryAsync(
            Select, reader => new Practised(
                reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetGuid(1), reader.GetValue(2) as string,
                reader.IsDBNull(3) ? null : reader.GetGuid(3), reader.GetInt32(4), reader.GetInt32(5), reader.GetDouble(6),
                reader.IsDBNull(7) ? null : reader.GetFieldValue<DateTimeOffset>(7), reader.GetInt32(8), reader.GetInt32(9)),
            [tenant, subjects.ToArray(), tasks.ToArray(), sets.ToArray(), time.GetStoredNow(), Fsrs.Factor, Fsrs.Decay], cancellationToken);

    /// <summary>The latest attempts at each concept, latest first.</summary>
    public async Task<ILookup<string, Evidence>> EvidenceAsync(
        string tenant, string subject, Guid taskId, IEnumerable<string> concepts, CancellationToken cancellationToken) =>
        (await QueryAsync(
            Latest, reader => (reader.GetString(0), new Evidence(
                reader.GetGuid(1), reader.GetGuid(2), reader.GetFieldValue<DateTimeOffset>(3), reader.GetString(4),
                reader.IsDBNull(5) ? null : reader.GetDouble(5), reader.GetValue(6) as string, reader.GetBoolean(7))),
            [tenant, subject, taskId, concepts.ToArray(), MostEvidence], cancellationToken))
        .ToLookup(found => found.Item1, found => found.Item2, StringComparer.Ordinal);

    public Task<List<ConceptMarkRow>> MarksAsync(
        string tenant, IReadOnlyCollection<string> subjects, IReadOnlyCollection<Guid> tasks, CancellationToken cancellationToken)
    {
        var (persons, roadmaps) = (subjects.ToArray(), tasks.ToArray());
        return Transient.RetryOnceAsync(_ => db.ConceptMarks.AsNoTracking()
            .Where(mark => mark.Tenant == tenant && persons.Contains(mark.Subject) && roadmaps.Contains(mark.TaskId))
            .ToListAsync(cancellationToken));
    }

    /// <param name="mark">Null: none any more.</param>
    public Task MarkAsync(string tenant, string subject, Guid taskId, string conceptId, string? mark, CancellationToken cancellationToken) =>
        mark is null
            ? db.ConceptMarks.Where(row => row.Tenant == tenant && row.Subject == subject && row.TaskId == taskId && row.ConceptId == conceptId)
                .ExecuteDeleteAsync(cancellationToken)
            : db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO concept_marks (tenant, subject, task_id, concept_id, mark, at)
                VALUES ({tenant}, {subject}, {taskId}, {conceptId}, {mark}, {time.GetStoredNow()})
                ON CONFLICT (tenant, subject, task_id, concept_id) DO UPDATE SET mark = EXCLUDED.mark, at = EXCLUDED.at
                """, cancellationToken);

    public Task<LearnerPlanRow?> PlanAsync(string tenant, string subject, Guid taskId, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.LearnerPlans.AsNoTracking().SingleOrDefaultAsync(
            plan => plan.Tenant == tenant && plan.Subject == subject && plan.TaskId == taskId, cancellationToken));

    public Task SavePlanAsync(LearnerPlanRow plan, CancellationToken cancellationToken) => db.Database.ExecuteSqlAsync(
        $"""
        INSERT INTO learner_plans (tenant, subject, task_id, weeks, made_at)
        VALUES ({plan.Tenant}, {plan.Subject}, {plan.TaskId}, {plan.Weeks}::json, {plan.MadeAt})
        ON CONFLICT (tenant, subject, task_id) DO UPDATE SET weeks = EXCLUDED.weeks, made_at = EXCLUDED.made_at
        """, cancellationToken);

    /// <summary>The dates of roadmaps that are readable.</summary>
    public async Task<Dictionary<Guid, IReadOnlyList<PlanDate>>> DatesAsync(
        string tenant, IReadOnlyCollection<Guid> tasks, CancellationToken cancellationToken)
    {
        var roadmaps = tasks.ToArray();
        var rows = await Transient.RetryOnceAsync(_ => db.RoadmapDates.AsNoTracking()
            .Where(dates => dates.Tenant == tenant && roadmaps.Contains(dates.TaskId)).ToListAsync(cancellationToken));
        return rows.ToDictionary(row => row.TaskId, row => JobJson.Read<IReadOnlyList<PlanDate>>(row.Dates));
    }

    public Task SaveDatesAsync(
        string tenant, string subject, Guid taskId, IReadOnlyList<PlanDate> dates, CancellationToken cancellationToken) =>
        db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO roadmap_dates (task_id, tenant, subject, dates, updated_at)
            VALUES ({taskId}, {tenant}, {subject}, {JobJson.Write(dates)}::json, {time.GetStoredNow()})
            ON CONFLICT (task_id) DO UPDATE SET dates = EXCLUDED.dates, updated_at = EXCLUDED.updated_at
            """, cancellationToken);

    private Task<List<T>> QueryAsync<T>(
        string sql, Func<NpgsqlDataReader, T> read, object[] values, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(async _ =>
        {
            await using var connection = await source.OpenWithinAsync(options.Value.PoolWait, cancellationToken);
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
                command.Parameters.Add(new() { Value = value });
            var rows = new List<T>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                rows.Add(read(reader));
            return rows;
        });
}
