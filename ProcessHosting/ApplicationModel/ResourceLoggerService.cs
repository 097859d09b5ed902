using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A line of a resource's log, numbered from 1.</summary>
public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>
/// The logs of the resources: what their processes write, and what the host says about them. The last
/// <see cref="Backlog"/> lines of each are kept; a watcher that is slower than the process loses its oldest lines.
/// </summary>
public class ResourceLoggerService : IDisposable
{
    internal const int Backlog = 10_000;

    private readonly ConcurrentDictionary<string, ResourceLog> _logs = new(ResourceName.Comparer);

    /// <summary>Called with each line as it arrives, on the thread that reads the process' output; must not block.</summary>
    internal event Action<string, LogLine>? LineWritten;

    /// <summary>A logger that writes into the log of the resource.</summary>
    public ILogger GetLogger(IResource resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        return GetLogger(resource.Name);
    }

    /// <inheritdoc cref="GetLogger(IResource)"/>
    public ILogger GetLogger(string resourceName) => Log(resourceName);

    /// <summary>The kept lines, then new ones until <see cref="Complete(string)"/>.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(IResource resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        return WatchAsync(resource.Name);
    }

    /// <inheritdoc cref="WatchAsync(IResource)"/>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => Log(resourceName).WatchAsync();

    /// <summary>The kept lines.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(IResource resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        return GetAllAsync(resource.Name);
    }

    /// <inheritdoc cref="GetAllAsync(IResource)"/>
    public async IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(string resourceName)
    {
        await Task.CompletedTask;
        yield return Log(resourceName).Kept();
    }

    /// <summary>Nothing will be added any more: who watches comes to the end.</summary>
    public void Complete(IResource resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        Complete(resource.Name);
    }

    /// <inheritdoc cref="Complete(IResource)"/>
    public void Complete(string name) => Log(name).Complete();

    public void ClearBacklog(string resourceName) => Log(resourceName).Clear();

    public void Dispose()
    {
        foreach (var log in _logs.Values)
            log.Complete();
        GC.SuppressFinalize(this);
    }

    internal void Write(string resourceName, string line, bool isError) => Log(resourceName).Write(line, isError);

    private ResourceLog Log(string name) => _logs.GetOrAdd(name, static (n, service) => new ResourceLog(n, service), this);

    private sealed class ResourceLog(string name, ResourceLoggerService service) : ILogger
    {
        private readonly Lock _lock = new();
        private readonly Queue<LogLine> _kept = new();
        private readonly List<Channel<LogLine>> _watchers = [];
        private int _lines;
        private bool _completed;

        public void Write(string content, bool isError)
        {
            LogLine line;
            lock (_lock)
            {
                line = new LogLine(++_lines, content, isError);
                if (_kept.Count == Backlog)
                    _kept.Dequeue();
                _kept.Enqueue(line);
                foreach (var watcher in _watchers)
                    watcher.Writer.TryWrite(line);
            }

            service.LineWritten?.Invoke(name, line);
        }

        public LogLine[] Kept()
        {
            lock (_lock)
                return [.. _kept];
        }

        public void Clear()
        {
            lock (_lock)
                _kept.Clear();
        }

        public void Complete()
        {
            lock (_lock)
            {
                _completed = true;
                foreach (var watcher in _watchers)
                    watcher.Writer.TryComplete();
            }
        }

        public async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var channel = Channel.CreateBounded<LogLine>(
                new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.DropOldest });
            LogLine[] kept;
            lock (_lock)
            {
                kept = [.. _kept];
                _watchers.Add(channel);
                if (_completed)
                    channel.Writer.Complete();
            }

            try
            {
                if (kept.Length > 0)
                    yield return kept;

                var lines = new List<LogLine>();
                while (await channel.Reader.WaitToReadAsync(cancellationToken))
                {
                    while (channel.Reader.TryRead(out var line))
                        lines.Add(line);
                    yield return lines;
                    lines = [];
                }
            }
            finally
            {
                lock (_lock)
                    _watchers.Remove(channel);
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information && logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var text = formatter(state, exception) + (exception is null ? "" : $" {exception.Message}");
            Write(text, logLevel >= LogLevel.Error);
        }
    }
}
