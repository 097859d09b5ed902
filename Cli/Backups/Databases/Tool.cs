using System.Diagnostics;

namespace Lyceum.Cli.Backups.Databases;

/// <summary>A program that ended with an error, and its last words.</summary>
public sealed class ToolException(string message) : Exception(message);

/// <summary>A program at the other end of a pipe. One that is not completed is killed: it must not take a half for the whole.</summary>
internal sealed class Tool : Archives.IPartTarget
{
    private const int KeptLines = 20;

    private readonly string _name;
    private readonly Process _process;
    private readonly Queue<string> _words = new();
    private readonly Task _output;

    private Tool(string name, Process process, bool reads, bool writes)
    {
        (_name, _process) = (name, process);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
        _output = writes ? Task.CompletedTask : DrainAsync();
        if (!reads)
            _process.StandardInput.Close();
    }

    /// <summary>What the program reads.</summary>
    public Stream Stream => _process.StandardInput.BaseStream;

    /// <summary>What the program writes.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <param name="environment">Passwords are there, and never among the arguments, which everybody on the machine may see.</param>
    public static Tool Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null,
        bool reads = false, bool writes = false)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        // What it says is shown to people: in the language that is looked for.
        start.Environment["LC_MESSAGES"] = "C";
        try
        {
            return new(Path.GetFileName(program), Process.Start(start)!, reads, writes);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new UsageException($"{program} cannot be started: {e.Message}");
        }
    }

    /// <summary>Runs a program to its end.</summary>
    /// <exception cref="ToolException">It failed.</exception>
    public static async Task RunAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        await using var tool = Start(program, arguments);
        await tool.CompleteAsync(cancellationToken);
    }

    /// <summary>Closes its input and waits for its end.</summary>
    /// <exception cref="ToolException">It failed.</exception>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended without reading to the end: its exit status says whether that was well.
        }
        await _process.WaitForExitAsync(cancellationToken);
        await _output;
        if (_process.ExitCode != 0)
            throw Failed();
    }

    /// <summary>After a write to it failed: the error of the program rather than of the pipe, where it has one.</summary>
    public async Task<Exception> ExplainAsync(IOException broken, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return broken;
        }
        return _process.ExitCode != 0 ? Failed() : new ToolException($"{_name} ended before it had read everything");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }

    private ToolException Failed()
    {
        lock (_words)
            return new($"{_name} ended with status {_process.ExitCode}{(_words.Count > 0 ? $": {string.Join(" | ", _words)}" : "")}");
    }

    private async Task DrainAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            Keep(line);
    }

    private void Keep(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        lock (_words)
        {
            _words.Enqueue(line.Trim());
            if (_words.Count > KeptLines)
                _words.Dequeue();
        }
    }
}
