using System.Diagnostics;
using System.Text;

namespace Lyceum.GpuEngine.Launch;

/// <summary>What to start.</summary>
internal sealed record ModelCommand(
    IReadOnlyList<string> Words, string? WorkingDirectory, IReadOnlyDictionary<string, string> Environment, TimeSpan StopTimeout);

/// <summary>One run of the model server, with all its processes. None of them outlives the run or the engine.</summary>
internal sealed class ModelProcess
{
    /// <summary>A longer line is split, so that a server that writes no line ends costs no memory.</summary>
    private const int MaxLine = 4 * 1024;

    /// <summary>How long output that is still in the pipes may take after the end, beside the stop timeout.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);

    // These are about the engine. Its settings (Llm__ApiKey, ConnectionStrings__…) must not reach another program, and
    // a server that is .NET too would take some of them for its own.
    private static readonly HashSet<string> EnginesOwn =
        ["ASPNETCORE_URLS", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];

    private readonly Process _launcher;
    private readonly TaskCompletionSource<int?> _pid = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ModelProcess(Process launcher, TimeSpan stopTimeout, Action<string, bool> onLine)
    {
        _launcher = launcher;
        Exited = RunAsync(stopTimeout + DrainTime, onLine);
    }

    /// <summary>The server's pid, once it runs; null if it never did.</summary>
    public Task<int?> Pid => _pid.Task;

    /// <summary>
    /// The server's exit code (128 + signal), once all its processes have ended and its output is read.
    /// </summary>
    public Task<int> Exited { get; }

    /// <param name="onLine">Gets each line of output, and whether it is of stderr; must not block.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no shell, or no such working directory.</exception>
    public static ModelProcess Start(ModelCommand command, Action<string, bool> onLine)
    {
        var polls = Math.Max(1, (int)Math.Ceiling(command.StopTimeout / Launcher.Poll));
        var start = new ProcessStartInfo("/bin/sh")
        {
            ArgumentList =
            {
                "-c", Launcher.Script, "model-server-launcher", Guid.NewGuid().ToString("N"), polls.ToString(),
            },
            WorkingDirectory = command.WorkingDirectory ?? "",
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var word in command.Words)
            start.ArgumentList.Add(word);
        foreach (var name in start.Environment.Keys.Where(IsEnginesOwn).ToList())
            start.Environment.Remove(name);
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;
        return new ModelProcess(Process.Start(start)!, command.StopTimeout, onLine);
    }

    /// <summary>
    /// Has the launcher stop the server: SIGTERM, after the stop timeout SIGKILL. <see cref="Exited"/> says when.
    /// </summary>
    public void End()
    {
        try
        {
            _launcher.StandardInput.Close();
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // It has ended already.
        }
    }

    internal static bool IsEnginesOwn(string variable) =>
        variable.Contains("__", StringComparison.Ordinal) || EnginesOwn.Contains(variable);

    private async Task<int> RunAsync(TimeSpan drain, Action<string, bool> onLine)
    {
        var output = Task.WhenAll(
            Task.Run(() => PumpAsync(_launcher.StandardOutput, line =>
            {
                // The launcher's first line, which comes before any of the server's.
                if (!_pid.Task.IsCompleted)
                    _pid.TrySetResult(int.TryParse(line, out var pid) ? pid : null);
                else
                    onLine(line, false);
            })),
            Task.Run(() => PumpAsync(_launcher.StandardError, line => onLine(line, true))));
        await _launcher.WaitForExitAsync();
        var code = _launcher.ExitCode;
        // No process is left to write, unless the launcher was killed: then the closed pipe makes its other half stop
        // the server, and the output ends when it has.
        End();
        await output.WaitAsync(drain).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _pid.TrySetResult(null);
        _launcher.Dispose();
        return code;
    }

    private static async Task PumpAsync(StreamReader reader, Action<string> onLine)
    {
        var buffer = new char[4096];
        var line = new StringBuilder();
        var rewound = false;
        try
        {
            while (await reader.ReadAsync(buffer) is > 0 and var read)
            {
                foreach (var c in buffer.AsSpan(0, read))
                {
                    if (c == '\n' || line.Length == MaxLine)
                        Flush();
                    // A progress bar rewrites its line: only the last version is kept.
                    else if (rewound)
                    {
                        line.Clear();
                    }
                    rewound = c == '\r';
                    if (c is not ('\n' or '\r'))
                        line.Append(c);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            onLine($"(its output cannot be read any more: {e.Message})");
        }
        if (line.Length > 0)
            Flush();

        void Flush()
        {
            onLine(line.ToString());
            line.Clear();
        }
    }
}
