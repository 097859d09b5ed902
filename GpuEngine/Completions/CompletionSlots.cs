using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions;

/// <summary>Counts running completions and refuses more than <see cref="EngineOptions.MaxRunning"/>.</summary>
public sealed class CompletionSlots(IOptions<EngineOptions> options, EngineMetrics metrics)
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
            throw new ApiException(new ApiError(
                429, "rate_limit_error", ErrorCodes.Overloaded, $"All {_max} completions of this engine are running.", RetryAfter: 1));
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
