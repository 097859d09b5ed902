using Microsoft.EntityFrameworkCore;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>
/// A real PostgreSQL of this test run, and a database for each test: a copy of one that was migrated once. Nothing is
/// flushed to disk, because no test here stops the server.
/// </summary>
/// <typeparam name="TContext">Its migrations make the schema.</typeparam>
public sealed class PostgresFixture<TContext> : IAsyncLifetime where TContext : DbContext
{
    private const string Template = "migrated";

    // A database is 300 files, and each test has its own: making them on a disk took a third of a test's time.
    private readonly PostgresServer _server = new(inMemory: true);

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        if (!_server.IsAvailable)
            return;
        // Without just-in-time compilation, as the product's connections have it; and with little of a log to fill memory with.
        await ExecuteAsync(
            "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET jit = off", "ALTER SYSTEM SET max_wal_size = '128MB'",
            "SELECT pg_reload_conf()");
        await MigrateTemplateAsync();
    }

    /// <summary>A connection string to a fresh database with the schema. Skips the test where Postgres is missing.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(!_server.IsAvailable, "PostgreSQL's server binaries are not installed");
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync($"CREATE DATABASE {name} TEMPLATE {Template}");
        return _server.ConnectionString(name);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task MigrateTemplateAsync()
    {
        await ExecuteAsync($"CREATE DATABASE {Template}");
        // Unpooled: a database that somebody is connected to cannot be copied.
        var options = new DbContextOptionsBuilder<TContext>()
            .UseNpgsql(_server.ConnectionString(Template, pooling: false)).Options;
        await using (var db = (TContext)Activator.CreateInstance(typeof(TContext), options)!)
            await db.Database.MigrateAsync();
        await ExecuteAsync($"ALTER DATABASE {Template} ALLOW_CONNECTIONS false");
    }

    private async Task ExecuteAsync(params string[] statements)
    {
        foreach (var sql in statements)
            await PostgresServer.ExecuteAsync(_server.ConnectionString("postgres", pooling: false), sql);
    }
}
