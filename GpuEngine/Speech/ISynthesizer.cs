using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.GpuEngine.Speech;

/// <summary>What to say.</summary>
/// <param name="Text">A sentence, or what stands between two.</param>
/// <param name="Rate">Samples a second of the audio wanted.</param>
/// <param name="Voice">Null: the configured one, or the one of the text's language.</param>
/// <param name="Who">Whom it is for.</param>
/// <param name="Language">The language the text is probably in, as a tag; null: judged by the text.</param>
internal sealed record SpeechRequest(
    string Text, int Rate, Sharer Who, string? Voice = null, string? Language = null);

/// <summary>
/// Makes speech of text: an upstream server, espeak-ng, or <see cref="NoSynthesizer"/>. Failures are thrown as <see
/// cref="ApiException"/>.
/// </summary>
internal interface ISynthesizer
{
    /// <summary>For <c>/health</c>.</summary>
    string Description { get; }

    bool IsAvailable => true;

    /// <summary>PCM16 mono at the rate asked for, in whole samples, as it is made. Leaving the enumeration frees what made it.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> SpeakAsync(SpeechRequest request, CancellationToken cancel);
}

/// <summary>A synthesizer with OpenAI's own API, whose bytes can be relayed in any format.</summary>
internal interface IRelayingSynthesizer : ISynthesizer
{
    /// <summary>Answers a request of the API; its body is unread.</summary>
    Task<HttpResponseMessage> OpenAsync(ReadOnlyMemory<byte> request, CancellationToken cancel);
}

/// <summary>There is neither: its error says what to configure.</summary>
internal sealed class NoSynthesizer : ISynthesizer
{
    public string Description => "none: set Tts:Endpoint, or install espeak-ng";

    public bool IsAvailable => false;

    public static ApiException Missing() => new(ApiError.Server(
        501, ErrorCodes.TtsNotConfigured, "Nothing here speaks: set Tts:Endpoint to an OpenAI-compatible server, or install espeak-ng."));

    public IAsyncEnumerable<ReadOnlyMemory<byte>> SpeakAsync(SpeechRequest request, CancellationToken cancel) => throw Missing();
}
