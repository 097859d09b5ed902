using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.Tests.Postgres;

/// <summary>A real PostgreSQL of this test run, started by the script that the product uses; a database for each test.</summary>
/// <typeparam name="TContext">Whose schema a database has.</typeparam>
public sealed class PostgresFixture<TContext> : IAsyncLifetime where TContext : DbContext
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-postgres-").FullName;
    private readonly string _script = Path.Combine(RepositoryRoot(), "AppHost", "Infrastructure", "postgres.sh");
    private Process? _server;
    private NpgsqlConnectionStringBuilder? _settings;

    public async ValueTask InitializeAsync()
    {
        using var check = Process.Start("bash", [_script, "--check"]);
        await check.WaitForExitAsync();
        if (check.ExitCode != 0)
            return;

        var port = FreePort();
        var start = new ProcessStartInfo("bash", [_script]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["POSTGRES_DATA"] = Path.Combine(_folder, "data");
        start.Environment["POSTGRES_PASSWORD"] = "test";
        start.Environment["POSTGRES_MAX_CONNECTIONS"] = "100";
        start.Environment["PGPORT"] = port.ToString();
        _server = Process.Start(start)!;
        _server.BeginOutputReadLine();
        _server.BeginErrorReadLine();
        _settings = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = "postgres",
            Password = "test",
            Pooling = false,
        };
        for (var until = DateTime.UtcNow.AddSeconds(60); ;)
        {
            try
            {
                await ExecuteAsync(Settings("postgres"), "SELECT 1");
                return;
            }
            catch (NpgsqlException) when (DateTime.UtcNow < until && !_server.HasExited)
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>A connection string to a fresh database with the schema in it. Skips the test where Postgres is missing.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(_settings is null, "PostgreSQL's server binaries are not installed");
        var name = $"test_{Guid.NewGuid():N}";
        await ExecuteAsync(Settings("postgres"), $"CREATE DATABASE {name}");
        var connectionString = Settings(name, pooling: true);
        var options = new DbContextOptionsBuilder<TContext>().UseNpgsql(connectionString).Options;
        await using var db = (TContext)Activator.CreateInstance(typeof(TContext), options)!;
        await db.Database.MigrateAsync();
        return connectionString;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is { HasExited: false })
        {
            using var stop = Process.Start("kill", ["-TERM", _server.Id.ToString()]);
            await stop.WaitForExitAsync();
            // Its last checkpoint may take a while on a busy disk; nobody will read it.
            if (!_server.WaitForExit(TimeSpan.FromSeconds(20)))
                _server.Kill(entireProcessTree: true);
            await _server.WaitForExitAsync();
        }
        _server?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Settings(string database, bool pooling = false) =>
        new NpgsqlConnectionStringBuilder(_settings!.ConnectionString) { Database = database, Pooling = pooling }.ConnectionString;

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Solution.sln")))
            folder = folder.Parent;
        return folder.FullName;
    }
}
