using System.Security.Cryptography;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Restoring;
using Lyceum.Cli.Installation;
using Npgsql;

namespace Lyceum.Cli.Backups.Rehearsal;

/// <summary>
/// Restores an archive into a scratch folder, starts PostgreSQL and the services on it, and asks a question: a backup that was never
/// restored is a hope. Nothing of the running system is touched, and nothing of the scratch system is left.
/// </summary>
/// <param name="servicesFolder">Of a release, or of a checkout that was built.</param>
/// <param name="workFolder">Has room for the data, unpacked.</param>
internal sealed class RehearsalRun(KeyFile keys, string servicesFolder, string workFolder, Action<string> say)
{
    public async Task RunAsync(string archive, CancellationToken cancellationToken)
    {
        foreach (var service in Services.All)
            ScratchServices.Find(servicesFolder, service); // before the work
        // 1. What is in it says how it is restored.
        var manifest = await new VerifyRun(keys, workFolder: null).RunAsync(archive, cancellationToken);
        var scratch = Path.Combine(workFolder, $"lyceum-rehearsal-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        if (OperatingSystem.IsWindows())
            throw new UsageException("a rehearsal needs Linux");
        Directory.CreateDirectory(scratch, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            await RunAsync(archive, manifest, scratch, cancellationToken);
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private async Task RunAsync(string archive, ArchiveManifest manifest, string scratch, CancellationToken cancellationToken)
    {
        // 2. Files, and the databases: a server on its own files, or a new one that takes the dumps.
        var (data, postgres, logs) = (Path.Combine(scratch, "data"), Path.Combine(scratch, "postgres"), Path.Combine(scratch, "logs"));
        var restore = (Connections connections) => new RestoreRun(
            new(connections, data, postgres, null, Replace: false), keys, TimeProvider.System, _ => { }).RunAsync(archive, cancellationToken);
        // The passwords of then are not known here: whoever can enter the scratch folder is let in.
        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        if (manifest.Start.Method == BackupMethod.Base)
        {
            await restore(Connections.Of(new Dictionary<string, string>()));
            await LetInBySocketAsync(postgres, cancellationToken);
        }
        await using var server = ScratchServer.Start(postgres, Path.Combine(scratch, "s"), password);
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = server.Sockets, Port = server.Port, Username = "postgres", Password = password,
        };
        var connections = Connections.Of(Connections.Databases.Append("postgres")
            .ToDictionary(name => name, name => $"{settings.ConnectionString};Database={name}"));
        await server.UntilReadyAsync(connections.Administrator!, cancellationToken);
        if (manifest.Start.Method == BackupMethod.Dump)
        {
            await using var administrator = NpgsqlDataSource.Create(connections.Administrator!.ConnectionString);
            foreach (var name in Connections.Databases)
            {
                await using var create = administrator.CreateCommand(
                    $"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
                await create.ExecuteNonQueryAsync(cancellationToken);
            }
            await restore(connections);
        }

        // 3. Is it what the archive says?
        foreach (var database in manifest.Databases)
            say(await DescribeAsync(connections, database, cancellationToken));

        // 4. The services bring it up to their version; then a question, which needs keys, databases and an engine.
        await using var services = ScratchServices.Start(servicesFolder, data, logs, connections);
        await services.UntilHealthyAsync(logs, cancellationToken);
        say($"Asked a question, and got an answer of {await Question.AskAsync(services["chat-api"], data, cancellationToken)} characters.");
    }

    private static Task LetInBySocketAsync(string postgres, CancellationToken cancellationToken) => File.WriteAllTextAsync(
        Path.Combine(postgres, "pg_hba.conf"), "local all postgres trust\n", cancellationToken);

    private static async Task<string> DescribeAsync(Connections connections, ArchivedDatabase database, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(connections.Of(database.Name).ConnectionString);
        await using var command = source.CreateCommand(
            """
            SELECT (SELECT array_agg("MigrationId" ORDER BY "MigrationId") FROM "__EFMigrationsHistory"),
                   (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p'))
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        // In the order of this program rather than of a collation.
        string[] migrations = [.. (await reader.GetFieldValueAsync<string[]>(0, cancellationToken)).Order(StringComparer.Ordinal)];
        if (!migrations.SequenceEqual(database.Migrations.Order(StringComparer.Ordinal)))
            throw new Age.ArchiveException($"{database.Name} has other migrations than the archive says");
        return $"{database.Name}: {await reader.GetFieldValueAsync<long>(1, cancellationToken)} tables, as of {migrations[^1]}";
    }
}
