using System.Data;
using System.Diagnostics;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Durability.Commits;

/// <summary>What becomes of an item that the next batch is offered.</summary>
public enum Fit
{
    /// <summary>Into this batch.</summary>
    Take,

    /// <summary>Into a later batch, in its place.</summary>
    Later,

    /// <summary>It has nothing to write.</summary>
    Drop,
}

/// <summary>
/// One writer per process that shares a commit, and its fsync, among all who have something to write. The protocol,
/// its states
/// and what it guarantees: README.md beside this file. The steps below have the numbers of that page.
/// <para>The owner adds what differs: the statement, how to find out what of a doubtful commit is in, and who is
/// told.</para>
/// <para>All members but <see cref="TryEnqueue"/> belong to the loop: they never run at the same time.</para>
/// </summary>
/// <typeparam name="T">What is written: one row, or a few rows that belong together.</typeparam>
public abstract partial class GroupCommit<T> : BackgroundService where T : class
{
    private const int QuickRetries = 10;
    private static readonly TimeSpan QuickRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SlowRetry = TimeSpan.FromMilliseconds(500);

    private readonly SystemDataSource _source;
    private readonly DatabaseReady _ready;
    private readonly Channel<T> _queue;
    private static readonly TimeSpan HeldRetry = TimeSpan.FromSeconds(1);

    private readonly List<T> _later = []; // taken from the queue, not in the batch yet
    private readonly Dictionary<T, Held> _held = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<T> _doubtful = new(ReferenceEqualityComparer.Instance); // of _later: may be in
    private readonly LoopProgress _progress;
    private readonly LoopProgress.Loop _loop;
    private NpgsqlConnection? _connection;
    private CommitWatch? _watch; // of the connection

    /// <param name="capacity">Of the queue; null where the owner itself bounds what is enqueued.</param>
    protected GroupCommit(
        SystemDataSource source, DatabaseReady ready, LoopProgress progress, TimeProvider time, ILogger logger,
        int? capacity = null)
    {
        (_source, _ready, _progress, Time, Logger) = (source, ready, progress, time, logger);
        _loop = progress.Follow(GetType().Name);
        _queue = capacity is { } bound
            ? Channel.CreateBounded<T>(new BoundedChannelOptions(bound) { SingleReader = true })
            : Channel.CreateUnbounded<T>(new UnboundedChannelOptions { SingleReader = true });
    }

    protected TimeProvider Time { get; }

    protected ILogger Logger { get; }

    /// <summary>What is being written, each item until it is known to be in, or not ours any more.</summary>
    protected List<T> Batch { get; } = [];

    /// <summary>How much one commit takes, as <see cref="Weigh"/> counts it; more waits for the next.</summary>
    protected abstract int MaxBatch { get; }

    /// <summary>The least time from the start of one commit to the start of the next.</summary>
    protected virtual TimeSpan Interval => TimeSpan.Zero;

    /// <summary>Attempts at one batch before <see cref="GiveUp"/>.</summary>
    protected virtual int MaxAttempts => int.MaxValue;

    /// <summary>How long an attempt waits for a connection.</summary>
    protected virtual TimeSpan OpenTimeout => Timeout.InfiniteTimeSpan;

    protected virtual int Weigh(T item) => 1;

    protected virtual Fit Fits(T item) => Fit.Take;

    /// <summary>Step 3: writes the batch in one statement, and notes what of it was written.</summary>
    /// <param name="again">A former attempt may have written some of it.</param>
    protected abstract Task WriteAsync(NpgsqlConnection connection, bool again, CancellationToken cancellationToken);

    /// <summary>Step 4: takes what was written out of the batch, and releases who waits for it.</summary>
    protected abstract void Release();

    /// <summary>
    /// Step 5: looks up what of the batch is in, which is released, and what is not ours any more, which is dropped.
    /// What is ours
    /// and not in stays.
    /// </summary>
    protected virtual Task SettleAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        Task.CompletedTask;

    /// <summary>Says that the batch will not be written: <see cref="MaxAttempts"/> is reached.</summary>
    /// <returns>False where that must not be: it is retried.</returns>
    protected virtual bool GiveUp(Exception reason) => false;

    /// <summary>
    /// Says that the one item of a batch cannot be stored, ever: what it belongs to is to fail with a clear error.
    /// </summary>
    protected abstract void Reject(T item, Exception reason);

    /// <summary>Says that this process stops and writes <paramref name="item"/> no more.</summary>
    protected virtual void Abandon(T item)
    {
    }

