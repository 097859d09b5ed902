using System.Runtime.CompilerServices;

namespace Lyceum.GpuEngine.Speech;

/// <summary>Speaks with espeak-ng: no model, no GPU, some ten times faster than a person, and audibly a machine.</summary>
internal sealed class EspeakSynthesizer(Espeak espeak) : ISynthesizer
{
    // Its WAV's header says the rate; this is what it is.
    private const int Rate = 22_050;

    private readonly EspeakVoices _voices = new(espeak);

    public string Description => "espeak-ng";

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> SpeakAsync(
        SpeechRequest request, [EnumeratorCancellation] CancellationToken cancel)
    {
        var voice = await _voices.ForAsync(request, cancel);
        var wav = await espeak.SpeakAsync(request.Who, request.Text, voice, cancel);
        yield return new PcmDecoder(Rate, request.Rate).Decode(wav);
    }
}
