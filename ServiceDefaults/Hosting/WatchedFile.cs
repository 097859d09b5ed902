using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Lyceum.ServiceDefaults.Hosting;

/// <summary>
/// A small file as an immutable value that follows the file. Contents are compared every second rather than file times,
/// because Kubernetes swaps a symlink above the file and a rewrite may keep the time. A file that is missing, half
/// written or wrong never replaces the last good value.
/// </summary>
/// <typeparam name="T">The snapshot; readers keep one for the length of a request.</typeparam>
public sealed partial class WatchedFile<T> : IDisposable where T : class
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Func<byte[], T> _parse;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private byte[] _seen;
    private long _checkedAt;
    private volatile T _current;

    /// <exception cref="IOException">The file cannot be read at start.</exception>
    public WatchedFile(string path, Func<byte[], T> parse, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(parse);
        (_path, _parse, _time, _logger) = (path, parse, time, logger);
        var content = File.ReadAllBytes(path);
        _current = parse(content);
        _seen = SHA256.HashData(content);
        _checkedAt = time.GetTimestamp();
        _timer = time.CreateTimer(_ => Check(), null, Interval, Interval);
    }

    public T Current => _current;

    /// <summary>
    /// Reads the file now, at most five times a second: for a reader with reason to think that it changed.
    /// </summary>
    /// <returns>Whether the value changed.</returns>
    public bool Refresh()
    {
        var before = _current;
        if (_time.GetElapsedTime(Interlocked.Read(ref _checkedAt)) >= Interval / 5)
            Check();
        return !ReferenceEquals(before, _current);
    }

    private void Check()
    {
        lock (_lock)
        {
            try
            {
                Interlocked.Exchange(ref _checkedAt, _time.GetTimestamp());
                var content = File.ReadAllBytes(_path);
                var hash = SHA256.HashData(content);
                if (hash.AsSpan().SequenceEqual(_seen))
                    return;

                // Remembered before parsing: one log line per bad content, not one per second.
                _seen = hash;
                _current = _parse(content);
                LogReloaded(_path);
            }
            catch (Exception e)
            {
                LogKept(_path, e.Message);
            }
        }
    }

    public void Dispose() => _timer.Dispose();

    [LoggerMessage(LogLevel.Information, "{Path} changed and was reloaded")]
    private partial void LogReloaded(string path);

    [LoggerMessage(LogLevel.Warning, "{Path} cannot be used ({Reason}); its last good content stays in force")]
    private partial void LogKept(string path, string reason);
}
