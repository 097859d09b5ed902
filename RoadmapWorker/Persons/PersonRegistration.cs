using Lyceum.Durability.Persons;

namespace Lyceum.RoadmapWorker.Persons;

internal static class PersonRegistration
{
    private const string Theirs = "tenant = $1 AND subject = $2";

    /// <summary>Where roadmapdb keeps something of persons.</summary>
    public static readonly PersonTables Tables = new(
    [
        .. PersonTable.Events,
        PersonTable.Own("jobs", "subject", batch: 50) with
        {
            Unexported = ["owner", "epoch", "fingerprint", "traceparent", "idempotency_key"],
        },
        PersonTable.Below("job_stages", "task_id", "jobs", "task_id", Theirs),
        PersonTable.Below("job_events", "task_id", "jobs", "task_id", Theirs),
        PersonTable.Below("execution_logs", "task_id", "jobs", "task_id", Theirs),
    ]);

    public static WebApplicationBuilder AddPersons(this WebApplicationBuilder builder)
    {
        builder.AddPersons(Tables);
        builder.Services.AddSingleton<IPersonalWork, PersonalJobs>();
        return builder;
    }
}
