using System.Text.Json.Serialization;
using Lyceum.GpuEngine.Sessions.Events;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>
/// What a live session's socket says, as docs/openapi.json describes it. Without the subprotocol <c>lyceum.v1</c>
/// there are
/// <c>text</c> and <c>error</c> alone, with nothing but their content.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Session), "session")]
[JsonDerivedType(typeof(Accepted), "accepted")]
[JsonDerivedType(typeof(Thinking), "thinking")]
[JsonDerivedType(typeof(Help), "help")]
[JsonDerivedType(typeof(Delta), "delta")]
[JsonDerivedType(typeof(Text), "text")]
[JsonDerivedType(typeof(LatencyReport), "latency_report")]
[JsonDerivedType(typeof(Interrupted), "interrupted")]
[JsonDerivedType(typeof(Error), "error")]
[JsonDerivedType(typeof(Warning), "warning")]
[JsonDerivedType(typeof(Audio), "audio")]
[JsonDerivedType(typeof(Configured), "configured")]
[JsonDerivedType(typeof(SpeechStarted), "speech_started")]
[JsonDerivedType(typeof(SpeechStopped), "speech_stopped")]
[JsonDerivedType(typeof(GoAway), "go_away")]
[JsonDerivedType(typeof(Heartbeat), "heartbeat")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(Bye), "bye")]
internal abstract record LiveEvent
{
    /// <summary>First on each connection.</summary>
    /// <param name="Resume">The handle to come back with.</param>
    internal sealed record Session(
        string SessionId, string Resume, bool Resumed, long LastSeq, DateTimeOffset ExpiresAt) : LiveEvent;

    /// <summary>The message is recorded; its turn has begun.</summary>
    /// <param name="Id">The client's own name for the message.</param>
    /// <param name="Content">What was understood, where it was spoken.</param>
    internal sealed record Accepted(long Seq, int Turn, string? Id = null, string? Content = null) : LiveEvent;

    /// <summary>The model reasons; what it reasons is no part of the answer.</summary>
    /// <param name="Length">UTF-8 bytes of it so far.</param>
    internal sealed record Thinking(long Seq, int Turn, int Length) : LiveEvent;

    /// <summary>Signs of self-harm in the question: what the person's school says then.</summary>
    internal sealed record Help(long Seq, int Turn, string Content, string? Contact = null) : LiveEvent;

    /// <summary>A piece of the answer.</summary>
    internal sealed record Delta(long Seq, int Turn, string Content) : LiveEvent;

    /// <summary>The whole answer.</summary>
    internal sealed record Text(
        string Content, long? Seq = null, int? Turn = null, string? FinishReason = null,
        IReadOnlyList<Citation>? Citations = null) : LiveEvent;

    /// <summary>The turn is over. Times are from the message's arrival, or from the end of its speech.</summary>
    internal sealed record LatencyReport(
        long Seq, int Turn, double TotalMs, double? AsrMs = null, double? RetrievalMs = null,
        double? FirstTokenMs = null, double? FirstDeltaMs = null, double? FirstAudioMs = null,
        TurnUsage? Usage = null) : LiveEvent;

    /// <summary>The answer was broken off; nothing of its turn follows.</summary>
    /// <param name="Content">What of it counts as said.</param>
    internal sealed record Interrupted(long Seq, int Turn, string Content, string Reason) : LiveEvent;

    /// <summary>A turn failed (with its number), or a message was not taken.</summary>
    internal sealed record Error(
        string Content, string? Code = null, long? Seq = null, int? Turn = null, string? Id = null) : LiveEvent;

    internal sealed record Warning(long Seq, string Reason, int? SecondsLeft = null) : LiveEvent;

    /// <summary>The next message, binary, is so many bytes of PCM16.</summary>
    /// <param name="TextStart">Where the sentence stands in the turn's text, in UTF-8 bytes.</param>
    /// <param name="Offset">Bytes of the sentence's audio before this piece.</param>
    /// <param name="Omitted">No audio follows: it is gone.</param>
    internal sealed record Audio(
        long Seq, int Turn, int Sentence, int TextStart, int TextEnd, int Offset, int Bytes, int Rate, bool Last,
        bool? Omitted = null)
        : LiveEvent;

