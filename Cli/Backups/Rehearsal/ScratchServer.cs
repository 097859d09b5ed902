using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Lyceum.Cli.Backups.Databases;
using Npgsql;

namespace Lyceum.Cli.Backups.Rehearsal;

/// <summary>
/// A PostgreSQL of this machine's binaries on a folder of its own, which ends with this process. It is reached by a socket in a folder
/// that nobody else may enter.
/// </summary>
internal sealed class ScratchServer : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10); // it replays its log first

    private readonly Process _process;

    private ScratchServer(Process process, string sockets, int port) => (_process, Sockets, Port) = (process, sockets, port);

    /// <summary>The folder of its socket: a host's name for whoever connects.</summary>
    public string Sockets { get; }

    public int Port { get; }

    /// <param name="folder">Holds a server's data, or does not exist.</param>
    /// <param name="sockets">Does not exist.</param>
    /// <param name="password">Of the administrator, where the data are new.</param>
    public static ScratchServer Start(string folder, string sockets, string password)
    {
        var port = FreePort();
        Directory.CreateDirectory(sockets); // in a folder that is closed to others
        // The script that AppHost runs its server with.
        var start = new ProcessStartInfo("bash", [Path.Combine(AppContext.BaseDirectory, "postgres.sh")])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["POSTGRES_DATA"] = folder;
        start.Environment["POSTGRES_PASSWORD"] = password;
        start.Environment["POSTGRES_MAX_CONNECTIONS"] = "300";
        start.Environment["POSTGRES_SOCKETS"] = sockets;
        start.Environment["PGPORT"] = port.ToString();
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new(process, sockets, port);
    }

    /// <exception cref="ToolException">It does not start.</exception>
    public async Task UntilReadyAsync(NpgsqlConnectionStringBuilder settings, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(settings.ConnectionString);
                await connection.OpenAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException e)
            {
                if (_process.HasExited || Stopwatch.GetElapsedTime(started) > Limit)
                    throw new ToolException($"the restored PostgreSQL does not answer: {e.Message}");
                await Task.Delay(200, cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var stop = Process.Start("kill", ["-TERM", _process.Id.ToString()]);
            await stop.WaitForExitAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        _process.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
