using System.Diagnostics;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>RoadmapWorker as a process of its own, to be killed as an operating system kills.</summary>
public sealed class WorkerProcess : IDisposable
{
    private const string Listening = "Now listening on: ";

    private readonly Process _process;
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WorkerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.IndexOf(Listening, StringComparison.Ordinal) is >= 0 and var at)
                _address.TrySetResult(new Uri(line.Data[(at + Listening.Length)..].Trim()));
        };
    }

    /// <summary>Where it answers, once it does.</summary>
    public Task<Uri> AddressAsync() => _address.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);

    /// <param name="identity">Whose files it reads; it must outlive the process.</param>
    public static WorkerProcess Start(IdentityFolder identity, string database, IEnumerable<(string Key, string Value)> settings)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "RoadmapWorker.dll")])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = AppContext.BaseDirectory,
        };
        var all = identity.Settings("roadmap-worker").Select(setting => (setting.Key, setting.Value!))
            .Append(("ConnectionStrings:roadmapdb", $"Minimum Pool Size=0;{database};Maximum Pool Size=10"))
            .Append(("urls", "http://127.0.0.1:0")).Append(("environment", "Development")).Concat(settings);
        foreach (var (key, value) in all)
            start.Environment[key.Replace(":", "__")] = value;
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        var process = Process.Start(start)!;
        var worker = new WorkerProcess(process);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>SIGKILL; it is gone when this returns.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }
}
