using Lyceum.Durability.Persons;
using Lyceum.Jobs;
using Npgsql;

namespace Lyceum.RoadmapWorker.Persons;

/// <summary>A person's tasks are cancelled, on whichever worker they run.</summary>
internal sealed class PersonalJobs(NpgsqlDataSource source, RunningJobs running) : IPersonalWork
{
    // What waits is claimed by nobody any more; what runs is ended by its owner, who reads this at the next sweep.
    private const string Cancel =
        """
        WITH waiting AS (
            UPDATE jobs SET status = 'cancelled', ended_at = clock_timestamp(), updated_at = clock_timestamp()
            WHERE tenant = $1 AND subject = $2 AND status = 'queued')
        UPDATE jobs SET cancel_requested_at = COALESCE(cancel_requested_at, clock_timestamp())
        WHERE tenant = $1 AND subject = $2 AND status = 'running'
        RETURNING task_id
        """;

    private const string PassOn =
        """
        WITH dates AS (
            UPDATE roadmap_dates SET subject = $3 WHERE tenant = $1 AND subject = $2 AND task_id::text = ANY ($4)),
        items AS (
            UPDATE practice_items SET subject = $3 WHERE tenant = $1 AND subject = $2 AND set_id::text = ANY ($5)),
        sets AS (
            UPDATE practice_sets SET subject = $3 WHERE tenant = $1 AND subject = $2 AND id::text = ANY ($5))
        UPDATE jobs SET subject = $3, idempotency_key = NULL WHERE tenant = $1 AND subject = $2 AND task_id::text = ANY ($4)
        """;

    public TimeSpan Patience => TimeSpan.FromSeconds(10);

    public async Task<bool> StopAsync(string tenant, string person, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(Cancel);
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = person });
        var tasks = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            tasks.Add(reader.GetGuid(0));
        tasks.ForEach(task => running.Cancel(task));
        return tasks.Count == 0;
    }

    /// <summary>A roadmap that is a class's plan stays, and a practice set that a class has.</summary>
    public async Task PassOnAsync(
        string tenant, string person, Inheritance inheritance, CancellationToken cancellationToken)
    {
        if (inheritance.Heir is not { } heir)
            return;
        await using var command = source.CreateCommand(PassOn);
        foreach (var value in (object[])[tenant, person, heir, inheritance.Of("roadmap"), inheritance.Of("practice_set")])
            command.Parameters.Add(new() { Value = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
