using Lyceum.Cli.Backups.Archives;
using Npgsql;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>
/// The files of the whole server, with as much of its log as makes them one state: that of the moment when the copy ended. They
/// come through a pipe, so that nothing of it is on a disk unencrypted. The log since the beginning is kept for us by a
/// replication slot, which the server forgets with our connection, whatever becomes of this process.
/// </summary>
internal sealed class BaseSource : DatabaseSource
{
    private readonly Connections _connections;
    private readonly NpgsqlConnectionStringBuilder _administrator;
    private readonly NpgsqlConnection _slot;
    private readonly string _program;

    private BaseSource(Connections connections, NpgsqlConnectionStringBuilder administrator, NpgsqlConnection slot, string program) =>
        (_connections, _administrator, _slot, _program) = (connections, administrator, slot, program);

    public override BackupMethod Method => BackupMethod.Base;

    public static async Task<DatabaseSource> OpenAsync(
        Connections connections, NpgsqlConnectionStringBuilder administrator, int major, CancellationToken cancellationToken)
    {
        var program = ServerTools.Find("pg_basebackup", major);
        var slot = await ConnectAsync(administrator, cancellationToken);
        return new BaseSource(connections, administrator, slot, program) { PostgresMajor = major };
    }

    public override async Task<IReadOnlyList<ArchivedDatabase>> AddToAsync(ArchiveWriter archive, CancellationToken cancellationToken)
    {
        var databases = new List<ArchivedDatabase>();
        foreach (var name in Connections.Databases)
        {
            await using var connection = await ConnectAsync(_connections.Of(name), cancellationToken);
            databases.Add(new(name, null, await MigrationsAsync(connection, cancellationToken)));
        }
        await using (var keep = new NpgsqlCommand("SELECT pg_create_physical_replication_slot($1, true, true)", _slot))
        {
            keep.Parameters.Add(new() { Value = $"lyceum_backup_{Guid.NewGuid():N}" });
            await keep.ExecuteNonQueryAsync(cancellationToken);
        }
        await using var copy = Tool.Start(
            _program,
            ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password",
                "--label=lyceum backup"],
            Connections.ToEnvironment(_administrator), writes: true);
        await archive.AddAsync(ArchiveFormat.BasePart, copy.Output, cancellationToken);
        await copy.CompleteAsync(cancellationToken);
        return databases;
    }

    public override ValueTask DisposeAsync() => _slot.DisposeAsync();
}
