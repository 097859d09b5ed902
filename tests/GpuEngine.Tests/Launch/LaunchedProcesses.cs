using System.Diagnostics;
using System.Text;
using Lyceum.GpuEngine.Launch;

namespace Lyceum.Tests.GpuEngine.Launch;

/// <summary>A mark that a model server's processes carry in their environment, by which the kernel's table knows them.</summary>
internal sealed class LaunchedProcesses
{
    private const string Variable = "LAUNCH_TEST";
    private readonly string _mark = Guid.NewGuid().ToString("N");

    /// <summary>Settings of a launch whose processes can be found; the short form of the command.</summary>
    public (string Key, string Value)[] Settings(string command, params (string Key, string Value)[] more) =>
    [
        ("Llm:Launch", command), ($"Llm:Launch:Environment:{Variable}", _mark),
        ("Llm:Launch:HealthInterval", "00:00:00.1"), ("Llm:Launch:MinBackoff", "00:00:00.1"), ("Llm:Launch:StopTimeout", "00:00:01"), .. more,
    ];

    /// <summary>The stub model, which says where it listens and answers at once.</summary>
    public static string Stub => $"dotnet '{Path.Combine(AppContext.BaseDirectory, "StubModel.dll")}' --rate 0 --tokens 3 --port {{port}}";

    /// <summary>The server's living processes, without zombies; its launcher is not one of them.</summary>
    public List<int> Alive()
    {
        var text = Encoding.UTF8.GetBytes($"{Variable}={_mark}");
        var server = Encoding.UTF8.GetBytes($"{Launcher.MarkVariable}=");
        return [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _))
            .Where(pid => Read($"/proc/{pid}/environ") is var all && all.AsSpan().IndexOf(text) >= 0 && all.AsSpan().IndexOf(server) >= 0)
            .Select(int.Parse!)];
    }

    public Task NoneIsLeftAsync() => Eventually.TrueAsync(() => Task.FromResult(Alive().Count == 0), "all processes of the model server are gone");

    public static void Signal(int pid, string signal)
    {
        using var kill = Process.Start("/bin/sh", ["-c", $"kill -{signal} {pid}"]);
        kill.WaitForExit();
        kill.ExitCode.ShouldBe(0);
    }

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
