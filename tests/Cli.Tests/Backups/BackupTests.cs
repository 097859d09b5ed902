using Lyceum.Cli.Backups;
using Lyceum.Cli.Backups.Age;
using Lyceum.Cli.Backups.Archives;
using Lyceum.Cli.Backups.Databases;
using Lyceum.Cli.Backups.Destinations;
using Lyceum.Cli.Backups.Restoring;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Cli.Tests.Backups;

[Collection(SourceCollection.Name)]
public sealed class BackupTests(SourceSystem system) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-backup-").FullName;
    private readonly List<string> _said = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task ServersFiles_BackedUpUnderWrites_AreAServerAgain()
    {
        var chat = system.Server.ConnectionString("chatdb", pooling: false);
        await PostgresServer.ExecuteAsync(chat, "INSERT INTO messages (content) SELECT repeat('答', 2000) FROM generate_series(1, 3000)");
        var shown = await SourceSystem.ScalarAsync<string>(chat, "SELECT string_agg(md5(content || id), '' ORDER BY id) FROM messages");
        using var stop = new CancellationTokenSource();
        var writing = WriteAsync(chat, stop.Token);

        var keys = NewKey();
        var archive = await BackUpAsync(keys, BackupMethod.Base);
        await stop.CancelAsync();
        await writing;
        var manifest = await new VerifyRun(keys, _folder).RunAsync(archive, default);
        var data = Path.Combine(_folder, "restored");
        await using var restored = new PostgresServer(inMemory: true);
        await restored.StartOnAsync(postgres => RestoreAsync(keys, archive, new(system.Connections(), data, postgres, null, Replace: false)));

        manifest.Start.Method.ShouldBe(BackupMethod.Base);
        manifest.Databases.ShouldAllBe(database => database.Migrations.Single() == "20260101000000_Initial");
        (await SourceSystem.ScalarAsync<string>(
            restored.ConnectionString("chatdb", pooling: false),
            "SELECT string_agg(md5(content || id), '' ORDER BY id) FROM messages WHERE content <> 'meanwhile'")).ShouldBe(shown);
        (await SourceSystem.ScalarAsync<long>(system.Server.ConnectionString("postgres", pooling: false), "SELECT count(*) FROM pg_replication_slots"))
            .ShouldBe(0);
        File.ReadAllText(Path.Combine(data, "keys", "chat-api.pem")).ShouldBe("a key");
        File.GetUnixFileMode(Path.Combine(data, "keys", "chat-api.pem")).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.ReadAllText(Path.Combine(data, "transcripts", "gpu-engine", "0000000001.log")).ShouldBe("said");
        Directory.GetFiles(Path.Combine(data, "transcripts", "gpu-engine")).Length.ShouldBe(1);
        File.Exists(Path.Combine(data, "state.json")).ShouldBeFalse();
    }

    [Fact]
    public async Task Dumps_RestoredIntoEmptyDatabases_AreRepairedWhereTheyDisagree()
    {
        await system.CreateDatabasesAsync("_new");
        var (job, lost) = (Guid.NewGuid(), Guid.NewGuid());
        await system.ExecuteAsync("roadmapdb", $"INSERT INTO jobs VALUES ('{job}')");
        await system.ExecuteAsync("chatdb", "INSERT INTO messages (content, tutor_id) VALUES ('of a tutor', 7)");
        // As if it had happened between the snapshots: a share of a roadmap, and a deletion that all have confirmed.
        await system.ExecuteAsync(
            "sessiondb",
            "INSERT INTO shares SELECT gen_random_uuid(), kind, thing FROM " +
            $"(VALUES ('roadmap', '{job}'), ('roadmap', '{lost}'), ('tutor', '1')) AS shared (kind, thing)",
            "WITH e AS (INSERT INTO erasures VALUES (gen_random_uuid(), now() + interval '1 hour') RETURNING id) " +
            "INSERT INTO erasure_steps SELECT id, s, 0, now(), now() + interval '1 hour' FROM e, unnest(ARRAY['chat-api', 'session-api']) s");
        var keys = NewKey();

        var archive = await BackUpAsync(keys, BackupMethod.Dump);
        (await new VerifyRun(keys, null).RunAsync(archive, default)).Start.Method.ShouldBe(BackupMethod.Dump);
        var plan = new RestorePlan(system.Connections("_new"), Path.Combine(_folder, "new"), Path.Combine(_folder, "none"), null, Replace: false);
        await RestoreAsync(keys, archive, plan);

        var sessions = system.ConnectionString("sessiondb_new");
        (await SourceSystem.ScalarAsync<long>(sessions, "SELECT count(*) FROM shares")).ShouldBe(2);
        (await SourceSystem.ScalarAsync<string>(sessions, "SELECT string_agg(service, ',') FROM erasure_steps WHERE done_at IS NULL")).ShouldBe("chat-api");
        (await SourceSystem.ScalarAsync<long>(sessions, "SELECT count(*) FROM erasures WHERE done_at IS NULL")).ShouldBe(1);
        (await SourceSystem.ScalarAsync<int>(sessions, "INSERT INTO tutors (name) VALUES ('next') RETURNING id")).ShouldBe(8);
        (await SourceSystem.ScalarAsync<long>(system.ConnectionString("chatdb_new"), "SELECT count(*) FROM messages WHERE tutor_id = 7")).ShouldBe(1);
        _said.Count(line => line.StartsWith("Repaired", StringComparison.Ordinal)).ShouldBe(3);

        // What is there is not replaced unless that is said.
        (await Should.ThrowAsync<UsageException>(RestoreAsync(keys, archive, plan))).Message.ShouldContain("--replace");
        (await SourceSystem.ScalarAsync<long>(sessions, "SELECT count(*) FROM tutors")).ShouldBe(1);
        await RestoreAsync(keys, archive, plan with { Replace = true });
        (await SourceSystem.ScalarAsync<long>(sessions, "SELECT count(*) FROM tutors")).ShouldBe(0);
        Directory.GetDirectories(Path.Combine(_folder, "new"), "before-restore-*").Length.ShouldBe(1);
    }

    [Fact]
    public async Task Backup_ThatFails_LeavesNothingAndTellsWhy()
    {
        var keys = NewKey();
        var run = new BackupRun(
            new(system.Connections(), null, system.DataFolder, [Path.Combine(_folder, "no-such-file")]), keys, TimeProvider.System, _said.Add);
        (await Should.ThrowAsync<UsageException>(run.RunAsync(Open, default))).Message.ShouldContain("no-such-file");

        // The tool that reads the archive gives up in the middle.
        run = new(new(system.Connections(), BackupMethod.Dump, null, []), keys, TimeProvider.System, _said.Add);
        (await Should.ThrowAsync<ToolException>(run.RunAsync(_ => new CommandDestination("echo disk is full >&2; exit 5"), default)))
            .Message.ShouldContain("disk is full");
        Directory.GetFiles(_folder, "lyceum-*").ShouldBeEmpty();
    }

    [Fact]
    public async Task Method_WhereTheServerIsNotOurs_IsDumpsAndSaysWhy()
    {
        var strings = system.Connections().Of("chatdb").ConnectionString;
        var connections = Connections.Of(Connections.Databases.Append("postgres").ToDictionary(name => name, name =>
            name == "postgres" ? strings : system.ConnectionString(name)));
        await using (var source = await DatabaseSource.OpenAsync(connections, null, _said.Add, default))
            source.Method.ShouldBe(BackupMethod.Dump);

        _said.ShouldContain(line => line.Contains("may not replicate"));
        (await Should.ThrowAsync<UsageException>(DatabaseSource.OpenAsync(connections, BackupMethod.Base, _said.Add, default)))
            .Message.ShouldContain("may not replicate");
    }

    [Fact]
    public async Task Restore_OfADamagedArchive_TouchesNothing()
    {
        var keys = NewKey();
        var archive = await BackUpAsync(keys, BackupMethod.Base);
        var bytes = await File.ReadAllBytesAsync(archive);
        bytes[bytes.Length - 100_000] ^= 1;
        await File.WriteAllBytesAsync(archive, bytes);
        var (data, postgres) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "postgres"));

        (await Should.ThrowAsync<ArchiveException>(
            RestoreAsync(keys, archive, new(system.Connections(), data, postgres, null, Replace: true)))).Message.ShouldContain("damaged");

        Directory.Exists(data).ShouldBeFalse();
        Directory.Exists(postgres).ShouldBeFalse();
    }

    private FolderDestination Open(DateTimeOffset now) => new(_folder, now, new(0, 0, 0));

    private async Task<string> BackUpAsync(KeyFile keys, BackupMethod method)
    {
        var contents = new BackupContents(system.Connections(administrator: true), method, system.DataFolder, []);
        return (await new BackupRun(contents, keys, TimeProvider.System, _said.Add).RunAsync(Open, default)).Where;
    }

    private Task RestoreAsync(KeyFile keys, string archive, RestorePlan plan) =>
        new RestoreRun(plan, keys, TimeProvider.System, _said.Add).RunAsync(archive, default);

    private static KeyFile NewKey()
    {
        var key = AgeIdentity.Generate();
        return new([key], [key.Recipient]);
    }

    private static async Task WriteAsync(string connectionString, CancellationToken stop)
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(connectionString);
        while (!stop.IsCancellationRequested)
        {
            await using var command = source.CreateCommand("INSERT INTO messages (content) SELECT 'meanwhile' FROM generate_series(1, 100)");
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }
}
