using System.Diagnostics.Metrics;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.Tests.Durability.Tests;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

[assembly: AssemblyFixture(typeof(TestServer))]

namespace Lyceum.Tests.Durability.Tests;

/// <summary>The PostgreSQL of this test run.</summary>
public sealed class TestServer : IAsyncLifetime
{
    private readonly PostgresServer _server = new();

    public async ValueTask InitializeAsync() => await _server.StartAsync();

    /// <summary>A database with the tables that the library and its tests need. Skips the test where Postgres is
    /// missing.</summary>
    /// <param name="keepAlive">Seconds after which an idle connection is tested; 0: never.</param>
    public async Task<TestDatabase> CreateAsync(int keepAlive = 0)
    {
        Assert.SkipWhen(!_server.IsAvailable, "PostgreSQL's server binaries are not installed");
        var name = $"test_{Guid.NewGuid():N}";
        var server = _server.ConnectionString("postgres", pooling: false);
        await PostgresServer.ExecuteAsync(server, $"CREATE DATABASE {name}");
        var database = new TestDatabase(NpgsqlDataSource.Create(
            $"{_server.ConnectionString(name)};Keepalive={keepAlive}"));
        await database.ExecuteAsync("CREATE TABLE owners (id uuid PRIMARY KEY, lease_until timestamptz NOT NULL)");
        await database.ExecuteAsync(
            "CREATE TABLE items (id int PRIMARY KEY, body text NOT NULL CHECK (body <> 'bad'))");
        return database;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}

public sealed class TestDatabase(NpgsqlDataSource source) : IAsyncDisposable
{
    public SystemDataSource Source { get; } = new(source);

    public static DatabaseReady Ready()
    {
        var ready = new DatabaseReady();
        ready.Set();
        return ready;
    }

    public static LoopProgress Progress(TimeProvider time) => new(
        time, new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());

    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var command = source.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync();
    }

    public Task ExecuteAsync(string sql, params object[] values) => ScalarAsync(sql, values);

    /// <summary>Ends all other sessions, as a restart of the server does.</summary>
    public Task KillConnectionsAsync() => ExecuteAsync(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """);

    public ValueTask DisposeAsync() => source.DisposeAsync();
}
