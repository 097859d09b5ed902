using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>Counts running completions and rejects more than <see cref="EngineOptions.MaxRunning"/>.</summary>
internal sealed class CompletionSlots(IOptions<EngineOptions> options, EngineMetrics metrics)
{
    private readonly int _max = options.Value.MaxRunning;
    private int _running;

    public int Running => Volatile.Read(ref _running);

    /// <summary>Takes a slot until disposed.</summary>
    /// <exception cref="ApiException">429: all are taken.</exception>
    public Slot Take()
    {
        if (Interlocked.Increment(ref _running) > _max)
        {
            Interlocked.Decrement(ref _running);
            throw ApiException.Overloaded($"All {_max} completions of this engine are running.");
        }
        metrics.Running(+1);
        return new Slot(this);
    }

    private void Free()
    {
        Interlocked.Decrement(ref _running);
        metrics.Running(-1);
    }

    /// <summary>One running completion.</summary>
    public sealed class Slot(CompletionSlots slots) : IDisposable
    {
        private CompletionSlots? _slots = slots;

        public void Dispose() => Interlocked.Exchange(ref _slots, null)?.Free();
    }
}
