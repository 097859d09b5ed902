namespace Lyceum.GpuEngine.Sessions.Settings;

/// <summary>What a client wants of audio. Without it a session is text alone.</summary>
internal sealed record AudioSetup(AudioInput? In, AudioOutput? Out)
{
    public const int LeastRate = 8_000;
    public const int MostRate = 48_000;

    public static AudioSetup None { get; } = new(null, null);
}

/// <summary>PCM16 mono that the client sends.</summary>
/// <param name="Rate">Samples a second.</param>
/// <param name="DetectsSpeech">
/// The engine detects when the user speaks; else all between a start and an end is one utterance.
/// </param>
internal sealed record AudioInput(int Rate, bool DetectsSpeech);

/// <summary>PCM16 mono that the client is sent.</summary>
/// <param name="Voice">One of the synthesizer's; null: its own choice.</param>
internal sealed record AudioOutput(int Rate, string? Voice)
{
    public int BytesPerSecond => Rate * sizeof(short);
}
