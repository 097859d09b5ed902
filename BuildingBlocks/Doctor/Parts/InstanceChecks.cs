namespace Lyceum.Doctor.Parts;

/// <summary>Whether every instance answers, and what it says of itself that no other check here looks at.</summary>
internal sealed class InstanceChecks(Answers answers)
{
    private const string Doc = "docs/runbook.md";

    // The address of engines is a matter of the network's checks, GPUs have a check of their own.
    private static readonly string[] OfOthers = ["public_url", "gpu"];

    public IEnumerable<Check> All() =>
    [
        new Probe(Ids.Instances, Doc, [], AnswerAsync),
        // What follows from something that is red already is not told again.
        new Probe(Ids.Health, Doc,
            [Ids.Instances, Ids.Reach, Ids.Writes, Ids.Schema, Ids.Standbys, Ids.Sessions, Ids.Broker, Ids.Model, Ids.Disk, Ids.SecretFiles, Ids.Keys],
            HealthAsync),
    ];

    public static Outcome NotKnown { get; } =
        Outcome.Skipped("where the services are is not known here", "a data folder with --data, or GET /api/ops/doctor");

    private async Task<Outcome> AnswerAsync(CancellationToken cancellationToken)
    {
        if (answers.Instances.Count == 0)
            return NotKnown;
        var all = await answers.HealthAsync();
        var silent = Told.Together(all.Where(one => one.Silence is not null)
            .Select(one => ($"{one.Instance.Name} at {one.Instance.Address.GetLeftPart(UriPartial.Authority)}", one.Silence!)));
        return silent is null
            ? Outcome.Ok($"{all.Length} instances answer: {string.Join(", ", all.Select(one => one.Instance.Name))}")
            : Outcome.Fail(silent, "every instance answers /health", "Start it; where it runs, its log says what it waits for.");
    }

    private async Task<Outcome> HealthAsync(CancellationToken cancellationToken)
    {
        if (answers.Instances.Count == 0)
            return NotKnown;
        var all = await answers.HealthAsync();
        var faults = (
            from one in all
            from check in one.Checks
            where check.Value.Status is "degraded" or "unhealthy" && !OfOthers.Contains(check.Key)
            select (one.Instance.Name, What: $"{check.Key} is {check.Value.Status}{(check.Value.Detail is { } detail ? $" ({detail})" : "")}",
                IsBad: check.Value.Status == "unhealthy")).ToList();
        faults.AddRange(all.Where(one => one.Status == "draining").Select(one => (one.Instance.Name, "it is being stopped", false)));
        var told = Told.Together(faults.Select(fault => (fault.Name, fault.What)));
        const string fix = "Do what the detail says; docs/runbook.md has each check of /health.";
        return told is null ? Outcome.Ok("every instance says that it is well")
            : faults.Exists(fault => fault.IsBad) ? Outcome.Fail(told, "every instance is well", fix)
            : Outcome.Warn(told, "every instance is well", fix);
    }
}
