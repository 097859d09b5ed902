using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lyceum.Tests.Bench;

/// <summary>A program of this measurement; ended with it. Its output goes to a file.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly Task _log;

    private Child(Process process, Task log) => (_process, _log) = (process, log);

    public static async Task<Child> StartAsync(
        string program, IEnumerable<string> arguments, Dictionary<string, string> environment, string log, Func<Task<bool>> isUp, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        var child = new Child(process, LogAsync(process, log));
        for (var until = DateTime.UtcNow + StartWithin; !await isUp(); await Task.Delay(100, cancel))
        {
            if (!process.HasExited && DateTime.UtcNow < until)
                continue;
            await child.DisposeAsync();
            throw new InvalidOperationException($"{program} did not start: {await File.ReadAllTextAsync(log, cancel)}");
        }
        return child;
    }

    private static async Task LogAsync(Process process, string log)
    {
        await using var file = new StreamWriter(log) { AutoFlush = true };
        var writer = TextWriter.Synchronized(file);
        await Task.WhenAll(CopyAsync(process.StandardOutput), CopyAsync(process.StandardError));

        async Task CopyAsync(StreamReader from)
        {
            while (await from.ReadLineAsync() is { } line)
                await writer.WriteLineAsync(line);
        }
    }

    public static async Task<bool> AnswersAsync(Uri url)
    {
        try
        {
            using var http = new HttpClient();
            using var response = await http.GetAsync(url);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using (var stop = Process.Start("kill", ["-TERM", $"{_process.Id}"]))
                await stop.WaitForExitAsync();
            using var bound = new CancellationTokenSource(StopWithin);
            try
            {
                await _process.WaitForExitAsync(bound.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        await _log;
        _process.Dispose();
    }
}