    internal sealed record Configured(
        long Seq, [property: JsonPropertyName("audio")] LiveMessage.AudioSettings Settings) : LiveEvent;

    internal sealed record SpeechStarted(long Seq) : LiveEvent;

    internal sealed record SpeechStopped(long Seq, double DurationMs) : LiveEvent;

    /// <summary>Nothing was sent for a while. Answer it with a <c>heartbeat</c>.</summary>
    internal sealed record Heartbeat : LiveEvent;

    /// <summary>
    /// The same without the subprotocol, where the address asks for it. <c>{"type":"pong"}</c> may answer it.
    /// </summary>
    internal sealed record Ping : LiveEvent;

    /// <summary>The engine stops, and no turn runs: the session goes on by <c>connect</c>. A <c>bye</c> follows.</summary>
    /// <param name="ReconnectAfterMs">Milliseconds to wait before it.</param>
    internal sealed record GoAway(string Reason, int ReconnectAfterMs) : LiveEvent;

    /// <summary>Last of a connection.</summary>
    internal sealed record Bye(string Reason) : LiveEvent;

    internal sealed record TurnUsage(int PromptTokens, int CompletionTokens);
}

/// <summary>What a client says on a live session's socket. Binary messages are audio, between two of these.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Text), "text")]
[JsonDerivedType(typeof(Ack), "ack")]
[JsonDerivedType(typeof(Played), "played")]
[JsonDerivedType(typeof(Configure), "configure")]
[JsonDerivedType(typeof(AudioStart), "audio_start")]
[JsonDerivedType(typeof(AudioEnd), "audio_end")]
[JsonDerivedType(typeof(Heartbeat), "heartbeat")]
[JsonDerivedType(typeof(Pong), "pong")]
internal abstract record LiveMessage
{
    /// <summary>A question.</summary>
    /// <param name="Id">The client's own name for it: sent again, it is not asked again.</param>
    /// <param name="Shown">The last event that was shown.</param>
    /// <param name="Heard">What was played of an answer that this breaks off.</param>
    internal sealed record Text(
        string Content, string? Id = null, [property: JsonPropertyName("ack")] long? Shown = null,
        [property: JsonPropertyName("played")] Position? Heard = null) : LiveMessage;

    /// <summary>Events up to this one are the client's for good.</summary>
    internal sealed record Ack(long Seq) : LiveMessage;

    /// <summary>How far the client has played.</summary>
    /// <param name="Ms">Of that event; absent: all of it.</param>
    internal sealed record Played(long Seq, double? Ms = null) : LiveMessage;

    internal sealed record Configure(AudioSettings Audio) : LiveMessage;

    internal sealed record AudioStart(
        string? Id = null, [property: JsonPropertyName("played")] Position? Heard = null) : LiveMessage;

    internal sealed record AudioEnd : LiveMessage;

    /// <summary>The answer to the event of that name.</summary>
    internal sealed record Heartbeat : LiveMessage;

    /// <summary>The answer to a <c>ping</c>, without the subprotocol.</summary>
    internal sealed record Pong : LiveMessage;

    internal sealed record Position(long Seq, double? Ms = null);

    internal sealed record AudioSettings(InputSettings? In = null, OutputSettings? Out = null);

    /// <param name="Format"><c>pcm16</c>.</param>
    /// <param name="Rate">Samples a second, 8,000 to 48,000.</param>
    /// <param name="TurnDetection"><c>none</c> or <c>server_vad</c>.</param>
    internal sealed record InputSettings(int Rate, string? Format = null, string? TurnDetection = null);

    /// <param name="Format"><c>pcm16</c>.</param>
    /// <param name="Rate">Samples a second, 8,000 to 48,000.</param>
    internal sealed record OutputSettings(int Rate, string? Format = null, string? Voice = null);
}
