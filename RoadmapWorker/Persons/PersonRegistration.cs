using Lyceum.Durability.Persons;
using Lyceum.Durability.Retention;

namespace Lyceum.RoadmapWorker.Persons;

internal static class PersonRegistration
{
    private const string Theirs = "tenant = $1 AND subject = $2";

    /// <summary>Where roadmapdb keeps something of persons.</summary>
    public static readonly PersonTables Tables = new(
    [
        .. PersonTable.Events,
        PersonTable.Own("practice_attempts", "subject") with { Unexported = ["idempotency_key", "fingerprint"] },
        PersonTable.Own("practice_cards", "subject"),
        PersonTable.Own("practice_days", "subject"),
        PersonTable.Own("practice_items", "subject"),
        PersonTable.Own("practice_sets", "subject"),
        PersonTable.Own("concept_marks", "subject"),
        PersonTable.Own("learner_plans", "subject"),
        PersonTable.Own("roadmap_dates", "subject"),
        PersonTable.Own("jobs", "subject", batch: 50) with
        {
            Unexported = ["owner", "epoch", "fingerprint", "traceparent", "idempotency_key"],
        },
        PersonTable.Below("job_stages", "task_id", "jobs", "task_id", Theirs),
        PersonTable.Below("job_events", "task_id", "jobs", "task_id", Theirs),
        PersonTable.Below("execution_logs", "task_id", "jobs", "task_id", Theirs),
    ]);

    // Of tasks that have ended; a running one's say what it has used.
    private const string DeleteLogs =
        """
        DELETE FROM execution_logs WHERE ctid = ANY (ARRAY(
            SELECT l.ctid FROM jobs j JOIN execution_logs l ON l.task_id = j.task_id
            WHERE j.tenant = $1 AND j.ended_at IS NOT NULL AND l.started_at < $2 LIMIT $3 FOR UPDATE OF l SKIP LOCKED))
        """;

    public static WebApplicationBuilder AddPersons(this WebApplicationBuilder builder)
    {
        builder.AddPersons(Tables);
        builder.Services.AddSingleton<IPersonalWork, PersonalJobs>();
        builder.Services.AddRetained("job_logs", retention => retention.Logs, DeleteLogs);
        return builder;
    }
}
