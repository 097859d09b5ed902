using System.Diagnostics;
using System.Text;

namespace Aspire.Hosting.Processes;

/// <summary>What to start.</summary>
internal sealed record LaunchPlan(
    string FileName, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>
/// A process of its own session and everything it starts. When its first process ends, or is ended, nothing of it is left.
/// </summary>
internal sealed class ChildProcess
{
    /// <summary>A longer line is split, so that a process that writes no line ends costs no memory.</summary>
    private const int MaxLineLength = 16 * 1024;

    /// <summary>How long output that is still in the pipes may take after the end.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);

    // Real Aspire hides the same from its children: they are about the host.
    private static readonly string[] HostVariables =
        ["ASPNETCORE_URLS", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE"];

    private readonly Process _process;
    private readonly string _marker;

    private ChildProcess(Process process, string marker, Action<string, bool> onLine)
    {
        (_process, _marker) = (process, marker);
        Id = process.Id;
        Exited = RunAsync(onLine);
    }

    /// <summary>The pid of the first process; also its session and process group.</summary>
    public int Id { get; }

    /// <summary>Its exit code (128 + signal if a signal ended it), once it has ended, its group too, and its output is read.</summary>
    public Task<int> Exited { get; }

    /// <param name="onLine">Gets each line of output, and whether it is of stderr; must not block.</param>
    public static ChildProcess Start(LaunchPlan plan, OrphanWatchdog watchdog, Action<string, bool> onLine)
    {
        watchdog.EnsureStarted();

        // The child of .NET leads no group, so setsid does not fork: it becomes the program, under the same pid.
        var start = new ProcessStartInfo(Programs.Find("setsid"))
        {
            ArgumentList = { plan.FileName },
            WorkingDirectory = plan.WorkingDirectory,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in plan.Arguments)
            start.ArgumentList.Add(argument);
        foreach (var variable in HostVariables)
            start.Environment.Remove(variable);
        foreach (var (name, value) in plan.Environment)
            start.Environment[name] = value;

        var marker = $"{watchdog.HostId}-{Guid.CreateVersion7():N}";
        start.Environment[OrphanWatchdog.MarkerVariable] = marker;

        var process = Process.Start(start)
            ?? throw new DistributedApplicationException($"'{plan.FileName}' did not start.");
        watchdog.Announce(process.Id);
        process.StandardInput.Dispose();
        return new ChildProcess(process, marker, onLine);
    }

    /// <summary>
    /// Asks the first process to end, and kills it and its group when it has not within <paramref name="grace"/> or when
    /// <paramref name="cancellationToken"/> says that there is no time left. Returns when it has ended.
    /// </summary>
    public async Task StopAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        Signals.Send(Id, Signals.Terminate);
        await ((Task)Exited).WaitAsync(grace, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (Exited.IsCompleted)
            return;

        KillAll();
        await Exited;
    }

    private async Task<int> RunAsync(Action<string, bool> onLine)
    {
        var output = Task.WhenAll(
            Task.Run(() => PumpAsync(_process.StandardOutput, isError: false, onLine)),
            Task.Run(() => PumpAsync(_process.StandardError, isError: true, onLine)));

        await _process.WaitForExitAsync();
        var code = _process.ExitCode;

        // Also after an orderly end: what is left would hold ports, files and the output pipes.
        KillAll();
        await output.WaitAsync(DrainTime).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _process.Dispose();
        return code;
    }

    /// <summary>Kills the first process and all that it left.</summary>
    public void KillAll()
    {
        Signals.SendToGroup(Id, Signals.Kill);

        // Who left the group is found by looking; a second look finds what these started meanwhile.
        for (var look = 0; look < 3; look++)
        {
            var left = ProcessTable.Find(Id, _marker);
            if (left.Count == 0)
                return;
            left.ForEach(pid => Signals.Send(pid, Signals.Kill));
        }
    }

    private static async Task PumpAsync(StreamReader reader, bool isError, Action<string, bool> onLine)
    {
        var buffer = new char[4096];
        var line = new StringBuilder();
        try
        {
            while (await reader.ReadAsync(buffer) is > 0 and var read)
            {
                foreach (var c in buffer.AsSpan(0, read))
                {
                    if (c == '\n' || line.Length == MaxLineLength)
                        Flush();
                    if (c is not ('\n' or '\r'))
                        line.Append(c);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            onLine($"(the output ended: {exception.Message})", true);
        }

        if (line.Length > 0)
            Flush();

        void Flush()
        {
            onLine(line.ToString(), isError);
            line.Clear();
        }
    }
}
