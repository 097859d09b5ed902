using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>A real PostgreSQL of this test run, started by the script that the product uses, on a folder that is gone afterwards.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lyceum-postgres-").FullName;
    private readonly string _script = Path.Combine(Repository.Root, "AppHost", "Infrastructure", "postgres.sh");
    private Process? _server;
    private NpgsqlConnectionStringBuilder? _settings;

    /// <summary>False where there is no PostgreSQL to be had.</summary>
    public bool IsAvailable => _settings is not null;

    public async Task StartAsync()
    {
        using var check = Process.Start("bash", [_script, "--check"]);
        await check.WaitForExitAsync();
        if (check.ExitCode != 0)
            return;

        var port = FreePort();
        var start = new ProcessStartInfo("bash", [_script]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["POSTGRES_DATA"] = Path.Combine(_folder, "data");
        start.Environment["POSTGRES_PASSWORD"] = "test";
        start.Environment["POSTGRES_MAX_CONNECTIONS"] = "300";
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
                await ExecuteAsync(ConnectionString("postgres", pooling: false), "SELECT 1");
                return;
            }
            catch (NpgsqlException) when (DateTime.UtcNow < until && !_server.HasExited)
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>A connection string to a database, which need not exist.</summary>
    public string ConnectionString(string database, bool pooling = true) =>
        new NpgsqlConnectionStringBuilder(_settings!.ConnectionString) { Database = database, Pooling = pooling }.ConnectionString;

    public async ValueTask DisposeAsync()
    {
        if (_server is { HasExited: false })
        {
            using var stop = Process.Start("kill", ["-TERM", _server.Id.ToString()]);
            await stop.WaitForExitAsync();
            // Its last checkpoint may take a while on a busy disk; its data is deleted anyway.
            if (!_server.WaitForExit(TimeSpan.FromSeconds(20)))
                _server.Kill(entireProcessTree: true);
            await _server.WaitForExitAsync();
        }
        _server?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
