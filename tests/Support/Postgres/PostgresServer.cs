using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Lyceum.Tests.Support.Postgres;

/// <summary>
/// A real PostgreSQL of this test run, started by the script that the product uses, on a folder that is gone
/// afterwards. It may have standbys, which are servers like it.
/// </summary>
/// <param name="inMemory">Its folder is no disk's, where the machine has memory to spare.</param>
public sealed class PostgresServer(bool inMemory = false) : IAsyncDisposable
{
    private const string Memory = "/dev/shm";
    private const string Prefix = "lyceum-postgres-";
    private const long EnoughMemory = 6L * 1024 * 1024 * 1024;

    private readonly string _folder = CreateFolder(inMemory);
    private readonly string _script = Path.Combine(Repository.Root, "AppHost", "Infrastructure", "postgres.sh");
    private Process? _server;
    private NpgsqlConnectionStringBuilder? _settings;

    private static string CreateFolder(bool inMemory)
    {
        if (!inMemory || !Directory.Exists(Memory) || new DriveInfo(Memory).AvailableFreeSpace < EnoughMemory
            || GC.GetGCMemoryInfo().TotalAvailableMemoryBytes < 2 * EnoughMemory)
            return Directory.CreateTempSubdirectory("lyceum-postgres-").FullName;
        DeleteLeft();
        return Directory.CreateDirectory(Path.Combine(Memory, $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid():N}")).FullName;
    }

    /// <summary>What test runs that were killed have left: it would take memory for ever.</summary>
    private static void DeleteLeft()
    {
        foreach (var folder in Directory.GetDirectories(Memory, $"{Prefix}*"))
        {
            var process = Path.GetFileName(folder)[Prefix.Length..].Split('-')[0];
            if (Directory.Exists($"/proc/{process}") || DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) < TimeSpan.FromHours(1))
                continue;
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else's, or deleted by another at this moment.
            }
        }
    }

    /// <summary>False where there is no PostgreSQL to be had.</summary>
    public bool IsAvailable => _settings is not null;

    public int Port => _settings!.Port;

    private string Data => Path.Combine(_folder, "data");

    public async Task StartAsync()
    {
        using var check = Process.Start("bash", [_script, "--check"]);
        await check.WaitForExitAsync();
        if (check.ExitCode != 0)
            return;

        await LaunchAsync(FreePort());
    }

    /// <summary>Starts on data that <paramref name="fill"/> puts into the folder it is given, which does not exist yet.</summary>
    public async Task StartOnAsync(Func<string, Task> fill)
    {
        await fill(Data);
        await LaunchAsync(FreePort());
    }

    private async Task LaunchAsync(int port)
    {
        var start = new ProcessStartInfo("bash", [_script]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["POSTGRES_DATA"] = Data;
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
                await ExecuteAsync("SELECT 1");
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

    /// <summary>
    /// A standby of this server, made from its data as it is; the server knows it by <paramref name="name"/>.
    /// </summary>
    /// <param name="port">Its port; null: any.</param>
    public async Task<PostgresServer> StartStandbyAsync(string name, int? port = null)
    {
        var standby = new PostgresServer();
        var copy = new ProcessStartInfo(
            "pg_basebackup",
            ["-h", "127.0.0.1", "-p", $"{_settings!.Port}", "-U", "postgres", "-D", standby.Data, "-c", "fast"]);
        copy.Environment["PGPASSWORD"] = "test";
        using (var backup = Process.Start(copy)!)
        {
            await backup.WaitForExitAsync();
            if (backup.ExitCode != 0)
                throw new InvalidOperationException($"pg_basebackup ended with {backup.ExitCode}");
        }
        await File.AppendAllTextAsync(
            Path.Combine(standby.Data, "postgresql.auto.conf"),
            $"cluster_name = '{name}'\nprimary_conninfo = '{ConnectionInfo}'\n");
        await File.WriteAllTextAsync(Path.Combine(standby.Data, "standby.signal"), "");
        await standby.LaunchAsync(port ?? FreePort());
        return standby;
    }

    /// <summary>Settings that take effect at once.</summary>
    public async Task SetAsync(params (string Name, string Value)[] settings)
    {
        foreach (var (name, value) in settings)
            await ExecuteAsync($"ALTER SYSTEM SET {name} = '{value.Replace("'", "''", StringComparison.Ordinal)}'");
        await ExecuteAsync("SELECT pg_reload_conf()");
    }

    /// <summary>Ends being a standby: it takes writes when this returns.</summary>
    public Task PromoteAsync() => ExecuteAsync("SELECT pg_promote(true, 30)");

    /// <summary>From now on a standby of <paramref name="primary"/>.</summary>
    public Task FollowAsync(PostgresServer primary) => SetAsync(("primary_conninfo", primary.ConnectionInfo));

    /// <summary>SIGKILL of all its processes at once.</summary>
    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        await _server!.WaitForExitAsync();
    }

    /// <summary>Starts again what was killed, on the same port.</summary>
    public Task RestartAsync() => LaunchAsync(_settings!.Port);

    /// <summary>Neither answers nor goes away, until <see cref="ResumeAsync"/>.</summary>
    public Task PauseAsync() => SignalAsync("STOP");

    public Task ResumeAsync() => SignalAsync("CONT");

    private string ConnectionInfo => $"host=127.0.0.1 port={_settings!.Port} user=postgres password=test";

    private async Task SignalAsync(string signal)
    {
        // Those that work in its data folder: the server and its workers.
        var pids = Directory.GetDirectories("/proc").Where(process => int.TryParse(Path.GetFileName(process), out _)
            && LinkTarget(Path.Combine(process, "cwd")) == Data).Select(Path.GetFileName);
        using var kill = Process.Start(
            new ProcessStartInfo("kill", [$"-{signal}", .. pids!]) { RedirectStandardError = true })!;
        await kill.WaitForExitAsync();

        static string? LinkTarget(string link)
        {
            try
            {
                return new FileInfo(link).LinkTarget;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null; // gone meanwhile
            }
        }
    }

    /// <summary>Runs a statement in the database <c>postgres</c>.</summary>
    public Task ExecuteAsync(string sql) => ExecuteAsync(ConnectionString("postgres", pooling: false), sql);

    public async ValueTask DisposeAsync()
    {
        if (_server is { HasExited: false })
        {
            await ResumeAsync();
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
