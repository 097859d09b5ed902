using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.Text.Moderation;

namespace Lyceum.GpuEngine.Sessions.Events;

/// <summary>
/// What a client is sent about its session, apart from any wire protocol; numbered when published, and kept for a
/// resume (<see cref="ReplayBuffer"/>).
/// </summary>
internal abstract record SessionEvent
{
    /// <summary>What it costs to keep, in bytes; an estimate. Audio is counted apart.</summary>
    public virtual int Size => 96;
}

/// <summary>A user's message is recorded, and its turn has begun.</summary>
/// <param name="MessageId">The client's own name for the message.</param>
/// <param name="Heard">What was understood, where it was spoken.</param>
internal sealed record TurnAccepted(int Turn, string? MessageId, string? Heard = null) : SessionEvent
{
    public override int Size => 96 + (2 * (Heard?.Length ?? 0));
}

/// <summary>The model reasons before it answers; recorded.</summary>
/// <param name="Length">UTF-8 bytes of its reasoning so far.</param>
internal sealed record TurnThinking(int Turn, int Length) : SessionEvent;

/// <summary>Signs of self-harm in the question, recorded: what the person's school says then.</summary>
internal sealed record TurnHelp(int Turn, SafetyHelp Help) : SessionEvent
{
    public override int Size => 96 + (2 * Help.Text.Length);
}

/// <summary>A piece of the answer, recorded.</summary>
internal sealed record TextDelta(int Turn, string Text) : SessionEvent
{
    public override int Size => 96 + (2 * Text.Length);
}

/// <summary>
/// A piece of the answer's speech, PCM16 mono. Its text was published before. Kept audio is bounded: what was dropped of it
/// is <see cref="IsOmitted"/>, and the event stays.
/// </summary>
/// <param name="Sentence">1, 2, 3, … within the turn, those without anything to say left out.</param>
/// <param name="TextStart">Where the sentence begins, in UTF-8 bytes of the turn's text.</param>
/// <param name="TextEnd">Where it ends.</param>
/// <param name="Offset">Bytes of the sentence's audio before this piece.</param>
/// <param name="Length">Bytes of this piece.</param>
/// <param name="IsLast">The sentence's last piece.</param>
internal sealed record AudioFrame(
    int Turn, int Sentence, int TextStart, int TextEnd, int Offset, int Rate, ReadOnlyMemory<byte> Pcm, int Length, bool IsLast) : SessionEvent
{
    public override int Size => 160;

    public bool IsOmitted => Pcm.IsEmpty;

    public AudioFrame Omit() => this with { Pcm = default };
}

/// <summary>The whole answer of a turn that succeeded.</summary>
internal sealed record TurnText(int Turn, string Text, string FinishReason, IReadOnlyList<Citation> Citations) : SessionEvent
{
    public override int Size => 192 + (2 * Text.Length) + (256 * Citations.Count);
}

/// <summary>The turn was interrupted; <paramref name="Text"/> is what of it stays in the history.</summary>
internal sealed record TurnInterrupted(int Turn, string Text, string Reason) : SessionEvent
{
    public override int Size => 96 + (2 * Text.Length);
}

/// <summary>The turn failed; what was said before stays.</summary>
internal sealed record TurnFailed(int Turn, string Code, string Message) : SessionEvent
{
    public override int Size => 96 + (2 * Message.Length);
}

/// <summary>How long a turn's steps took, from the message's arrival or the end of its speech.</summary>
internal sealed record LatencyReport(
    int Turn, TimeSpan? Asr, TimeSpan Retrieval, TimeSpan? FirstToken, TimeSpan? FirstDelta, TimeSpan? FirstAudio, TimeSpan Total,
    TokenUsage? Usage) : SessionEvent;

/// <summary>From now on audio is sent and received as the client asked.</summary>
internal sealed record AudioConfigured(AudioSetup Audio) : SessionEvent;

/// <summary>The user began to speak.</summary>
internal sealed record SpeechStarted : SessionEvent;

/// <summary>The user stopped speaking; the speech is being recognized.</summary>
internal sealed record SpeechStopped(TimeSpan Duration) : SessionEvent;

/// <summary>Speech could not be recognized: there is no turn for it.</summary>
internal sealed record RecognitionFailed(string? MessageId, string Code, string Message) : SessionEvent;

/// <summary>
/// The session will end soon, or a part of it does not work: <c>idle_timeout | session_timeout | retrieval_unavailable
/// | speech_unavailable | nothing_heard | moderation_unavailable</c>.
/// </summary>
internal sealed record SessionWarning(string Reason, TimeSpan? Remaining) : SessionEvent;

/// <summary>A passage that the answer cites as <c>[Number]</c>.</summary>
internal sealed record Citation(int Number, string? Id, string? Title, string? Source);
