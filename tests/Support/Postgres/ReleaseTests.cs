using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>The migrations of one context make what its model says, and upgrade the database of each release to it.</summary>
/// <param name="project">
/// The test project with <c>releases/*.sql</c>: what the migrations of that release ran. <c>LYCEUM_RECORD=release</c> writes
/// that of the present version, once, when it is released.
/// </summary>
public abstract class ReleaseTests<TContext>(
    PostgresFixture<TContext> postgres, string project) where TContext : DbContext
{
    // Order of columns aside, which no statement depends on.
    private const string Schema =
        """
        SELECT 'column ' || concat_ws(
            ' ', table_name, column_name, data_type, is_nullable, column_default, is_identity, identity_generation)
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT 'constraint ' || concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
        UNION ALL SELECT 'sequence ' || concat_ws(' ', sequencename, data_type, start_value)
        FROM pg_sequences WHERE schemaname = 'public'
        UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'migration ' || "MigrationId" FROM "__EFMigrationsHistory"
        ORDER BY 1
        """;

    [Fact]
    public void Model_HasNoChangeWithoutAMigration()
    {
        using var db = NewContext("Host=none");
        db.Database.HasPendingModelChanges().ShouldBeFalse();
    }

    [Fact]
    public async Task DatabaseOfARelease_Upgraded_EqualsANewOne()
    {
        var folder = Path.Combine(Repository.Root, "tests", project, "releases");
        if (Environment.GetEnvironmentVariable("LYCEUM_RECORD") == "release")
            await RecordAsync(folder);
        var fresh = await SchemaAsync(await postgres.CreateDatabaseAsync());
        var releases = Directory.GetFiles(folder, "*.sql");
        releases.ShouldNotBeEmpty();
        foreach (var release in releases)
        {
            var database = await OldDatabase.CreateFromAsync(postgres, release);
            await UpgradeAsync(database);
            (await SchemaAsync(database)).ShouldBe(fresh, release);
        }
    }

    /// <summary>Needs no server: it reads what the migrations would run.</summary>
    [Fact]
    public void Migrations_SinceTheLastRelease_OnlyAddToItsTables()
    {
        var release = Directory.GetFiles(Path.Combine(Repository.Root, "tests", project, "releases"), "*.sql")
            .MaxBy(file => Version.Parse(Path.GetFileNameWithoutExtension(file)))!;
        var released = File.ReadAllText(release);
        using var db = NewContext("Host=none");

        var found = ExpandOnly.Contractions(db.GetService<IMigrator>().GenerateScript(fromMigration: ExpandOnly.LastMigration(released)), released);

        // Both ways: an exception that is not found any more goes.
        found.Order(StringComparer.Ordinal).ShouldBe(Contractions.Keys.Order(StringComparer.Ordinal), ignoreOrder: true);
    }

    /// <summary>Statements that take something from the last release's tables, each with the reason why that release lives with it.</summary>
    protected virtual IReadOnlyDictionary<string, string> Contractions => new Dictionary<string, string>();

    protected static async Task UpgradeAsync(string connectionString)
    {
        await using (var source = NpgsqlDataSource.Create(connectionString))
            await SquashedMigrations.ConvertHistoryAsync<TContext>(source, TestContext.Current.CancellationToken);
        await using var db = NewContext(connectionString);
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
    }

    protected static async Task<List<string>> SchemaAsync(string connectionString)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(Schema);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var lines = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            lines.Add(reader.GetString(0));
        return lines;
    }

    private static async Task RecordAsync(string folder)
    {
        var version = typeof(TContext).Assembly.GetName().Version!.ToString(3);
        await using var db = NewContext("Host=none");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(
            Path.Combine(folder, $"{version}.sql"), db.GetService<IMigrator>().GenerateScript().ReplaceLineEndings("\n"));
    }

    private static TContext NewContext(string connectionString) => (TContext)Activator.CreateInstance(
        typeof(TContext), new DbContextOptionsBuilder<TContext>().UseNpgsql(connectionString).Options)!;
}
