using System.Diagnostics;
using System.Text;

namespace Lyceum.GpuEngine.Launch;

/// <summary>What to start.</summary>
internal sealed record ModelCommand(
    IReadOnlyList<string> Words, string? WorkingDirectory, IReadOnlyDictionary<string, string> Environment, TimeSpan StopTimeout);

/// <summary>One run of the model server, all its processes included. It outlives neither its end nor the engine's.</summary>
internal sealed class ModelProcess
{
    /// <summary>A longer line is split, so that a server that writes no line ends costs no memory.</summary>
    private const int MaxLine = 4 * 1024;

    /// <summary>How long output that is still in the pipes may take after the end, beside the stop timeout.</summary>
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(2);

    // These are about the engine. Its settings (Llm__ApiKey, ConnectionStrings__…) are nobody else's to read, and a server
    // that is .NET too would take some of them for its own.
    private static readonly HashSet<string> EnginesOwn =
        ["ASPNETCORE_URLS", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"];

    private readonly Process _keeper;
    private readonly TaskCompletionSource<int?> _pid = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ModelProcess(Process keeper, TimeSpan stopTimeout, Action<string, bool> onLine)
    {
        _keeper = keeper;
        Exited = RunAsync(stopTimeout + DrainTime, onLine);
    }

    /// <summary>The server's pid, once it runs; null if it never did.</summary>
    public Task<int?> Pid => _pid.Task;

    /// <summary>The server's exit code (128 + signal), once nothing of it is left and its output is read.</summary>
    public Task<int> Exited { get; }

    /// <param name="onLine">Gets each line of output, and whether it is of stderr; must not block.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no shell, or no such working directory.</exception>
    public static ModelProcess Start(ModelCommand command, Action<string, bool> onLine)
    {
        var looks = Math.Max(1, (int)Math.Ceiling(command.StopTimeout / Keeper.Look));
        var start = new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", Keeper.Script, "model-server-keeper", Guid.NewGuid().ToString("N"), looks.ToString() },
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

    /// <summary>Lets the keeper end the server: SIGTERM, after the stop timeout SIGKILL. <see cref="Exited"/> says when.</summary>
    public void End()
    {
        try
        {
            _keeper.StandardInput.Close();
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
            Task.Run(() => PumpAsync(_keeper.StandardOutput, line =>
            {
                // The keeper's first line, which the server cannot precede.
                if (!_pid.Task.IsCompleted)
                    _pid.TrySetResult(int.TryParse(line, out var pid) ? pid : null);
                else
                    onLine(line, false);
            })),
            Task.Run(() => PumpAsync(_keeper.StandardError, line => onLine(line, true))));
        await _keeper.WaitForExitAsync();
        var code = _keeper.ExitCode;
        // Nobody is left to write, unless the keeper was killed: then the pipe's end makes its other half end the server, and
        // the output's end tells that it has.
        End();
        await output.WaitAsync(drain).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _pid.TrySetResult(null);
        _keeper.Dispose();
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
                    // A progress bar draws its line over and over: what counts is how it looks in the end.
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
