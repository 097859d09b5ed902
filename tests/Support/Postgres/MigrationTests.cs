using Lyceum.Durability.Postgres;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>Those of <see cref="ReleaseTests{TContext}"/>, for a context that also takes over a database of before release 0.1.0.</summary>
/// <param name="project">The test project with <c>before-0.1.0.sql</c> too: what the older migrations ran.</param>
public abstract class MigrationTests<TContext>(
    PostgresFixture<TContext> postgres, string project) : ReleaseTests<TContext>(postgres, project) where TContext : DbContext
{
    private readonly PostgresFixture<TContext> _postgres = postgres;
    private readonly string _project = project;

    [Fact]
    public async Task DatabaseOfBefore_Upgraded_EqualsANewOne()
    {
        var fresh = await _postgres.CreateDatabaseAsync();
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
    protected Task<string> OldDatabaseAsync() => OldDatabase.CreateAsync(_postgres, _project);
}

public static class OldDatabase
{
    /// <summary>A new database, made by the <c>before-0.1.0.sql</c> of a test project.</summary>
    public static async Task<string> CreateAsync<TContext>(
        PostgresFixture<TContext> postgres, string project) where TContext : DbContext =>
        await CreateFromAsync(postgres, Path.Combine(Repository.Root, "tests", project, "before-0.1.0.sql"));

    /// <summary>A new database, made by a file of SQL.</summary>
    public static async Task<string> CreateFromAsync<TContext>(
        PostgresFixture<TContext> postgres, string file) where TContext : DbContext
    {
        // Any database of the server will do to make another from.
        var old = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        var name = $"old_{Guid.NewGuid():N}";
        await PostgresServer.ExecuteAsync(old.ConnectionString, $"CREATE DATABASE {name}");
        old.Database = name;
        await PostgresServer.ExecuteAsync(old.ConnectionString, await File.ReadAllTextAsync(file));
        return old.ConnectionString;
    }
}
