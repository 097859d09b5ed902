using Microsoft.EntityFrameworkCore;

namespace Lyceum.Tests.Postgres;

/// <summary>A real PostgreSQL of this test run; a database for each test.</summary>
/// <typeparam name="TContext">Whose schema a database has.</typeparam>
public sealed class PostgresFixture<TContext> : IAsyncLifetime where TContext : DbContext
{
    private readonly PostgresServer _server = new();

    public async ValueTask InitializeAsync() => await _server.StartAsync();

    /// <summary>A connection string to a fresh database with the schema in it. Skips the test where Postgres is missing.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(!_server.IsAvailable, "PostgreSQL's server binaries are not installed");
        var name = $"test_{Guid.NewGuid():N}";
        await PostgresServer.ExecuteAsync(_server.ConnectionString("postgres", pooling: false), $"CREATE DATABASE {name}");
        var connectionString = _server.ConnectionString(name);
        // Unpooled: a pool of its own for each database would keep a connection for five minutes.
        var options = new DbContextOptionsBuilder<TContext>().UseNpgsql(_server.ConnectionString(name, pooling: false)).Options;
        await using var db = (TContext)Activator.CreateInstance(typeof(TContext), options)!;
        await db.Database.MigrateAsync();
        return connectionString;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
