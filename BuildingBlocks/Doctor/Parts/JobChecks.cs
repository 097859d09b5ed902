namespace Lyceum.Doctor.Parts;

/// <summary>
/// Whether work that was accepted gets on: answers (chatdb) and tasks (roadmapdb) have an owner with a lease, and the queue moves.
/// </summary>
internal sealed class JobChecks(Databases databases)
{
    private const string Doc = "docs/runbook.md";

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);
    private static readonly string[] Needs = [Ids.Reach, Ids.Writes, Ids.Schema, Ids.Standbys, Ids.Instances];

    // Database, whose it is, and what it has of work that is nobody's: a takeover is due 5 s after an owner's death.
    private static readonly (string Database, string Service, string Orphans)[] Owned =
    [
        ("chatdb", "chat-api",
            """
            SELECT count(*) FROM generations g WHERE g.ended_at IS NULL AND NOT EXISTS (SELECT FROM owners o WHERE o.id = g.owner)
            """),
        ("roadmapdb", "roadmap-worker",
            """
            SELECT count(*) FROM jobs j WHERE j.status = 'running' AND NOT EXISTS (SELECT FROM owners o WHERE o.id = j.owner)
            """),
    ];

    public IEnumerable<Check> All() =>
    [
        new Probe(Ids.Workers, Doc, Needs, WorkersAsync) { Within = TimeSpan.FromSeconds(20) },
        new Probe(Ids.Queue, Doc, [.. Needs, Ids.Workers], QueueAsync),
    ];

    private async Task<Outcome> WorkersAsync(CancellationToken cancellationToken)
    {
        var known = Owned.Where(owned => databases.Names.Contains(owned.Database)).ToList();
        if (known.Count == 0)
            return Outcome.Skipped("chatdb and roadmapdb are not known here", "their connection strings, or GET /api/ops/doctor");
        var seen = await Task.WhenAll(known.Select(LookAsync));
        // A takeover may be going on, or a service just have started: what is so twice, a takeover apart, stays so.
        if (seen.Any(one => one.IsWrong))
        {
            await Task.Delay(2 * Lease, cancellationToken);
            seen = await Task.WhenAll(known.Select(LookAsync));
        }
        var without = Told.Together(seen.Where(one => one.Owners == 0).Select(one => (one.Service, "no process of it has a lease")));
        var orphans = Told.Together(seen.Where(one => one is { Owners: > 0, Orphans: > 0 })
            .Select(one => (one.Service, $"{one.Orphans} are nobody's, and nobody takes them over")));
        return without is not null
            ? Outcome.Fail(without, "a lease in the table owners", "Start the service; where it runs, its log says why it does not renew its lease.")
            : orphans is not null
                ? Outcome.Fail(orphans, "an owner for everything that is being worked on", "Restart the service, and report its log.")
                : Outcome.Ok(string.Join(", ", seen.Select(one => $"{one.Service}: {one.Owners} with a lease")));

        async Task<(string Service, long Owners, long Orphans, bool IsWrong)> LookAsync((string Database, string Service, string Orphans) owned)
        {
            await using var connection = await databases.OpenAsync(owned.Database, cancellationToken);
            var row = await Databases.RowAsync(
                connection, $"SELECT (SELECT count(*) FROM owners WHERE lease_until > clock_timestamp()), ({owned.Orphans})", cancellationToken);
            var (owners, orphans) = ((long)row[0], (long)row[1]);
            return (owned.Service, owners, orphans, owners == 0 || orphans > 0);
        }
    }

    private async Task<Outcome> QueueAsync(CancellationToken cancellationToken)
    {
        if (!databases.Names.Contains("roadmapdb"))
            return Outcome.Skipped("roadmapdb is not known here", "its connection string, or GET /api/ops/doctor");
        // Waiting: due for more than two minutes. Moved: the last time that any task began or finished a stage.
        const string sql =
            """
            SELECT (SELECT count(*) FROM jobs WHERE status = 'queued' AND run_after < clock_timestamp() - interval '2 minutes'),
                   (SELECT extract(epoch FROM clock_timestamp() - min(run_after))::float8 FROM jobs WHERE status = 'queued' AND run_after <= clock_timestamp()),
                   (SELECT extract(epoch FROM clock_timestamp() - max(updated_at))::float8 FROM jobs),
                   (SELECT count(*) FROM jobs WHERE status = 'running'),
                   (SELECT count(*) FROM jobs WHERE status = 'running' AND deadline < clock_timestamp() - interval '1 minute'),
                   (SELECT count(*) FROM jobs WHERE status IN ('queued', 'running') AND attempt >= 3)
            """;
        const string expected = "tasks that begin within two minutes, and end";
        await using var connection = await databases.OpenAsync("roadmapdb", cancellationToken);
        var row = await Databases.RowAsync(connection, sql, cancellationToken);
        var (waiting, running, overdue, tried) = ((long)row[0], (long)row[3], (long)row[4], (long)row[5]);
        var oldest = row[1] as double? ?? 0;
        var moved = row[2] as double? ?? 0;
        if (overdue > 0)
        {
            return Outcome.Fail($"{overdue} tasks run on past their deadline", expected,
                "Restart roadmap-worker: another process takes them over. GET /api/v1/roadmaps/TASK/logs says where they stand.");
        }
        if (waiting > 0 && moved > 120)
        {
            return Outcome.Fail($"{waiting} tasks are due, the oldest for {oldest:0} s, and none has moved for {moved:0} s", expected,
                "See roadmap-worker's log and the model's; Jobs__Concurrency says how many run at once.");
        }
        if (waiting > 0)
        {
            return Outcome.Warn($"{waiting} tasks wait for more than two minutes, the oldest for {oldest:0} s; {running} run", expected,
                "Raise Jobs__Concurrency, or have more of roadmap-worker or of engines.");
        }
        return tried > 0
            ? Outcome.Warn($"{tried} tasks are at their third attempt or beyond", expected, "GET /api/v1/roadmaps/TASK/logs says why; most often the model does not answer.")
            : Outcome.Ok($"{running} tasks run, none waits long");
    }
}
