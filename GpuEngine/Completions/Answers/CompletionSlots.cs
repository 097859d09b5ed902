using Lyceum.GpuEngine.Draining;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>
/// Counts running completions, and rejects more than <see cref="EngineOptions.MaxRunning"/>, and all while the engine
/// drains.
/// </summary>
internal sealed class CompletionSlots(
    IOptions<EngineOptions> options, IOptions<ShareOptions> shares, EngineMetrics metrics) : IDrainedWork
{
    private readonly SharedBound _running = new(options.Value.MaxRunning, shares.Value);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _closed;

    public int Running => (int)_running.Used;

    /// <summary>Takes a slot until disposed.</summary>
    /// <exception cref="ApiException">429: all are taken, or too many by this caller. 503: the engine is stopping.</exception>
    /// <param name="isOfSession">A turn of a session that is here: it runs to its end while the engine drains.</param>
    public Slot Take(Sharer who, bool isOfSession = false)
    {
        var held = _running.TryTake(who) ?? throw ApiException.Overloaded(
            $"This engine runs {_running.Capacity} completions at once; the rest is kept for other callers.");
        // After taking it: a drain that begins now sees it.
        if (_closed && !isOfSession)
        {
            Free(held);
            throw ApiException.Draining();
        }
        metrics.Running(+1);
        return new Slot(this, held);
    }

    public void Close()
    {
        _closed = true;
        if (Running == 0)
            _finished.TrySetResult();
    }

    public Task FinishAsync(CancellationToken cancel) => _finished.Task.WaitAsync(cancel);

    /// <summary>Detached ones are interrupted where they are kept; the others end with their requests.</summary>
    public Task InterruptAsync() => Task.CompletedTask;

    private void Free(SharedBound.Held held, bool wasRunning = false)
    {
        held.Dispose();
        if (wasRunning)
            metrics.Running(-1);
        if (_closed && Running == 0)
            _finished.TrySetResult();
    }

    /// <summary>One running completion.</summary>
    public sealed class Slot(CompletionSlots slots, SharedBound.Held held) : IDisposable
    {
        private SharedBound.Held? _held = held;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _held, null) is not { } held)
                return;
            slots.Free(held, wasRunning: true);
        }
    }
}
