using System.Threading.RateLimiting;
using Lyceum.GpuEngine.OpenAI;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Speech;

/// <summary>Requests of the audio API at once; one more is rejected, never queued.</summary>
internal sealed class AudioSlots(IOptions<AsrOptions> asr, IOptions<TtsOptions> tts) : IDisposable
{
    private readonly ConcurrencyLimiter _hearing = new(new() { PermitLimit = asr.Value.MaxRunning, QueueLimit = 0 });
    private readonly ConcurrencyLimiter _speaking = new(new() { PermitLimit = tts.Value.MaxRunning, QueueLimit = 0 });

    /// <exception cref="ApiException">429: all are taken.</exception>
    public IDisposable TakeForHearing() => Take(_hearing, "transcriptions");

    /// <inheritdoc cref="TakeForHearing"/>
    public IDisposable TakeForSpeaking() => Take(_speaking, "requests to speak");

    public void Dispose()
    {
        _hearing.Dispose();
        _speaking.Dispose();
    }

    private static RateLimitLease Take(ConcurrencyLimiter slots, string what)
    {
        var lease = slots.AttemptAcquire();
        if (lease.IsAcquired)
            return lease;
        lease.Dispose();
        throw ApiException.Overloaded($"As many {what} run as this engine takes.");
    }
}
