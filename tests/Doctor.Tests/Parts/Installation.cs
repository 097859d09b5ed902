extern alias cli;

using System.Text.Json;
using cli::Lyceum.Cli.Doctor;
using Lyceum.DataFolder;
using Lyceum.Doctor;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.Doctor.Tests.Parts;

/// <summary>
/// An installation that is well: a real PostgreSQL with what the checks look at, stand-ins of the services, and a data folder as
/// <c>run.sh</c> makes it.
/// </summary>
public sealed class Installation : IAsyncLifetime
{
    public static readonly string[] Databases = ["chatdb", "gatewaydb", "roadmapdb", "sessiondb"];

    // As far as checks read them; tests of the whole system look at the real ones.
    private const string Tables =
        """
        CREATE TABLE "__EFMigrationsHistory" ("MigrationId" text PRIMARY KEY, "ProductVersion" text);
        INSERT INTO "__EFMigrationsHistory" VALUES ('20260101000000_Initial', '10');
        CREATE TABLE owners (id uuid PRIMARY KEY, lease_until timestamptz NOT NULL);
        INSERT INTO owners VALUES (gen_random_uuid(), now() + interval '1 day');
        CREATE TABLE generations (id uuid PRIMARY KEY, owner uuid NOT NULL, ended_at timestamptz);
        CREATE TABLE jobs (task_id uuid PRIMARY KEY, status text NOT NULL, owner uuid, run_after timestamptz NOT NULL,
            updated_at timestamptz NOT NULL, deadline timestamptz, attempt int NOT NULL);
        CREATE TABLE engines (id text PRIMARY KEY, incarnation uuid NOT NULL, draining uuid, seen_at timestamptz NOT NULL);
        INSERT INTO engines VALUES ('gpu-engine', gen_random_uuid(), NULL, now() + interval '1 day');
        """;

    public PostgresServer Server { get; } = new(inMemory: true);

    public StubServices Services { get; private set; } = null!;

    public string Folder { get; } = Directory.CreateTempSubdirectory("lyceum-doctor-").FullName;

    public async ValueTask InitializeAsync()
    {
        Services = await StubServices.StartAsync();
        await Server.StartAsync();
        if (!Server.IsAvailable)
            return;
        foreach (var database in Databases)
        {
            await Server.ExecuteAsync($"CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'");
            await PostgresServer.ExecuteAsync(Server.ConnectionString(database, pooling: false), Tables);
        }
        AtomicFile.CreateFolder(Folder);
        _ = Secrets.Open(Folder);
        ServiceKeys.Ensure(Path.Combine(Folder, "keys"), Site.Services.Keys);
        Directory.CreateDirectory(Path.Combine(Folder, "postgres"));
        AtomicFile.Write(Path.Combine(Folder, "dev-token"), Services.Token);
        WriteState(Folder, "Development");
    }

    /// <summary>What the folder says of it. Skips the test where there is no PostgreSQL.</summary>
    public Site Read()
    {
        Assert.SkipWhen(!Server.IsAvailable, "PostgreSQL's server binaries are not installed");
        Services.Reset();
        return Discovery.Read(Folder);
    }

    /// <summary>A copy of the folder, for a test that breaks it.</summary>
    public string Copy()
    {
        Read();
        var copy = Directory.CreateTempSubdirectory("lyceum-doctor-").FullName;
        AtomicFile.CreateFolder(Path.Combine(copy, "keys"));
        foreach (var file in Directory.GetFiles(Folder, "*", SearchOption.AllDirectories))
            AtomicFile.Write(Path.Combine(copy, Path.GetRelativePath(Folder, file)), File.ReadAllText(file));
        return copy;
    }

    /// <summary>As AppHost writes it.</summary>
    public void WriteState(string folder, string environment)
    {
        var resources = Services.Instances.Select(instance => new { name = instance.Name, type = "project", urls = new[] { instance.Address.ToString() }, connection_string = (string?)null })
            .Concat(Databases.Select(database => new { name = database, type = "connectionstring", urls = Array.Empty<string>(), connection_string = (string?)Server.ConnectionString(database) }));
        AtomicFile.Write(Path.Combine(folder, "state.json"), JsonSerializer.Serialize(new { status = "healthy", environment, resources }));
    }

    /// <summary>A copy of a database, changed by a statement.</summary>
    public async Task<string> ChangedAsync(string database, string sql)
    {
        var name = $"{database}_{Guid.NewGuid():N}";
        await Server.ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {database}");
        await PostgresServer.ExecuteAsync(Server.ConnectionString(name, pooling: false), sql.Replace("{name}", name, StringComparison.Ordinal));
        return Server.ConnectionString(name);
    }

    public async ValueTask DisposeAsync()
    {
        await Services.DisposeAsync();
        await Server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>Tests that share it run one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class InstallationCollection : ICollectionFixture<Installation>
{
    public const string Name = "installation";
}
