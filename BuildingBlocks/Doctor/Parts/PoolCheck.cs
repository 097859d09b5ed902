using System.Text.Json;
using Npgsql;

namespace Lyceum.Doctor.Parts;

/// <summary>
/// Pools of connections against what the server offers: all pools together must fit, and none may be smaller than its service needs.
/// What a pool may have, its instance says at <c>/health/db</c>.
/// </summary>
internal sealed class PoolCheck(Databases databases, Answers answers) : Check
{
    private const string Fix = "Maximum Pool Size in ConnectionStrings__DATABASE, max_connections in postgresql.conf (lyceum generate --max-connections reckons them).";

    /// <summary>Beside its pool: what an instance holds for its lease, its journal and its notifications.</summary>
    private const int Held = 2;

    private sealed record Pool(Instance Instance, string Database, int Most, int Waiting);

    /// <param name="Names">Of its databases.</param>
    private sealed record Server(int Most, int Kept, int Open, IReadOnlyList<string> Names);

    public override string Id => Ids.Pools;

    public override string Doc => "docs/operations.md";

    public override IReadOnlyList<string> Needs => [Ids.Reach, Ids.Instances];

    public override async Task<Outcome> RunAsync(CancellationToken cancellationToken)
    {
        if (databases.Names.Count == 0)
            return Outcome.Skipped("where the databases are is not known here", "their connection strings, or GET /api/ops/doctor");
        if (answers.Instances.Count == 0)
            return InstanceChecks.NotKnown;
        var pools = (await Task.WhenAll(answers.Instances.Select(PoolAsync))).OfType<Pool>().ToList();

        var tiny = Told.Together(pools.Where(pool => pool.Most < Needed(pool))
            .Select(pool => (pool.Instance.Name, $"its pool has {pool.Most} connections, it needs {Needed(pool)}")));
        if (tiny is not null)
            return Outcome.Fail(tiny, "the connections that each service needs", $"Raise {Fix}");

        List<string> seen = [], tight = [];
        foreach (var server in await ServersAsync(cancellationToken))
        {
            // A database that is not on this server is on another, of which its own service tells.
            var here = pools.Where(pool => server.Names.Contains(pool.Database)).ToList();
            var sum = here.Sum(pool => pool.Most);
            var sums = $"{here.Count} pools of {sum} connections together, max_connections is {server.Most}, {server.Kept} of them kept for administrators";
            if (sum > server.Most - server.Kept)
                return Outcome.Fail(sums, "pools that fit", $"Lower or raise {Fix}");
            if (sum + (Held * here.Count) > server.Most - server.Kept)
                tight.Add(sums);
            seen.Add($"{sums}, {server.Open} are open");
        }
        var waiting = Told.Together(pools.Where(pool => pool.Waiting > 0).Select(pool => (pool.Instance.Name, $"{pool.Waiting} requests wait for a connection")));
        return waiting is not null ? Outcome.Warn(waiting, "free connections", $"See what holds them (pg_stat_activity), or raise {Fix}")
            : tight.Count > 0 ? Outcome.Warn(string.Join("; ", tight), $"room for {Held} more of each instance", $"Lower or raise {Fix}")
            : Outcome.Ok(string.Join("; ", seen));
    }

    private static int Needed(Pool pool) => Site.Services[pool.Instance.Service].MinPool;

    private async Task<Pool?> PoolAsync(Instance instance)
    {
        if (!Site.Services.TryGetValue(instance.Service, out var facts) || facts.Database is not { } name
            || await answers.ReadAsync(instance, "/health/db") is not { ValueKind: JsonValueKind.Object } pool)
            return null;
        // Where another name was given to it, the connection string has that.
        var database = databases.Names.Contains(name) ? new NpgsqlConnectionStringBuilder(databases.Of(name)).Database ?? name : name;
        return pool.TryGetProperty("max_pool_size", out var most) && most.TryGetInt32(out var size)
            ? new(instance, database, size, pool.TryGetProperty("waiting", out var waiting) && waiting.TryGetInt32(out var number) ? number : 0)
            : null;
    }

    /// <summary>Each server once, though it may have several of the databases.</summary>
    private async Task<IReadOnlyList<Server>> ServersAsync(CancellationToken cancellationToken)
    {
        const string sql =
            """
            SELECT current_setting('max_connections')::int,
                   current_setting('superuser_reserved_connections')::int + COALESCE(current_setting('reserved_connections', true)::int, 0),
                   (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend'),
                   (SELECT array_agg(datname::text) FROM pg_database)
            """;
        var servers = databases.Names.GroupBy(name => new NpgsqlConnectionStringBuilder(databases.Of(name)) is var settings
            ? $"{settings.Host}:{settings.Port}" : "");
        return await Task.WhenAll(servers.Select(async server =>
        {
            await using var connection = await databases.OpenAsync(server.First(), cancellationToken);
            var row = await Databases.RowAsync(connection, sql, cancellationToken);
            return new Server((int)row[0], (int)row[1], (int)row[2], (string[])row[3]);
        }));
    }
}
