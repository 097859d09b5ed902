using Lyceum.GpuEngine.Sessions.Settings;

namespace Lyceum.GpuEngine.Sessions.Hearing;

/// <summary>What a frame of sound changed.</summary>
internal enum VoiceChange
{
    None,
    Started,
    Stopped,
}

/// <summary>
/// Tells speech from silence by loudness alone, with two levels so that neither a breath nor a falling voice ends a
/// sentence. Suits a headset or a quiet room; a client that detects speech itself (and every one that plays through
/// loudspeakers without echo cancellation) sends its audio by push to talk.
/// </summary>
internal sealed class VoiceActivity(SessionAudioOptions options, TimeSpan frame)
{
    private TimeSpan _loud;
    private TimeSpan _silent;

    public bool IsSpeech { get; private set; }

    public void Reset() => (IsSpeech, _loud, _silent) = (false, TimeSpan.Zero, TimeSpan.Zero);

    public VoiceChange Analyse(ReadOnlySpan<short> samples)
    {
        var level = Level(samples);
        if (IsSpeech)
        {
            _silent = level < options.SilenceLevel ? _silent + frame : TimeSpan.Zero;
            if (_silent < options.SilenceAfter)
                return VoiceChange.None;
            Reset();
            return VoiceChange.Stopped;
        }
        _loud = level >= options.SpeechLevel ? _loud + frame : TimeSpan.Zero;
        if (_loud < options.SpeechAfter)
            return VoiceChange.None;
        (IsSpeech, _silent) = (true, TimeSpan.Zero);
        return VoiceChange.Started;
    }

    /// <summary>Decibels below full scale, of the samples' root mean square.</summary>
    public static double Level(ReadOnlySpan<short> samples)
    {
        double sum = 0;
        foreach (var sample in samples)
            sum += (double)sample * sample;
        return sum == 0 ? double.NegativeInfinity : 10 * Math.Log10(sum / samples.Length / (32_768.0 * 32_768.0));
    }
}
