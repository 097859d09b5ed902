using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Destinations;
using Npgsql;

namespace Lyceum.Cli.Backups.Restoring;

/// <summary>Where a restore puts things.</summary>
/// <param name="DataFolder">For keys, passwords, transcripts.</param>
/// <param name="PostgresFolder">The server's data folder, for the server's files. The server does not run.</param>
/// <param name="FilesFolder">For other files, below which they have their old paths; null: they are left out.</param>
/// <param name="Replace">What is there is put aside (files) or deleted (tables).</param>
internal sealed record RestorePlan(Connections Connections, string DataFolder, string PostgresFolder, string? FilesFolder, bool Replace);

/// <summary>
/// Puts an archive back. It is read to its end first: what is damaged touches nothing. The server's files appear under their
/// folder's name only when all of them are there.
/// </summary>
internal sealed class RestoreRun(RestorePlan plan, KeyFile keys, TimeProvider time, Action<string> say)
{
    private const string Unfinished = ".restoring";
    private const string Passwords = "secrets.json";
    private const string LastMoved = "PG_VERSION"; // without it no server starts on a folder

    public async Task RunAsync(string path, CancellationToken cancellationToken)
    {
        say("Reading the archive to its end …");
        var manifest = await new VerifyRun(keys, workFolder: null).RunAsync(path, cancellationToken);
        var start = manifest.Start;
        say($"The archive is whole: of {start.CreatedAt:u}, version {start.Product}, PostgreSQL {start.PostgresMajor}.");

        var asides = $"before-restore-{time.GetUtcNow():yyyyMMddTHHmmssZ}";
        if (start.Method == BackupMethod.Base)
            MakeRoom(plan.PostgresFolder, $"{plan.PostgresFolder.TrimEnd('/')}.{asides}");
        else
            await MakeRoomInDatabasesAsync(manifest, cancellationToken);
        var keepsPasswords = start.Method == BackupMethod.Dump && File.Exists(Path.Combine(plan.DataFolder, Passwords));
        if (keepsPasswords)
            say($"{Passwords} stays as it is: its passwords are those of the servers here, of which nothing is restored but tables.");
        var tops = Names(manifest, ArchiveFormat.DataPrefix).Select(name => name.Split('/')[0]).Distinct();
        foreach (var top in tops.Where(top => !(keepsPasswords && top == Passwords)))
            MakeRoom(Path.Combine(plan.DataFolder, top), Path.Combine(plan.DataFolder, asides, top));
        if (plan.FilesFolder is { } files)
        {
            foreach (var name in Names(manifest, ArchiveFormat.FilesPrefix))
            {
                var file = Path.Combine(files, name);
                MakeRoom(file, $"{file}.{asides}");
            }
        }

        var unpacked = Path.Combine(plan.PostgresFolder, Unfinished);
        try
        {
            await using var file = VerifyRun.OpenArchive(path);
            await ArchiveReader.ReadAsync(file, keys.Identities, new Target(plan, unpacked, keepsPasswords), cancellationToken);
            if (start.Method == BackupMethod.Base)
            {
                await VerifyRun.CheckBaseAsync(unpacked, start.PostgresMajor, cancellationToken);
                await Durable.SyncAllAsync(unpacked, cancellationToken);
                foreach (var entry in Directory.GetFileSystemEntries(unpacked).OrderBy(entry => Path.GetFileName(entry) == LastMoved))
                    Directory.Move(entry, Path.Combine(plan.PostgresFolder, Path.GetFileName(entry)));
                Directory.Delete(unpacked);
                await Durable.SyncAsync(plan.PostgresFolder, cancellationToken);
            }
        }
        catch
        {
            if (Directory.Exists(unpacked))
                Directory.Delete(unpacked, recursive: true);
            throw;
        }
        if (start.Method == BackupMethod.Dump)
            await RepairAsync(manifest, cancellationToken);
        SayWhatIsNext(manifest);
    }

    private async Task RepairAsync(ArchiveManifest manifest, CancellationToken cancellationToken)
    {
        var first = manifest.Databases.Min(database => database.SnapshotAt) ?? manifest.Start.CreatedAt;
        var found = await Repair.RunAsync(plan.Connections, first, cancellationToken);
        foreach (var repaired in found)
            say($"Repaired: {repaired}.");
        say(found.Count == 0 ? "The databases agree with each other." : "The databases agree with each other now.");
    }

