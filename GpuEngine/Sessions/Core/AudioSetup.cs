namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>What a client wants of audio. Without it a session is text alone.</summary>
internal sealed record AudioSetup(AudioInput? In, AudioOutput? Out)
{
    public const int LeastRate = 8_000;
    public const int MostRate = 48_000;

    public static AudioSetup None { get; } = new(null, null);
}

/// <summary>PCM16 mono that the client sends.</summary>
/// <param name="Rate">Samples a second.</param>
/// <param name="DetectsSpeech">The engine finds where somebody speaks; else all between a start and an end is one utterance.</param>
internal sealed record AudioInput(int Rate, bool DetectsSpeech);

/// <summary>PCM16 mono that the client is sent.</summary>
/// <param name="Voice">One of the synthesizer's; null: its own choice.</param>
internal sealed record AudioOutput(int Rate, string? Voice)
{
    public int BytesPerSecond => Rate * sizeof(short);
}

/// <summary>How far a client has played: all before this audio event, and of it so many milliseconds; null: all of it.</summary>
internal sealed record PlayPosition(long Seq, double? Milliseconds);

/// <summary>What somebody said, from the beginning of speech to its end.</summary>
/// <param name="Id">The client's own name for it.</param>
/// <param name="EndedAt">The time provider's timestamp of its end.</param>
internal sealed record Utterance(byte[] Pcm, int Rate, string? Id, long EndedAt)
{
    public TimeSpan Duration => TimeSpan.FromSeconds((double)Pcm.Length / (Rate * sizeof(short)));
}
