using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// A generation's name. The owner is part of it, so that another caller's id cannot name it, nor learn of it.
/// </summary>
internal readonly record struct GenerationKey(string Tenant, string Owner, Guid Id)
{
    public GenerationKey(Caller caller, Guid id)
        : this(caller.Tenant, caller.Person, id)
    {
    }
}

/// <summary>
/// One detached answer: written by a task of its own (<see cref="GenerationRunner"/>), read by any number of responses
/// (<see cref="GenerationReader"/>) during and after it.
/// </summary>
internal sealed class Generation : IGenerationSink, IDisposable
{
    private readonly EngineMetrics _metrics;
    private readonly GenerationDeadline _deadline;
    // Not disposed: it has no timer and no parent to release, and a DELETE may come at any time.
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private ReaderSignal[] _readers = []; // replaced under _lock, never changed
    private GenerationEnd? _stopped;
    private GenerationEnd? _end;
    private volatile ChunkFrames? _frames;

    public Generation(
        GenerationKey key, GenerationStore store, int maxBytes, AnswersOptions answers, TimeProvider time, EngineMetrics metrics)
    {
        (Key, _metrics) = (key, metrics);
        Text = new GenerationText(maxBytes, change => store.Resized(this, change));
        Thinking = new GenerationText(maxBytes, change => store.Resized(this, change));
        _deadline = new GenerationDeadline(answers, time, error => Stop(GenerationEnd.Failed(error)));
    }

    public GenerationKey Key { get; }

    public GenerationText Text { get; }

    public GenerationText Thinking { get; }

    /// <summary>Fires when a bound is reached, and when the generation is stopped.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Why <see cref="Token"/> fired.</summary>
    public GenerationEnd? Stopped => Volatile.Read(ref _stopped);

    /// <summary>
    /// Null while it runs. Read it before <see cref="Text"/> and <see cref="Thinking"/>, which are complete where this
    /// is set.
    /// </summary>
    public GenerationEnd? End => Volatile.Read(ref _end);

    /// <summary>Completes when the generation has ended and has freed what it occupied.</summary>
    public Task Over => _over.Task;

    /// <summary>Completes when a reader was sent its end, or nobody can read it any more.</summary>
    public Task Read => _read.Task;

    /// <summary>The shape of its chunks; set before the first text.</summary>
    public ChunkFrames? Frames
    {
        get => _frames;
        set => _frames = value;
    }

    /// <summary>What the store keeps of it, under the store's lock.</summary>
    public StoreEntry Entry { get; } = new();

    /// <summary>Ends it from outside; the first cause counts. It frees what it occupies at once.</summary>
    public void Stop(GenerationEnd cause)
    {
        if (Interlocked.CompareExchange(ref _stopped, cause, null) is null)
            _stop.Cancel();
    }

    /// <summary>Called by the writer; wakes the readers.</summary>
    public void TokensArrived(int count)
    {
        if (_deadline.TokenArrived())
            _metrics.FirstToken(_deadline.Elapsed);
        _metrics.Tokens(count);
        Wake();
    }

    /// <summary>The writer's last call: from now on it is only read.</summary>
    public void Finish(GenerationEnd end)
    {
        Volatile.Write(ref _end, end);
        _over.SetResult();
        Wake();
    }

    public void WasRead() => _read.TrySetResult();

    /// <summary>Called by the writer: its deadline no longer runs. It can still be read.</summary>
    public void Dispose() => _deadline.Dispose();

    /// <summary>From now on <paramref name="reader"/> is woken by each change.</summary>
    public void Attach(ReaderSignal reader)
    {
        lock (_lock)
            Volatile.Write(ref _readers, [.. _readers, reader]);
    }

    public void Detach(ReaderSignal reader)
    {
        lock (_lock)
            Volatile.Write(ref _readers, Array.FindAll(_readers, other => other != reader));
    }

    private void Wake()
    {
        foreach (var reader in Volatile.Read(ref _readers))
            reader.Set();
    }

    /// <summary>What the store knows of it.</summary>
    public sealed class StoreEntry
    {
        /// <summary>False once it was deleted, evicted or expired.</summary>
        public bool IsKept { get; set; }

        /// <summary>Its place among the running ones, until it ends.</summary>
        public SharedBound.Held? Running { get; set; }

        /// <summary>Bytes of its buffer.</summary>
        public long Bytes { get; set; }

        /// <summary>Its place among the ended ones; null while it runs.</summary>
        public LinkedListNode<Generation>? Place { get; set; }

        /// <summary>Its place among those of its owner.</summary>
        public LinkedListNode<Generation>? PlaceOfOwner { get; set; }

        /// <summary>The time provider's timestamp of its end.</summary>
        public long EndedAt { get; set; }
    }
}
