using Lyceum.GpuEngine.Upstream;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Launch;

/// <summary>A line of the model server's output.</summary>
/// <param name="Number">1, 2, 3, … over all its runs.</param>
/// <param name="Stream"><c>stdout</c>, <c>stderr</c>, or <c>engine</c> for what the engine did to it.</param>
internal sealed record LogLine(long Number, DateTimeOffset At, string Stream, string Text);

/// <summary>
/// The model server's output: its last lines in memory (the oldest is dropped first) and all of it in the engine's own
/// log. Model servers print their settings, so secrets they were given are masked before a line is kept.
/// </summary>
internal sealed partial class ModelServerLog
{
    /// <summary>The logging category of the lines.</summary>
    public const string Category = "Lyceum.GpuEngine.ModelServer";

    /// <summary>A shorter value is not masked: it would be found in ordinary words.</summary>
    private const int MinSecret = 6;

    private readonly Lock _lock = new();
    private readonly Queue<LogLine> _lines = [];
    private readonly int _capacity;
    private readonly string[] _secrets;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private long _last;

    public ModelServerLog(IOptions<LaunchOptions> launch, IOptions<LlmOptions> llm, TimeProvider time, ILoggerFactory loggers)
    {
        (_capacity, _time, _log) = (launch.Value.LogLines, time, loggers.CreateLogger(Category));
        var environment = Environment.GetEnvironmentVariables();
        _secrets = [.. environment.Keys.Cast<string>().Where(name => !ModelProcess.IsEnginesOwn(name))
            .Select(name => (name, (string?)environment[name]))
            .Concat(launch.Value.Environment.Select(variable => (variable.Key, (string?)variable.Value)))
            .Where(variable => IsSecret(variable.Item1)).Select(variable => variable.Item2)
            .Append(llm.Value.ApiKey)
            .OfType<string>().Where(secret => secret.Length >= MinSecret)
            // Of two that begin alike, the longer one must be replaced first.
            .Distinct().OrderByDescending(secret => secret.Length)];
    }

    public void Add(string text, string stream)
    {
        foreach (var secret in _secrets)
            text = text.Replace(secret, "***", StringComparison.Ordinal);
        lock (_lock)
        {
            while (_lines.Count >= _capacity)
                _lines.Dequeue();
            _lines.Enqueue(new LogLine(++_last, _time.GetUtcNow(), stream, text));
        }
        LogOutput(_log, text);
    }

    /// <summary>The kept lines numbered above <paramref name="after"/>, oldest first.</summary>
    public IReadOnlyList<LogLine> After(long after)
    {
        lock (_lock)
            return [.. _lines.Where(line => line.Number > after)];
    }

    /// <summary>
    /// The last lines for a health report, short: <c>a | b | c</c>; empty if there are none since <paramref
    /// name="after"/>.
    /// </summary>
    public string Tail(int lines, long after)
    {
        IEnumerable<LogLine> last = After(after).Where(line => line.Stream is not "engine" && !string.IsNullOrWhiteSpace(line.Text)).TakeLast(lines);
        return string.Join(" | ", last.Select(line => line.Text.Length > 200 ? line.Text[..200] + "…" : line.Text));
    }

    /// <summary>The number of the last line.</summary>
    public long Last
    {
        get
        {
            lock (_lock)
                return _last;
        }
    }

    private static bool IsSecret(string variable) =>
        Array.Exists(["KEY", "TOKEN", "SECRET", "PASSWORD"], word => variable.Contains(word, StringComparison.OrdinalIgnoreCase));

    [LoggerMessage(Level = LogLevel.Information, Message = "{Line}")]
    private static partial void LogOutput(ILogger log, string line);
}
