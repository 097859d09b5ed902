using Lyceum.Cli.Backups.Archives;
using Npgsql;
using Npgsql.Replication;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>What a backup takes the databases from, once it is known in which way.</summary>
internal abstract class DatabaseSource : IAsyncDisposable
{
    private const string Migrations = """SELECT "MigrationId" FROM "__EFMigrationsHistory" ORDER BY 1""";

    public abstract BackupMethod Method { get; }

    public required int PostgresMajor { get; init; }

    /// <summary>Chooses the way, and prepares it.</summary>
    /// <param name="wanted">Null: the server's files if they are ours to copy, else dumps.</param>
    /// <param name="say">Tells the operator which way it is, and why.</param>
    public static async Task<DatabaseSource> OpenAsync(
        Connections connections, BackupMethod? wanted, Action<string> say, CancellationToken cancellationToken)
    {
        string reason;
        if (wanted is not BackupMethod.Dump)
        {
            if (connections.Administrator is { } administrator)
            {
                reason = await WhyNoBaseAsync(administrator, cancellationToken) ?? "";
                if (reason.Length == 0)
                {
                    var major = await MajorAsync(administrator, cancellationToken);
                    say($"PostgreSQL {major}: the server's files, with its log (pg_basebackup)");
                    return await BaseSource.OpenAsync(connections, administrator, major, cancellationToken);
                }
            }
            else
            {
                reason = "no administrator's connection is given (ConnectionStrings__postgres)";
            }
            if (wanted is BackupMethod.Base)
                throw new UsageException($"pg_basebackup is not possible: {reason}");
            say($"A dump of each database: {reason}");
        }
        return await DumpSource.OpenAsync(connections, cancellationToken);
    }

    /// <summary>Adds every database. Whatever refers to them must be in the archive before.</summary>
    public abstract Task<IReadOnlyList<ArchivedDatabase>> AddToAsync(ArchiveWriter archive, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();

    protected static async Task<NpgsqlConnection> ConnectAsync(NpgsqlConnectionStringBuilder settings, CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch (NpgsqlException e)
        {
            await connection.DisposeAsync();
            throw new UsageException($"{settings.Database} on {settings.Host}:{settings.Port} cannot be opened: {e.Message}");
        }
    }

    protected static async Task<int> MajorAsync(NpgsqlConnectionStringBuilder settings, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(settings, cancellationToken);
        return connection.PostgreSqlVersion.Major;
    }

    protected static async Task<IReadOnlyList<string>> MigrationsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var ids = new List<string>();
        await using var command = new NpgsqlCommand(Migrations, connection);
        try
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                ids.Add(reader.GetString(0));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            throw new UsageException($"{connection.Database} is no database of Lyceum's: it has no migrations");
        }
        return ids;
    }

    private static async Task<string?> WhyNoBaseAsync(NpgsqlConnectionStringBuilder administrator, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await ConnectAsync(administrator, cancellationToken);
            await using var command = new NpgsqlCommand(
                """
                SELECT CASE
                    WHEN pg_is_in_recovery() THEN 'the server is a standby'
                    WHEN NOT (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user)
                        THEN 'the role ' || current_user || ' may not replicate'
                    WHEN EXISTS (SELECT FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global'))
                        THEN 'the server has tablespaces of its own'
                END
                """,
                connection);
            if (await command.ExecuteScalarAsync(cancellationToken) is string reason)
                return reason;
        }
        catch (UsageException e)
        {
            return e.Message;
        }
        try
        {
            await using var replication = new PhysicalReplicationConnection(administrator.ConnectionString);
            await replication.Open(cancellationToken);
            return null;
        }
        catch (NpgsqlException e)
        {
            return $"the server takes no replication connection from here: {e.Message}";
        }
    }
}
