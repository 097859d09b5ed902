using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Draining;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// The generations of this engine, running and ended, bounded in number and bytes (<see cref="GenerationOptions"/>).
/// Of those who keep the most, those that ended first are evicted first; running ones never.
/// A stopping engine lets those that run end, and waits a while for whoever reads them.
/// </summary>
internal sealed class GenerationStore : IDrainedWork, IDisposable
{
    // An expired one is never found; its memory is freed by the next sweep.
    private static readonly TimeSpan SweepAtMost = TimeSpan.FromSeconds(10);

    /// <summary>How long a stopping engine keeps an answer that ended and that nobody has read to its end.</summary>
    private static readonly TimeSpan Unread = TimeSpan.FromSeconds(10);

    private readonly GenerationOptions _options;
    private readonly AnswersOptions _answers;
    private readonly TimeProvider _time;
    private readonly EngineMetrics _metrics;
    private readonly ITimer _sweep;
    private readonly Lock _lock = new(); // around all below, and every Generation.Entry
    private readonly Dictionary<GenerationKey, Generation> _kept = [];
    private readonly LinkedList<Generation> _ended = new(); // first ended first
    private readonly SharedBound _places; // of running ones: what has ended makes room
    private readonly Dictionary<(string Tenant, string Owner), Holding> _holdings = []; // of those who keep some
    private long _bytes;
    private bool _stopping;

    public GenerationStore(
        IOptions<GenerationOptions> options, IOptions<ShareOptions> shares, IOptions<AnswersOptions> answers,
        TimeProvider time, EngineMetrics metrics)
    {
        _places = new SharedBound(options.Value.MaxKeptGenerations, shares.Value);
        (_options, _answers, _time, _metrics) = (options.Value, answers.Value, time, metrics);
        var period = _options.KeepFor < SweepAtMost ? _options.KeepFor : SweepAtMost;
        _sweep = time.CreateTimer(static me => ((GenerationStore)me!).Sweep(), this, period, period);
        metrics.ObserveGenerations(() => Usage);
    }

    /// <summary>What is held now; bytes are those of the text buffers.</summary>
    public (int Running, int Kept, long Bytes) Usage
    {
        get
        {
            lock (_lock)
                return (_kept.Count - _ended.Count, _kept.Count, _bytes);
        }
    }

    /// <summary>Makes a generation that begins now; its time is running.</summary>
    /// <exception cref="ApiException">409: there is one of this name. 429: no room. 503: the engine is stopping.</exception>
    public Generation Create(GenerationKey key, Sharer who)
    {
        lock (_lock)
        {
            if (_stopping)
                throw ApiException.Draining();
            ThrowIfKnown(key);
            MakeRoom(forOneMore: 1);
            var holding = _holdings.GetValueOrDefault((key.Tenant, key.Owner));
            // Who holds no more than an equal part of the bytes is not made to wait for those who hold too many.
            if (_kept.Count >= _options.MaxKeptGenerations
                || (_bytes > _options.MaxKeptBytes && holding is not null && IsOverItsPart(holding))
                || _places.TryTake(who) is not { } place)
                throw ApiException.Overloaded("This engine's running generations leave no room for another.");
            var generation = new Generation(key, this, _options.MaxGenerationBytes, _answers, _time, _metrics);
            generation.Entry.IsKept = true;
            generation.Entry.Running = place;
            _kept.Add(key, generation);
            _holdings[(key.Tenant, key.Owner)] = holding ??= new Holding();
            holding.Count++;
            return generation;
        }
    }

