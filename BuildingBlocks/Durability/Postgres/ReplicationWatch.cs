using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// Shows in the metrics whether the server asks for a standby, whether it has one, and whether commits wait for it. It asks
/// every <see cref="Interval"/>; while the database does not answer, the last answer stands.
/// </summary>
internal sealed class ReplicationWatch(
    NpgsqlDataSource source, DatabaseReady ready, IMeterFactory meters, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    // A role without further rights sees only that a standby is there, not how far it is: it is enough.
    private const string Look =
        """
        SELECT current_setting('synchronous_standby_names') <> '', (SELECT count(*) FROM pg_stat_replication),
               (SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'SyncRep'
                  AND state_change < clock_timestamp() - interval '3 seconds')
        """;

    // Written by the one loop below.
    private volatile Seen? _seen;

    private sealed record Seen(bool IsRequired, long Standbys, long Waiting);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        var meter = meters.Create("Lyceum.Durability");
        meter.CreateObservableGauge("lyceum.replication.required", () => Of(seen => seen.IsRequired ? 1 : 0),
            description: "1 where the database counts a commit only when a standby has it");
        meter.CreateObservableGauge("lyceum.replication.standbys", () => Of(seen => seen.Standbys), "{standby}",
            "Standbys that are connected to the database");
        meter.CreateObservableGauge("lyceum.replication.waiting", () => Of(seen => seen.Waiting), "{commit}",
            "Commits of this service's database that have waited for a standby for more than 3 s");
        while (true)
        {
            try
            {
                await using var command = source.CreateCommand(Look);
                await using var reader = await command.ExecuteReaderAsync(stoppingToken);
                await reader.ReadAsync(stoppingToken);
                _seen = new(reader.GetBoolean(0), reader.GetInt64(1), reader.GetInt64(2));
            }
            catch (Exception e) when (ReplicatedCommits.IsNotReplicated(e))
            {
                // At least the one that opening a connection writes.
                _seen = (_seen ?? new(IsRequired: true, Standbys: 0, Waiting: 0)) with { Waiting = Math.Max(1, _seen?.Waiting ?? 0) };
            }
            catch (Exception) when (!stoppingToken.IsCancellationRequested)
            {
                // Health and the loops that write say so; a figure that is missing ends no service.
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    private IEnumerable<Measurement<long>> Of(Func<Seen, long> value) => _seen is { } seen ? [new(value(seen))] : [];
}
