using System.Runtime.InteropServices;
using System.Threading.Channels;
using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>
/// Record first, then show (rule 1): an append-only log of what sessions say. One writer takes all records appended
/// since its last commit, writes them together and syncs once, so that a hundred sessions cost one fsync; only then are
/// the sessions called back to publish. Acknowledged records are deleted, file by file; the rest is there after a
/// crash.
/// </summary>
internal sealed partial class TranscriptLog(
    IOptions<TranscriptOptions> options, TranscriptMetrics metrics, TimeProvider time, ILogger<TranscriptLog> log)
    : BackgroundService, ITranscript
{
    private const int BatchBytes = 1024 * 1024;

    private readonly TranscriptOptions _options = options.Value;
    // Without a bound of its own: a turn has at most 64 records in it (Turn.MaxUnrecorded).
    private readonly Channel<Entry> _queue = Channel.CreateUnbounded<Entry>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TranscriptFrame.Writer _frames = new(); // used by the writing loop only
    private readonly Lock _lock = new(); // around all below
    private readonly List<TranscriptSegment> _segments = [];
    private readonly Dictionary<string, Cursor> _sessions = [];
    private long _lastSegment;
    private FileStream? _lockFile; // held open so that no other engine uses the folder
    private string? _error;
    private bool _forwarded;

    /// <summary>Why nothing can be recorded now; null where all is well.</summary>
    public string? Error => Volatile.Read(ref _error);

    /// <summary>Bytes on disk.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _segments.Sum(segment => segment.Length);
        }
    }

    /// <summary>Something is recorded here that is not acknowledged.</summary>
    public bool HasUnacknowledged
    {
        get
        {
            lock (_lock)
                return _sessions.Values.Any(cursor => cursor.Acknowledged < cursor.Last);
        }
    }

    /// <summary>Raised after each commit.</summary>
    public event Action? Recorded;

    private long? FreeBytes()
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(_options.Folder)).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Append(string session, string tenant, string owner, SessionTurnRecord record, Action<bool> recorded)
    {
        if (!_queue.Writer.TryWrite(new Entry(session, tenant, owner, record, recorded)))
            recorded(false); // the engine is stopping
    }

    /// <summary>From now on a file is deleted only when all its records are acknowledged.</summary>
    public void KeepUntilAcknowledged() => Volatile.Write(ref _forwarded, true);

    /// <summary>These sessions' records up to and with these are stored elsewhere.</summary>
    /// <returns>Whether any of it was new.</returns>
    public bool Acknowledge(IEnumerable<RecordedSession> sessions)
    {
        lock (_lock)
        {
            var isNew = false;
            foreach (var (session, through) in sessions)
            {
                if (_sessions.TryGetValue(session, out var cursor) && through > cursor.Acknowledged)
                {
                    cursor.Acknowledged = Math.Min(through, cursor.Last);
                    isNew = true;
                }
            }
            if (isNew)
                Truncate();
            return isNew;
        }
    }

    public bool IsStored(string session)
    {
        lock (_lock)
        {
            return !Volatile.Read(ref _forwarded) || !_sessions.TryGetValue(session, out var cursor)
                || cursor.Acknowledged >= cursor.Last;
        }
    }

    /// <summary>
    /// The session appends no more. Takes effect after its earlier records, which may still be queued, are written.
    /// </summary>
    public void Closed(string session)
    {
        if (!_queue.Writer.TryWrite(new Entry(session, "", "", null, _ => Forget(session))))
            Forget(session);
    }

    private void Forget(string session)
    {
        lock (_lock)
        {
            if (_sessions.TryGetValue(session, out var cursor))
            {
                cursor.IsOpen = false;
                Truncate();
            }
        }
    }

    /// <summary>Reads what is not acknowledged, in the order it was recorded, from a place in the log on.</summary>
    /// <param name="maxBytes">About as many at once.</param>
    /// <param name="found">Called with each record.</param>
    /// <returns>The place to go on from; the same where there is nothing more.</returns>
    public LogPlace Read(LogPlace from, int maxBytes, Action<LoggedTurn> found)
    {
        TranscriptSegment? segment;
        long offset;
        lock (_lock)
        {
            segment = _segments.Find(segment => segment.Number >= from.Segment);
            if (segment is null)
                return from;
            offset = segment.Number == from.Segment ? from.Offset : 0;
            if (offset >= segment.Length)
            {
                // The last one grows on; behind another, the next one begins.
                return segment == _segments[^1] ? new LogPlace(segment.Number, offset) : new LogPlace(segment.Number + 1, 0);
            }
        }
        try
        {
            // Not under the lock, for which the writer waits.
            return new LogPlace(segment.Number, segment.Read(offset, maxBytes, turn =>
            {
                if (!IsAcknowledged(turn))
                    found(turn);
            }));
        }
        catch (ObjectDisposedException)
        {
            return new LogPlace(segment.Number + 1, 0); // deleted meanwhile: all its records are acknowledged
        }
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Recover();
        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete(); // queued records are still written
        if (ExecuteTask is { } writing)
            await writing.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        base.Dispose();
        lock (_lock)
        {
            _segments.ForEach(segment => segment.Dispose());
            _lockFile?.Dispose();
        }
        _frames.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.ObserveLog(() => Bytes, _options.MaxBytes, FreeBytes);
        var batch = new List<Entry>();
        // Until the queue is completed and empty (StopAsync).
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            var size = 0;
            while (size < BatchBytes && _queue.Reader.TryRead(out var entry))
            {
                batch.Add(entry);
                size += 256 + (3 * (entry.Record?.Text.Length ?? 0));
            }
            var written = TryCommit(batch);
            batch.ForEach(entry => entry.Recorded(written));
            batch.Clear();
            if (written)
                Recorded?.Invoke();
        }
    }

    private bool TryCommit(List<Entry> batch)
    {
        var start = time.GetTimestamp();
        var turns = new List<LoggedTurn>(batch.Count);
        try
        {
            if (!batch.Exists(entry => entry.Record is not null))
                return true;
            var segment = Room();
            foreach (var entry in batch)
            {
                if (entry.Record is { } record)
                    turns.Add(Number(entry, record));
            }
            _frames.Clear();
            turns.ForEach(_frames.Add);
            segment.Append(_frames.Written);
            lock (_lock)
                turns.ForEach(segment.Note);
            if (Interlocked.Exchange(ref _error, null) is not null)
                LogRecovered(log);
            metrics.Committed(time.GetElapsedTime(start), turns.Count);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            turns.ForEach(Unnumber);
            if (Interlocked.Exchange(ref _error, e.Message) is null)
                LogFailed(log, e.Message);
            return false;
        }
    }

    // Records are numbered as they are written, so that a failed write leaves no gap.
    private LoggedTurn Number(Entry entry, SessionTurnRecord record)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(entry.Session, out var cursor))
                _sessions[entry.Session] = cursor = new Cursor { IsOpen = true };
            return new LoggedTurn(entry.Session, entry.Tenant, entry.Owner, record with { Seq = ++cursor.Last });
        }
    }

    private void Unnumber(LoggedTurn turn)
    {
        lock (_lock)
            _sessions[turn.SessionId].Last--;
    }

    private bool IsAcknowledged(LoggedTurn turn)
    {
        lock (_lock)
            return _sessions.TryGetValue(turn.SessionId, out var cursor) && turn.Record.Seq <= cursor.Acknowledged;
    }

    private long LastWritten(string session) =>
        _segments.Select(segment => segment.Last.GetValueOrDefault(session)).DefaultIfEmpty().Max();

    /// <summary>The file to write to. Without a forwarder old files are deleted to make room.</summary>
    /// <exception cref="IOException">The log is full.</exception>
    private TranscriptSegment Room()
    {
        lock (_lock)
        {
            if (_segments is [.., var last] && last.Length < _options.SegmentBytes)
                return last;
            while (_segments.Sum(segment => segment.Length) >= _options.MaxBytes)
            {
                if (Volatile.Read(ref _forwarded))
                {
                    throw new IOException(
                        $"the log holds {_options.MaxBytes} bytes that are not acknowledged (Engine:Transcripts:MaxBytes)");
                }
                Remove(_segments[0]);
            }
            var next = TranscriptSegment.Create(_options.Folder, ++_lastSegment);
            _segments.Add(next);
            return next;
        }
    }

    /// <summary>Deletes the oldest files all of whose records are acknowledged; the one being written to stays.</summary>
    private void Truncate()
    {
        while (_segments.Count > 1 && _segments[0].Last.All(entry => _sessions[entry.Key].Acknowledged >= entry.Value))
            Remove(_segments[0]);
    }

    private void Remove(TranscriptSegment segment)
    {
        segment.Delete();
        _segments.Remove(segment);
        foreach (var session in segment.Last.Keys.Where(session => !_sessions[session].IsOpen && LastWritten(session) == 0))
            _sessions.Remove(session);
    }

    private void Recover()
    {
        PrivateFiles.TakeOver(_options.Folder);
        _lockFile = new FileStream(
            Path.Combine(_options.Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        lock (_lock)
        {
            var records = 0;
            foreach (var path in Directory.EnumerateFiles(_options.Folder, "*.log").Order(StringComparer.Ordinal))
            {
                var segment = TranscriptSegment.Recover(path, turn => { records++; Replay(turn); }, out var torn);
                _segments.Add(segment);
                _lastSegment = segment.Number;
                if (torn > 0)
                    LogTornTail(log, torn, path);
            }
            if (records > 0)
                LogReplayed(log, records, _sessions.Count);
        }
    }

    private void Replay(LoggedTurn turn)
    {
        if (!_sessions.TryGetValue(turn.SessionId, out var cursor))
        {
            // Records before the oldest one here were acknowledged, or deleted without a forwarder.
            _sessions[turn.SessionId] = cursor = new Cursor { Acknowledged = turn.Record.Seq - 1 };
        }
        cursor.Last = turn.Record.Seq;
    }

    private sealed class Cursor
    {
        public long Last { get; set; }
        public long Acknowledged { get; set; }
        public bool IsOpen { get; set; }
    }

    /// <param name="Record">Null: the session is closed.</param>
    private sealed record Entry(string Session, string Tenant, string Owner, SessionTurnRecord? Record, Action<bool> Recorded);

    [LoggerMessage(LogLevel.Error, "Transcript log failed, sessions say nothing: {Reason}")]
    private static partial void LogFailed(ILogger log, string reason);

    [LoggerMessage(LogLevel.Information, "Transcript log works again")]
    private static partial void LogRecovered(ILogger log);

    [LoggerMessage(LogLevel.Warning, "Transcript log: cut an unfinished write of {Bytes} bytes off {Path}")]
    private static partial void LogTornTail(ILogger log, long bytes, string path);

    [LoggerMessage(LogLevel.Information, "Transcript log: found {Records} records of {Sessions} sessions")]
    private static partial void LogReplayed(ILogger log, int records, int sessions);
}

/// <summary>A place in the log; the default is its beginning.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct LogPlace(long Segment, long Offset);
