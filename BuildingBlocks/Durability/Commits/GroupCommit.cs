using System.Data;
using System.Diagnostics;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
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
public abstract partial class GroupCommit<T> : BackgroundService
{
    private const int QuickRetries = 10;
    private static readonly TimeSpan QuickRetry = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SlowRetry = TimeSpan.FromMilliseconds(500);

    private readonly SystemDataSource _source;
    private readonly DatabaseReady _ready;
    private readonly Channel<T> _queue;
    private readonly List<T> _later = []; // taken from the queue, not in the batch yet
    private NpgsqlConnection? _connection;
    private CommitWatch? _watch; // of the connection

    /// <param name="capacity">Of the queue; null where the owner itself bounds what is enqueued.</param>
    protected GroupCommit(
        SystemDataSource source, DatabaseReady ready, TimeProvider time, ILogger logger, int? capacity = null)
    {
        (_source, _ready, Time, Logger) = (source, ready, time, logger);
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

    /// <summary>Says that the batch will not be written: <see cref="MaxAttempts"/> is reached, or the program is at
    /// fault.</summary>
    /// <returns>False where that must not be, and ends the process.</returns>
    protected virtual bool GiveUp(Exception reason) => false;

    /// <summary>Says that the one item of a batch cannot be stored, ever.</summary>
    /// <returns>False where that must not be: it is retried.</returns>
    protected virtual bool Reject(T item, Exception reason) => false;

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
            while (_later.Count > 0 || await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                var started = Time.GetTimestamp();
                Fill();
                if (Batch.Count > 0)
                    await CommitAsync(stoppingToken);

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
            _queue.Writer.TryComplete();
            Batch.ForEach(Abandon);
            _later.ForEach(Abandon);
            while (_queue.Reader.TryRead(out var item))
                Abandon(item);
        }
    }

    private void Fill()
    {
        Batch.Clear();
        var weight = 0;
        for (var i = 0; i < _later.Count && weight < MaxBatch; i++)
        {
            var item = _later[i];
            var fit = Fits(item);
            if (fit == Fit.Later)
                continue;
            _later.RemoveAt(i--);
            Add(item, fit);
        }
        while (weight < MaxBatch && _queue.Reader.TryRead(out var item))
            Add(item, Fits(item));

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

    private async Task CommitAsync(CancellationToken stoppingToken)
    {
        for (var attempt = 1; Batch.Count > 0; attempt++)
        {
            try
            {
                var started = Stopwatch.GetTimestamp();
                _connection ??= await OpenAsync(stoppingToken);
                if (attempt > 1)
                {
                    // What is seen to be in counts when it is replicated.
                    await _connection.ConfirmReplicationAsync(stoppingToken);
                    await SettleAsync(_connection, stoppingToken);
                }
                if (Batch.Count is > 0 and var count)
                {
                    await WriteAsync(_connection, attempt > 1, stoppingToken);
                    await _watch!.ConfirmAsync(stoppingToken);
                    OnCommitted(count, Stopwatch.GetElapsedTime(started));
                    Release();
                }
                if (Batch.Count > 0)
                    await SettleAsync(_connection, stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
            {
                if (!await GoesOnAsync(e, attempt, stoppingToken))
                    throw;
            }
        }
    }

    /// <returns>False for a mistake in the program that the owner does not answer for.</returns>
    private async Task<bool> GoesOnAsync(Exception e, int attempt, CancellationToken stoppingToken)
    {
        var failure = CommitFailures.Of(e);
        // Npgsql's keepalive finds an idle connection broken; using it then is an InvalidOperationException.
        if (failure == CommitFailure.Defect && _connection is { State: not ConnectionState.Open })
            failure = CommitFailure.Outage;
        if (failure == CommitFailure.Data && Batch.Count > 1)
        {
            // One of them is the cause: the two halves are tried apart. Nothing of the batch is in.
            _later.InsertRange(0, Batch[(Batch.Count / 2)..]);
            Batch.RemoveRange(Batch.Count / 2, Batch.Count - Batch.Count / 2);
            return true;
        }
        await DropConnectionAsync();
        if ((failure == CommitFailure.Data && Batch is [var only] && Reject(only, e))
            || ((failure == CommitFailure.Defect || attempt >= MaxAttempts) && GiveUp(e)))
        {
            Batch.Clear();
            return true;
        }
        if (failure == CommitFailure.Defect)
            return false;
        if (attempt == 1)
            LogRetry(Logger, Batch.Count, e.Message);
        OnRetry();
        await Task.Delay(attempt <= QuickRetries ? QuickRetry : SlowRetry, Time, stoppingToken);
        return true;
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Commit of {Items} items failed, retrying: {Reason}")]
    private static partial void LogRetry(ILogger logger, int items, string reason);
}
