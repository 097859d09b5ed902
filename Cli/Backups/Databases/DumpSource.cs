using System.Data;
using Lyceum.Cli.Backups.Archives;
using Npgsql;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>
/// A dump of each database. They share no snapshot, but the four are taken within milliseconds before the first dump, in an order
/// in which what is referred to comes last; what remains between them is repaired after a restore (<see cref="Repair"/>).
/// </summary>
internal sealed class DumpSource : DatabaseSource
{
    private readonly List<Snapshot> _snapshots = [];
    private string? _program;

    private sealed record Snapshot(
        NpgsqlConnectionStringBuilder Settings, NpgsqlConnection Connection, string Name, string Id, DateTimeOffset At);

    public override BackupMethod Method => BackupMethod.Dump;

    public static async Task<DatabaseSource> OpenAsync(Connections connections, CancellationToken cancellationToken)
    {
        var major = 0;
        foreach (var name in Connections.Databases)
            major = Math.Max(major, await MajorAsync(connections.Of(name), cancellationToken));
        var source = new DumpSource { PostgresMajor = major, _program = ServerTools.Find("pg_dump", major) };
        try
        {
            foreach (var name in Connections.Databases)
            {
                var settings = connections.Of(name);
                source._snapshots.Add(new(settings, await ConnectAsync(settings, cancellationToken), name, "", default));
            }
            return source;
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    public override async Task<IReadOnlyList<ArchivedDatabase>> AddToAsync(ArchiveWriter archive, CancellationToken cancellationToken)
    {
        // Here and not earlier: files that were added before must be older than what the databases say.
        for (var i = 0; i < _snapshots.Count; i++)
        {
            var connection = _snapshots[i].Connection;
            await using (var endless = new NpgsqlCommand("SET idle_in_transaction_session_timeout = 0", connection))
                await endless.ExecuteNonQueryAsync(cancellationToken);
            await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await using var export = new NpgsqlCommand("SELECT pg_export_snapshot(), clock_timestamp()", connection);
            await using var reader = await export.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            var at = await reader.GetFieldValueAsync<DateTimeOffset>(1, cancellationToken);
            _snapshots[i] = _snapshots[i] with { Id = reader.GetString(0), At = at };
        }
        var databases = new List<ArchivedDatabase>();
        foreach (var (settings, connection, name, id, at) in _snapshots)
        {
            databases.Add(new(name, at, await MigrationsAsync(connection, cancellationToken)));
            await using var dump = Tool.Start(
                _program!,
                ["--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-password", $"--snapshot={id}"],
                Connections.ToEnvironment(settings), writes: true);
            await archive.AddAsync(ArchiveFormat.DumpPart(name), dump.Output, cancellationToken);
            await dump.CompleteAsync(cancellationToken);
            // Old row versions are kept for as long as somebody might see them: no longer than is needed.
            await connection.DisposeAsync();
        }
        return databases;
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (var snapshot in _snapshots)
            await snapshot.Connection.DisposeAsync();
    }
}
