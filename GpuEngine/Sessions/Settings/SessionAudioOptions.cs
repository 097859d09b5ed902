using System.ComponentModel.DataAnnotations;

namespace Lyceum.GpuEngine.Sessions.Settings;

/// <summary>Audio in live sessions; configuration section <c>Engine:Sessions:Audio</c>.</summary>
internal sealed class SessionAudioOptions
{
    /// <summary>
    /// The longest utterance. Reached: what was said until then is taken, the rest rejected with an <c>error</c> event.
    /// </summary>
    public TimeSpan MaxUtterance { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Utterances of a session that wait to be recognized; one more is rejected.</summary>
    [Range(1, 100)]
    public int MaxWaiting { get; set; } = 4;

    /// <summary>
    /// How much faster than it was spoken audio may come, in the long run; more is rejected with an <c>error</c> event.
    /// </summary>
    [Range(1, 100)]
    public double MaxSpeed { get; set; } = 4;

    /// <summary>Level (dB below full scale) from which sound counts as speech.</summary>
    [Range(-96, 0)]
    public double SpeechLevel { get; set; } = -40;

    /// <summary>
    /// Level below which it counts as silence: lower than the other, so that a falling voice is not cut.
    /// </summary>
    [Range(-96, 0)]
    public double SilenceLevel { get; set; } = -46;

    /// <summary>How long it has to be loud: longer than a click.</summary>
    public TimeSpan SpeechAfter { get; set; } = TimeSpan.FromMilliseconds(60);

    /// <summary>How long it has to be silent: longer than a breath.</summary>
    public TimeSpan SilenceAfter { get; set; } = TimeSpan.FromMilliseconds(700);

    /// <summary>What is kept of the time before speech was noticed.</summary>
    public TimeSpan Before { get; set; } = TimeSpan.FromMilliseconds(300);

    /// <summary>How much audio a client is sent that it has not played yet; the rest waits.</summary>
    public TimeSpan Ahead { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>The longest speech of one sentence. Reached: speech fails for that turn.</summary>
    public TimeSpan MaxSentence { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long an answer goes on being spoken while no socket is there; then it is text alone.</summary>
    public TimeSpan UnheardFor { get; set; } = TimeSpan.FromSeconds(30);

    internal bool IsValid =>
        MaxUtterance > TimeSpan.Zero && MaxUtterance <= TimeSpan.FromMinutes(10) && SpeechLevel >= SilenceLevel
        && SpeechAfter > TimeSpan.Zero && SilenceAfter > TimeSpan.Zero && Before >= TimeSpan.Zero && Before <= TimeSpan.FromSeconds(5)
        && Ahead >= TimeSpan.FromSeconds(1) && Ahead <= TimeSpan.FromMinutes(1)
        && MaxSentence > TimeSpan.Zero && MaxSentence <= TimeSpan.FromMinutes(5) && UnheardFor > TimeSpan.Zero;
}