    protected virtual void OnCommitted(int items, TimeSpan elapsed)
    {
    }

    protected virtual void OnRetry()
    {
    }

    /// <summary>Hands in something to write. Any thread; never blocks.</summary>
    /// <returns>False if the queue is full, or this process stops.</returns>
    protected bool TryEnqueue(T item) => _queue.Writer.TryWrite(item);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _ready.WaitAsync(stoppingToken);
            while (await AnyAsync(stoppingToken))
            {
                var started = Time.GetTimestamp();
                Fill(started);
                if (Batch.Count > 0)
                    await CommitAsync(stoppingToken);
                if (_held.Count > 0)
                    LetGo();

                if (Interval - Time.GetElapsedTime(started) is { TotalMilliseconds: > 1 } rest)
                    await Task.Delay(rest, Time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The drain came first (LeaseDrain): what is left here is no longer this process' to write.
        }
        finally
        {
            await DropConnectionAsync();
            _loop.Dispose();
            _queue.Writer.TryComplete();
            Batch.ForEach(Abandon);
            _later.ForEach(Abandon);
            _later.Clear();
            LetGo();
            while (_queue.Reader.TryRead(out var item))
                Abandon(item);
        }
    }

    /// <summary>
    /// A loop that is stopped before it began to run never runs, so that nobody else abandons what was handed in.
    /// </summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (ExecuteTask is { IsCompleted: false })
            return; // it abandons by itself, later than the host waits
        _queue.Writer.TryComplete();
        while (_queue.Reader.TryRead(out var item))
            Abandon(item);
    }

    /// <summary>Waits until there is something to write now.</summary>
    private async Task<bool> AnyAsync(CancellationToken stoppingToken)
    {
        var now = Time.GetTimestamp();
        if (_later.Exists(item => IsDue(item, now)))
            return true;
        if (_held.Count == 0)
            return await _queue.Reader.WaitToReadAsync(stoppingToken);
        // What is held is due soon: the queue may be silent until then.
        using var due = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        due.CancelAfter(HeldRetry);
        try
        {
            return await _queue.Reader.WaitToReadAsync(due.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            return true;
        }
    }

    private void Fill(long now)
    {
        Batch.Clear();
        var weight = 0;
        for (var i = 0; i < _later.Count && weight < MaxBatch; i++)
        {
            var item = _later[i];
            if (!IsDue(item, now))
                continue;
            var fit = Fits(item);
            if (fit == Fit.Later)
                continue;
            _later.RemoveAt(i--);
            Add(item, fit);
        }
        while (weight < MaxBatch && _queue.Reader.TryRead(out var item))
            Add(item, _held.ContainsKey(item) ? Fit.Later : Fits(item));

        void Add(T item, Fit fit)
        {
            if (fit == Fit.Later)
                _later.Add(item);
            if (fit != Fit.Take)
                return;
            Batch.Add(item);
            weight += Weigh(item);
        }
    }

    private bool IsDue(T item, long now) => !_held.TryGetValue(item, out var held) || held.Until <= now;

    private async Task CommitAsync(CancellationToken stoppingToken)
    {
        _loop.Begin();
        var inDoubt = _doubtful.Count > 0 && Batch.Exists(_doubtful.Contains);
        for (var attempt = 1; Batch.Count > 0; attempt++, inDoubt = true)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                _connection ??= await OpenAsync(stoppingToken);
                if (inDoubt)
                {
                    // What is seen to be in counts when it is replicated.
                    await _connection.ConfirmReplicationAsync(stoppingToken);
                    await SettleAsync(_connection, stoppingToken);
                }
                if (Batch.Count is > 0 and var count)
                {
                    await WriteAsync(_connection, inDoubt, stoppingToken);
                    await _watch!.ConfirmAsync(stoppingToken);
                    OnCommitted(count, Stopwatch.GetElapsedTime(started));
                    Release();
                }
                if (Batch.Count > 0)
                    await SettleAsync(_connection, stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                await RecoverAsync(e, attempt, inDoubt, stoppingToken);
            }
        }
        _loop.Done();
        if (_doubtful.Count > 0)
            _doubtful.IntersectWith(_later);
    }

    /// <summary>
    /// What a failure calls for: the batch divided to find the item at fault, that item rejected or held, or all of it
    /// retried after a pause.
    /// </summary>
    private async Task RecoverAsync(Exception e, int attempt, bool inDoubt, CancellationToken stoppingToken)
    {
        var failure = DatabaseFailures.Of(e);
        // Npgsql's keepalive finds an idle connection broken; using it then is an InvalidOperationException.
        // (It also ends a connection by itself after some of the codes that the database answers with.)
        var isOpen = _connection is { State: ConnectionState.Open };
        if (failure == DatabaseFailure.Unknown && !isOpen && DatabaseFailures.SqlState(e) is null)
            failure = DatabaseFailure.Connection;
        // After a refusal for data the connection is as good as before.
        if (failure != DatabaseFailure.Data || e is not PostgresException || !isOpen)
            await DropConnectionAsync();
        if (Batch.Count == 0)
            return;
        if (failure == DatabaseFailure.Data && Batch.Count > 1)
        {
            Divide(inDoubt);
            return;
        }
        if (failure == DatabaseFailure.Data)
        {
            LogRejected(Logger, e, GetType().Name);
            _loop.Rejected();
            Reject(Batch[0], e);
            Batch.Clear();
            return;
        }
        if (attempt >= MaxAttempts && GiveUp(e))
        {
            Batch.Clear();
            return;
        }
        if (failure == DatabaseFailure.Unknown)
        {
            // Only what Postgres itself refused is certainly not in.
            if (Batch.Count > 1)
                Divide(inDoubt || e is not PostgresException);
            else
                Hold(Batch[0], e);
            return;
        }
        _loop.Failed(e);
        if (attempt == 1)
            LogRetry(Logger, Batch.Count, failure, e.Message);
        OnRetry();
        await Task.Delay(attempt <= QuickRetries ? QuickRetry : SlowRetry, Time, stoppingToken);
    }

    /// <summary>One of the batch is the cause: the two halves are tried apart.</summary>
    private void Divide(bool inDoubt)
    {
        var upper = Batch[(Batch.Count / 2)..];
        _later.InsertRange(0, upper);
        Batch.RemoveRange(Batch.Count / 2, upper.Count);
        if (inDoubt)
            _doubtful.UnionWith(upper);
    }

    /// <summary>It fails alone, nobody knows why: it is kept and retried, and the others go on meanwhile.</summary>
    private void Hold(T item, Exception reason)
    {
        if (!_held.TryGetValue(item, out var held))
        {
            LogHeld(Logger, reason, GetType().Name);
            _held[item] = held = new(_progress.Follow(GetType().Name));
        }
        held.Loop.Failed(reason);
        held.Until = Time.GetTimestamp() + (long)(HeldRetry.TotalSeconds * Time.TimestampFrequency);
        OnRetry();
        _doubtful.Add(item);
        _later.Add(item);
        Batch.Clear();
    }

    /// <summary>What was held and waits no more is written, or is not ours any more.</summary>
    private void LetGo()
    {
        foreach (var (item, held) in _held.Where(pair => !_later.Contains(pair.Key)).ToList())
        {
            held.Loop.Dispose();
            _held.Remove(item);
        }
    }

    /// <summary>An item that is not tried before <see cref="Until"/>, a timestamp.</summary>
    private sealed class Held(LoopProgress.Loop loop)
    {
        public LoopProgress.Loop Loop { get; } = loop;
        public long Until { get; set; }
    }

    /// <summary>The loop keeps its connection: a pool would reset it after each statement, which costs as much as
    /// the statement.</summary>
    private async Task<NpgsqlConnection> OpenAsync(CancellationToken stoppingToken)
    {
        var connection = await OpenInTimeAsync(stoppingToken);
        _watch = new(connection);
        return connection;
    }

    private async Task<NpgsqlConnection> OpenInTimeAsync(CancellationToken stoppingToken)
    {
        if (OpenTimeout == Timeout.InfiniteTimeSpan)
            return await _source.OpenConnectionAsync(stoppingToken);
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        bound.CancelAfter(OpenTimeout);
        try
        {
            return await _source.OpenConnectionAsync(bound.Token);
        }
        catch (OperationCanceledException e) when (!stoppingToken.IsCancellationRequested)
        {
            throw new TimeoutException($"No database connection within {OpenTimeout}.", e);
        }
    }

    private async Task DropConnectionAsync()
    {
        if (_connection is { } broken)
        {
            _connection = null;
            await broken.DisposeAsync();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Commit of {Items} items failed, retrying: {Cause}: {Reason}")]
    private static partial void LogRetry(ILogger logger, int items, DatabaseFailure cause, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Loop}: an item is refused for its data, it fails alone")]
    private static partial void LogRejected(ILogger logger, Exception reason, string loop);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Loop}: an item cannot be written, it is retried alone")]
    private static partial void LogHeld(ILogger logger, Exception reason, string loop);
}
