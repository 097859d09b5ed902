using System.Diagnostics;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>
/// Three real servers: a primary, and two standbys of which one must have replayed a commit before it counts. Their
/// addresses stay, whoever is the primary.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private static readonly string[] Names = ["a", "b", "c"];

    private readonly Dictionary<string, PostgresServer> _servers = [];
    private int[] _ports = [];
    private string _primary = Names[0];

    public PostgresServer Primary => _servers[_primary];

    public IEnumerable<PostgresServer> Standbys =>
        _servers.Where(server => server.Key != _primary).Select(server => server.Value);

    /// <summary>All three, as Npgsql takes them.</summary>
    public string ConnectionString => new NpgsqlConnectionStringBuilder(Primary.ConnectionString("postgres"))
    {
        Host = string.Join(',', _ports.Select(port => $"127.0.0.1:{port}")),
        TargetSessionAttributes = "primary",
    }.ConnectionString;

    /// <summary>False where there is no PostgreSQL to be had.</summary>
    public bool IsAvailable => _servers.Count > 0;

    public async Task StartAsync()
    {
        var first = new PostgresServer();
        await first.StartAsync();
        if (!first.IsAvailable)
            return;
        _servers[_primary] = first;
        // Processes are killed here, not machines: what is written is there without a flush.
        await first.SetAsync(("fsync", "off"), ("wal_retrieve_retry_interval", "100ms"), ("wal_keep_size", "512MB"));
        foreach (var name in Names.Skip(1))
            _servers[name] = await first.StartStandbyAsync(name);
        _ports = [.. Names.Select(name => _servers[name].Port)];
        foreach (var server in _servers.Values) // also of the standbys, for when they are promoted
        {
            await server.SetAsync(
                ("synchronous_commit", "remote_apply"),
                ("synchronous_standby_names", $"ANY 1 ({string.Join(", ", Names)})"));
        }
    }

    /// <summary>Kills the primary with all its processes, and promotes the standby that has more of its log.</summary>
    /// <returns>When the standby was promoted, as <see cref="Stopwatch"/> counts.</returns>
    public async Task<long> FailOverAsync()
    {
        await RequireSynchronousAsync();
        await Primary.KillAsync();
        var received = new Dictionary<string, ulong>();
        foreach (var name in Names.Where(name => name != _primary))
            received[name] = await ReceivedAsync(_servers[name]);
        var (killed, next) = (_primary, received.MaxBy(standby => standby.Value).Key);
        await _servers[next].PromoteAsync();
        var promoted = Stopwatch.GetTimestamp();
        _primary = next;
        await _servers[received.Keys.Single(name => name != next)].FollowAsync(Primary);
        await _servers[killed].DisposeAsync();
        _servers.Remove(killed);
        return promoted;
    }

    /// <summary>Makes the server that was killed a standby of the present primary, with all its data anew.</summary>
    public async Task RebuildAsync()
    {
        foreach (var (name, port) in Names.Zip(_ports).Where(server => !_servers.ContainsKey(server.First)))
            _servers[name] = await Primary.StartStandbyAsync(name, port);
    }

    /// <summary>A primary that does not wait for its standbys would make every round worthless.</summary>
    private async Task RequireSynchronousAsync()
    {
        await using var source = NpgsqlDataSource.Create(Primary.ConnectionString("postgres", pooling: false));
        await using var command = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'");
        if (await command.ExecuteScalarAsync() is not 2L)
            throw new InvalidOperationException($"the primary {_primary} does not wait for two standbys");
    }

    private static async Task<ulong> ReceivedAsync(PostgresServer standby)
    {
        await using var source = NpgsqlDataSource.Create(standby.ConnectionString("postgres", pooling: false));
        await using var command = source.CreateCommand("SELECT pg_last_wal_receive_lsn()");
        return (ulong)(NpgsqlTypes.NpgsqlLogSequenceNumber)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
            await server.DisposeAsync();
    }
}
