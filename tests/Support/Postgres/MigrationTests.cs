using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>
/// The migrations of one context: they make what its model says, and take over a database of before release 0.1.0.
/// </summary>
/// <param name="project">The test project with <c>before-0.1.0.sql</c>: what the older migrations ran.</param>
public abstract class MigrationTests<TContext>(
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
    public async Task DatabaseOfBefore_Upgraded_EqualsANewOne()
    {
        var fresh = await postgres.CreateDatabaseAsync();
        var old = await OldDatabaseAsync();

        await UpgradeAsync(old);
        await UpgradeAsync(old); // converted already: nothing more to do

        (await SchemaAsync(old)).ShouldBe(await SchemaAsync(fresh));
    }

    [Fact]
    public async Task DatabaseOfLongBefore_Upgraded_IsRejectedUnchanged()
    {
        var old = await OldDatabaseAsync();
        await PostgresServer.ExecuteAsync(
            old,
            """
            DELETE FROM "__EFMigrationsHistory";
            INSERT INTO "__EFMigrationsHistory" VALUES ('20200101000000_Earlier', '1')
            """);
        var before = await SchemaAsync(old);

        var rejected = await Should.ThrowAsync<InvalidOperationException>(() => UpgradeAsync(old));

        rejected.Message.ShouldContain("20200101000000_Earlier");
        (await SchemaAsync(old)).ShouldBe(before);
    }

    /// <summary>A database as the migrations of before 0.1.0 made it.</summary>
    protected Task<string> OldDatabaseAsync() => OldDatabase.CreateAsync(postgres, project);

    private static async Task UpgradeAsync(string connectionString)
    {
        await using (var source = NpgsqlDataSource.Create(connectionString))
            await SquashedMigrations.ConvertHistoryAsync<TContext>(source, TestContext.Current.CancellationToken);
        await using var db = NewContext(connectionString);
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<List<string>> SchemaAsync(string connectionString)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(Schema);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var lines = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            lines.Add(reader.GetString(0));
        return lines;
    }

    private static TContext NewContext(string connectionString) => (TContext)Activator.CreateInstance(
        typeof(TContext), new DbContextOptionsBuilder<TContext>().UseNpgsql(connectionString).Options)!;
}

public static class OldDatabase
{
    /// <summary>A new database, made by the <c>before-0.1.0.sql</c> of a test project.</summary>
    public static async Task<string> CreateAsync<TContext>(
        PostgresFixture<TContext> postgres, string project) where TContext : DbContext
    {
        // Any database of the server will do to make another from.
        var old = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        var name = $"old_{Guid.NewGuid():N}";
        await PostgresServer.ExecuteAsync(old.ConnectionString, $"CREATE DATABASE {name}");
        old.Database = name;
        await PostgresServer.ExecuteAsync(old.ConnectionString, await File.ReadAllTextAsync(
            Path.Combine(Repository.Root, "tests", project, "before-0.1.0.sql")));
        return old.ConnectionString;
    }
}
