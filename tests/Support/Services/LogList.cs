using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Support.Services;

/// <summary>Keeps what was logged.</summary>
public sealed class LogList : ILoggerProvider
{
    public ConcurrentQueue<(LogLevel Level, string Category, string Message)> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose() { }

    private sealed class Logger(LogList list, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            list.Lines.Enqueue((logLevel, category, formatter(state, exception)));
    }
}