    private void SayWhatIsNext(ArchiveManifest manifest)
    {
        if (manifest.Start.Method == BackupMethod.Base)
        {
            say($"{plan.PostgresFolder} holds the server's data, with its roles and passwords of then. Give it to the server's account " +
                $"(chown -R) where that is another, and start PostgreSQL {manifest.Start.PostgresMajor} on it.");
        }
        if (plan.FilesFolder is null && Names(manifest, ArchiveFormat.FilesPrefix).Any())
            say("The archive has other files, which were left out: --files FOLDER puts them there.");
        say("Restored. Start the services: they bring the tables up to their version, and end what was being answered then.");
    }

    /// <exception cref="UsageException">Something is there, and is not to be replaced.</exception>
    private void MakeRoom(string path, string aside)
    {
        var isEmpty = Directory.Exists(path) ? !Directory.EnumerateFileSystemEntries(path).Any() : !File.Exists(path);
        if (isEmpty)
            return;
        if (!plan.Replace)
            throw new UsageException($"{path} is there and not empty. Nothing was changed; --replace puts it aside");
        Directory.CreateDirectory(Path.GetDirectoryName(aside)!);
        Directory.Move(path, aside);
        say($"{path} was put aside as {aside}.");
    }

    private async Task MakeRoomInDatabasesAsync(ArchiveManifest manifest, CancellationToken cancellationToken)
    {
        // All are looked at before one is changed.
        foreach (var emptying in (bool[])[false, true])
        {
            foreach (var name in manifest.Databases.Select(database => database.Name))
            {
                await using var connection = new NpgsqlConnection(plan.Connections.Of(name).ConnectionString);
                try
                {
                    await connection.OpenAsync(cancellationToken);
                }
                catch (NpgsqlException e)
                {
                    throw new UsageException($"{name} cannot be opened: {e.Message}");
                }
                await using var look = new NpgsqlCommand(
                    "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('public'))", connection);
                if (await look.ExecuteScalarAsync(cancellationToken) is false)
                    continue;
                if (!plan.Replace)
                    throw new UsageException($"the database {name} is not empty. Nothing was changed; --replace deletes what is in it");
                if (!emptying)
                    continue;
                await using var empty = new NpgsqlCommand("DROP SCHEMA public CASCADE; CREATE SCHEMA public", connection);
                await empty.ExecuteNonQueryAsync(cancellationToken);
            }
        }
    }

    /// <summary>Of the parts below it, without it.</summary>
    private static IEnumerable<string> Names(ArchiveManifest manifest, string prefix) => manifest.Parts
        .Where(part => part.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(part => part.Name[prefix.Length..]);

    private sealed class Target(RestorePlan plan, string unpacked, bool keepsPasswords) : IArchiveTarget
    {
        private int _major;

        public Task BeginAsync(ArchiveStart start, CancellationToken cancellationToken)
        {
            _major = start.PostgresMajor;
            return Task.CompletedTask;
        }

        public Task<IPartTarget> OpenAsync(string name, UnixFileMode mode, CancellationToken cancellationToken) =>
            Task.FromResult(Open(name, mode));

        private IPartTarget Open(string name, UnixFileMode mode)
        {
            if (name == ArchiveFormat.BasePart)
            {
                VerifyRun.CreateClosed(plan.PostgresFolder);
                return VerifyRun.Unpack(unpacked);
            }
            if (keepsPasswords && name == ArchiveFormat.DataPrefix + Passwords)
                return new NoTarget();
            if (name.StartsWith(ArchiveFormat.DataPrefix, StringComparison.Ordinal))
                return new FileTarget(Path.Combine(plan.DataFolder, name[ArchiveFormat.DataPrefix.Length..]), mode);
            if (name.StartsWith(ArchiveFormat.FilesPrefix, StringComparison.Ordinal))
            {
                return plan.FilesFolder is { } files
                    ? new FileTarget(Path.Combine(files, name[ArchiveFormat.FilesPrefix.Length..]), mode)
                    : new NoTarget();
            }
            var database = Connections.Databases.SingleOrDefault(database => name == ArchiveFormat.DumpPart(database))
                ?? throw new ArchiveException($"the archive holds {name}, which has no place here");
            return Tool.Start(
                ServerTools.Find("pg_restore", _major),
                ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--no-password",
                    $"--dbname={plan.Connections.Of(database).Database}"],
                Connections.ToEnvironment(plan.Connections.Of(database)), reads: true);
        }
    }
}