    /// <exception cref="ApiException">409: there is a generation of this name.</exception>
    public void ThrowIfKnown(GenerationKey key)
    {
        if (Find(key) is not null)
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.GenerationExists, $"Generation {key.Id} exists; read it with GET /v1/generations/{key.Id}.", "Generation-Id", 409));
        }
    }

    public Generation? Find(GenerationKey key)
    {
        lock (_lock)
        {
            if (!_kept.TryGetValue(key, out var generation))
                return null;
            if (!IsExpired(generation))
                return generation;
            Drop(generation);
            return null;
        }
    }

    /// <summary>Forgets it and, where it runs, ends it. Returns when it has freed what it occupied.</summary>
    public async Task DeleteAsync(GenerationKey key, CancellationToken cancel)
    {
        Generation? generation;
        lock (_lock)
        {
            if (!_kept.TryGetValue(key, out generation))
                return;
            Drop(generation);
        }
        generation.Stop(GenerationEnd.Failed(ApiError.Invalid(ErrorCodes.GenerationDeleted, "The generation was deleted.", status: 410)));
        await generation.Over.WaitAsync(cancel);
    }

    /// <summary>The generation's text is complete: from now on it may expire or be evicted.</summary>
    public void Ended(Generation generation)
    {
        lock (_lock)
        {
            generation.Entry.Running?.Dispose();
            if (generation.Entry.IsKept)
            {
                generation.Entry.EndedAt = _time.GetTimestamp();
                generation.Entry.Place = _ended.AddLast(generation);
                generation.Entry.PlaceOfOwner = HoldingOf(generation).Ended.AddLast(generation);
                MakeRoom();
            }
        }
    }

    /// <summary>A generation's buffer grew or shrank.</summary>
    public void Resized(Generation generation, int change)
    {
        lock (_lock)
        {
            if (generation.Entry.IsKept)
            {
                generation.Entry.Bytes += change;
                _bytes += change;
                HoldingOf(generation).Bytes += change;
                MakeRoom();
            }
        }
    }

    public void Close()
    {
        lock (_lock)
            _stopping = true;
    }

    /// <summary>
    /// Completes when those that run, or ended just now, were read to their end: an owner whose connection broke comes
    /// back for the rest.
    /// </summary>
    public Task FinishAsync(CancellationToken cancel) => Task.WhenAll(Unfinished().Select(async generation =>
    {
        await generation.Over.WaitAsync(cancel);
        await generation.Read.WaitAsync(Unread, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();
    }));

    public Task InterruptAsync()
    {
        Close();
        var running = Running();
        running.ForEach(generation => generation.Stop(GenerationEnd.Interrupted));
        return Task.WhenAll(running.Select(generation => generation.Over));
    }

    public void Dispose()
    {
        _ = InterruptAsync();
        _sweep.Dispose();
    }

    private List<Generation> Running()
    {
        lock (_lock)
            return [.. _kept.Values.Where(generation => generation.Entry.Place is null)];
    }

    private List<Generation> Unfinished()
    {
        lock (_lock)
        {
            return [.. _kept.Values.Where(generation => generation.Entry.Place is null
                || (!generation.Read.IsCompleted && _time.GetElapsedTime(generation.Entry.EndedAt) < Unread))];
        }
    }

    private void Sweep()
    {
        lock (_lock)
        {
            while (_ended.First is { Value: var oldest } && IsExpired(oldest))
                Drop(oldest);
        }
    }

    /// <summary>
    /// Evicts from whoever keeps the most, the first ended first: nobody's flood takes another's. Bytes of running ones
    /// cannot be evicted; while they are too many, those who keep no more than an equal part keep it.
    /// </summary>
    private void MakeRoom(int forOneMore = 0)
    {
        while (_ended.Count > 0)
        {
            var isNumber = _kept.Count + forOneMore > _options.MaxKeptGenerations;
            if (!isNumber && _bytes <= _options.MaxKeptBytes)
                return;
            var largest = _holdings.Values
                .Where(holding => holding.Ended.Count > 0
                    && (isNumber || IsOverItsPart(holding)))
                .MaxBy(holding => isNumber ? holding.Count : holding.Bytes);
            if (largest is null)
                return;
            Drop(largest.Ended.First!.Value);
        }
    }

    private bool IsOverItsPart(Holding holding) => holding.Bytes * _holdings.Count > _options.MaxKeptBytes;

    private Holding HoldingOf(Generation generation) => _holdings[(generation.Key.Tenant, generation.Key.Owner)];

    private bool IsExpired(Generation generation) =>
        generation.Entry.Place is not null && _time.GetElapsedTime(generation.Entry.EndedAt) >= _options.KeepFor;

    /// <summary>Those who read it now read on; it cannot be found again.</summary>
    private void Drop(Generation generation)
    {
        _kept.Remove(generation.Key);
        _bytes -= generation.Entry.Bytes;
        generation.Entry.IsKept = false;
        generation.WasRead();
        var holding = HoldingOf(generation);
        if (generation.Entry.Place is { } place)
        {
            _ended.Remove(place);
            holding.Ended.Remove(generation.Entry.PlaceOfOwner!);
        }
        holding.Bytes -= generation.Entry.Bytes;
        if (--holding.Count == 0)
            _holdings.Remove((generation.Key.Tenant, generation.Key.Owner));
    }

    /// <summary>What one owner keeps here.</summary>
    private sealed class Holding
    {
        public int Count { get; set; }

        public long Bytes { get; set; }

        public LinkedList<Generation> Ended { get; } = new(); // first ended first
    }
}
