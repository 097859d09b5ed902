using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Speech;

/// <summary>Requests of the audio API at once; one more is rejected, never queued.</summary>
internal sealed class AudioSlots(
    IOptions<AsrOptions> asr, IOptions<TtsOptions> tts, IOptions<ShareOptions> shares)
{
    private readonly SharedBound _hearing = new(asr.Value.MaxRunning, shares.Value);
    private readonly SharedBound _speaking = new(tts.Value.MaxRunning, shares.Value);

    /// <exception cref="ApiException">429: all are taken, or too many by this caller.</exception>
    public IDisposable TakeForHearing(Sharer who) => Take(_hearing, who, "transcriptions");

    /// <inheritdoc cref="TakeForHearing"/>
    public IDisposable TakeForSpeaking(Sharer who) => Take(_speaking, who, "requests to speak");

    private static SharedBound.Held Take(SharedBound slots, Sharer who, string what) =>
        slots.TryTake(who) ?? throw ApiException.Overloaded(
            $"This engine runs {slots.Capacity} {what} at once; the rest is kept for other callers.");
}
