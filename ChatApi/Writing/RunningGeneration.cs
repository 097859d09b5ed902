using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.Durability.Commits;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.ChatApi.Writing;

/// <summary>
/// One running generation in the replica that owns it. Its task appends to <see cref="Text"/>; the journal commits; then
/// readers are woken. It is gone from memory once its end is committed: later readers read the message.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification =
    "Readers and the journal may hold it after its end; neither member holds anything but memory.")]
public sealed class RunningGeneration(Guid id, Guid conversationId, Guid owner, int epoch, AnswerText text)
{
    private readonly ConcurrentDictionary<ReaderSignal, byte> _readers = new();
    private readonly CancellationTokenSource _fenced = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly SemaphoreSlim _committed = new(0, 1);
    private int _queued;
    private long _queuedAt;              // TimeProvider timestamp
    private int _taken = text.Committed; // only the journal
    private int _batch;                  // only the journal: the number of the last batch it was taken into
    private volatile AnswerEnd? _end;
    private int _thought;
    private volatile string _stopReason = FinishReasons.Stopped;
    private long _watchedUntil;          // TimeProvider timestamp; a reader on another replica renews it
    private long _readUntil = long.MaxValue; // TimeProvider timestamp of when the last reader left; MaxValue while there are some

    public Guid Id { get; } = id;
    public Guid ConversationId { get; } = conversationId;
    public Guid Owner { get; } = owner;
    public int Epoch { get; } = epoch;
    public AnswerText Text { get; } = text;

    /// <summary>The engine INSTANCE that generates it.</summary>
    public required Uri Engine { get; set; }

    /// <summary>UTF-8 bytes of the model's reasoning that are durable.</summary>
    public int Thought => Volatile.Read(ref _thought);

    /// <summary>Set after the terminal transaction; null while running.</summary>
    public AnswerEnd? End => _end;

    /// <summary>Cancelled when another owner has this answer: nothing more may be written.</summary>
    public CancellationToken Fenced => _fenced.Token;

    /// <summary>Cancelled when the end was asked for: by the user, or by the disconnect policy.</summary>
    public CancellationToken Stopped => _stopped.Token;

    /// <summary>Why <see cref="Stopped"/> was cancelled, a <see cref="FinishReasons"/>.</summary>
    public string StopReason => _stopReason;

    public int Readers => _readers.Count;

    /// <summary>It ends when it has no reader for the grace period (<c>on_disconnect: "stop"</c>).</summary>
    public bool StopsOnDisconnect { get; init; }

    /// <summary>A part of it was let through that a model should have judged and could not. Of the generation's own task.</summary>
    internal bool Unjudged { get; set; }

    /// <summary>A signal that is set at every commit and at the end. Dispose the registration when done reading.</summary>
    public void AddReader(ReaderSignal signal)
    {
        _readers[signal] = 0;
        signal.Set();
    }

    public void RemoveReader(ReaderSignal signal) => _readers.TryRemove(signal, out _);

    /// <summary>Marks this generation as waiting in the journal's queue; false if it already is.</summary>
    /// <param name="now">TimeProvider timestamp.</param>
    internal bool TryEnqueue(long now)
    {
        if (Interlocked.Exchange(ref _queued, 1) != 0)
            return false;
        Volatile.Write(ref _queuedAt, now);
        return true;
    }

    /// <summary>Since when the oldest of <see cref="Uncommitted"/> waits, TimeProvider timestamp. Used by the journal only.</summary>
    internal long UncommittedSince { get; private set; }

    /// <summary>What was taken to be written and is not known to be in. Used by the journal only.</summary>
    internal (int ByteOffset, string Body, int End)? Uncommitted { get; private set; }

    /// <summary>Called by the journal only: takes all text that was appended since the last call, once in each batch.</summary>
    internal Fit Take(int batch)
    {
        if (_batch == batch)
            return Fit.Later;
        if (Uncommitted is null) // else it is left from a batch that was divided
        {
            UncommittedSince = Volatile.Read(ref _queuedAt);
            Volatile.Write(ref _queued, 0); // before taking: what is appended from here on queues again
            Uncommitted = Text.TakePending(ref _taken);
        }
        if (Uncommitted is null)
            return Fit.Drop;
        _batch = batch;
        return Fit.Take;
    }

    internal void OnCommitted()
    {
        Text.MarkCommitted(Uncommitted!.Value.End);
        Uncommitted = null;
        if (_committed.CurrentCount == 0)
            _committed.Release();
        WakeReaders();
    }

    /// <summary>What was taken cannot be stored: the answer ends at what is committed.</summary>
    internal void OnRejected()
    {
        Uncommitted = null;
        Text.Cut();
        Stop(FinishReasons.NotStored);
        if (_committed.CurrentCount == 0)
            _committed.Release();
    }

    /// <summary>Waits until no more than <paramref name="bytes"/> wait for their commit. One waiter: the generation's own task.</summary>
    internal async Task CommittedButAsync(int bytes, CancellationToken cancellationToken)
    {
        while (Text.Written - Text.Committed > bytes)
            await _committed.WaitAsync(cancellationToken);
    }

    /// <summary>Asks for the end; the first reason stays.</summary>
    internal void Stop(string reason)
    {
        lock (_stopped)
        {
            if (_stopped.IsCancellationRequested)
                return;
            _stopReason = reason;
            _stopped.Cancel();
        }
    }

    /// <summary>A reader on another replica follows it until <paramref name="until"/>, unless renewed.</summary>
    internal void Watch(long until) => Volatile.Write(ref _watchedUntil, until);

    internal bool IsWatched(long now) => Volatile.Read(ref _watchedUntil) > now;

    /// <summary>Called every second: whether it has had no reader, here or elsewhere, for <paramref name="grace"/>.</summary>
    internal bool IsAbandoned(long now, long grace)
    {
        if (!_readers.IsEmpty || IsWatched(now))
            _readUntil = long.MaxValue;
        else if (_readUntil == long.MaxValue)
            _readUntil = now;
        return _readUntil != long.MaxValue && now - _readUntil >= grace;
    }

    internal void OnThought(int length)
    {
        Volatile.Write(ref _thought, length);
        WakeReaders();
    }

    internal void OnEnded(AnswerEnd end)
    {
        _end = end;
        WakeReaders();
    }

    internal void OnFenced()
    {
        _fenced.Cancel();
        WakeReaders();
    }

    private void WakeReaders()
    {
        foreach (var (reader, _) in _readers)
            reader.Set();
    }
}
