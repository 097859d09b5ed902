using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>Counts running completions and rejects more than <see cref="EngineOptions.MaxRunning"/>.</summary>
internal sealed class CompletionSlots(
    IOptions<EngineOptions> options, IOptions<ShareOptions> shares, EngineMetrics metrics)
{
    private readonly SharedBound _running = new(options.Value.MaxRunning, shares.Value);

    public int Running => (int)_running.Used;

    /// <summary>Takes a slot until disposed.</summary>
    /// <exception cref="ApiException">429: all are taken, or too many by this caller.</exception>
    public Slot Take(Sharer who)
    {
        var held = _running.TryTake(who) ?? throw ApiException.Overloaded(
            $"This engine runs {_running.Capacity} completions at once; the rest is kept for other callers.");
        metrics.Running(+1);
        return new Slot(held, metrics);
    }

    /// <summary>One running completion.</summary>
    public sealed class Slot(SharedBound.Held held, EngineMetrics metrics) : IDisposable
    {
        private SharedBound.Held? _held = held;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _held, null) is not { } held)
                return;
            held.Dispose();
            metrics.Running(-1);
        }
    }
}
