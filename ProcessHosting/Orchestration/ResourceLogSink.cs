using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Orchestration;

/// <summary>
/// Shows the resources' logs: on the host's console, each line after its resource's name, and to the host's loggers where
/// that is asked for. A console that does not take lines fast enough loses the oldest; the processes never wait for it.
/// </summary>
internal sealed class ResourceLogSink : BackgroundService
{
    private const int Capacity = 10_000;

    private readonly ResourceLoggerService _resourceLoggers;
    private readonly ILoggerFactory _loggers;
    private readonly Settings _settings;
    private readonly Channel<(string Resource, LogLine Line)> _lines;
    private int _dropped;

    public ResourceLogSink(ResourceLoggerService resourceLoggers, ILoggerFactory loggers, Settings settings)
    {
        (_resourceLoggers, _loggers, _settings) = (resourceLoggers, loggers, settings);
        _lines = Channel.CreateBounded<(string, LogLine)>(
            new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _dropped));
        if (settings.Console || settings.Loggers)
            _resourceLoggers.LineWritten += Enqueue;
    }

    internal sealed record Settings(bool Console, bool Loggers, string ApplicationName);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // Stopped after the resources: what they said last is still shown.
        _resourceLoggers.LineWritten -= Enqueue;
        _lines.Writer.TryComplete();
        if (ExecuteTask is { } showing)
            await showing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await foreach (var (resource, line) in _lines.Reader.ReadAllAsync(CancellationToken.None))
        {
            if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped && _settings.Console)
                await Console.Out.WriteLineAsync($"[...] {dropped} lines are not shown");
            if (_settings.Console)
                await Console.Out.WriteLineAsync($"[{resource}] {line.Content}");
            if (_settings.Loggers)
                Forward(_loggers.CreateLogger($"{_settings.ApplicationName}.Resources.{resource}"), line);
        }
    }

    private void Enqueue(string resource, LogLine line) => _lines.Writer.TryWrite((resource, line));

    private static void Forward(ILogger logger, LogLine line)
        => logger.Log(
            line.IsErrorMessage ? LogLevel.Error : LogLevel.Information, default, line, exception: null,
            static (l, _) => $"{l.LineNumber}: {l.Content}");
}
