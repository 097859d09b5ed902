using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Core;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>
/// A wire protocol: how a session's events are written, and a client's messages read. It has no state; what is a
/// connection's is <see cref="SessionSocket"/>'s, what is the session's is the core's.
/// </summary>
internal interface ISessionProtocol
{
    /// <summary>The WebSocket subprotocol; null for what is spoken without one.</summary>
    string? SubProtocol { get; }

    /// <summary>The client numbers what it has: a resume begins where it says, else where the last socket ended.</summary>
    bool HasNumbers { get; }

    /// <summary>It has words for audio: a binary message after an <see cref="AudioFrame"/>, and binary messages from the client.</summary>
    bool HasAudio { get; }

    /// <summary>Writes one message; false where this protocol has no word for the event.</summary>
    bool TryWrite(Utf8JsonWriter json, long seq, SessionEvent happened);

    /// <summary>Likewise, for what is the connection's own and has no number.</summary>
    bool TryWrite(Utf8JsonWriter json, ConnectionEvent happened);

    /// <summary>Reads one text message, valid UTF-8.</summary>
    ClientMessage Read(ReadOnlySpan<byte> message);
}

/// <summary>What a connection says for itself: neither numbered nor kept.</summary>
internal abstract record ConnectionEvent
{
    /// <summary>The first event of a connection.</summary>
    /// <param name="Handle">Opens the next connection after this one broke.</param>
    /// <param name="LastEvent">The number of the session's last event.</param>
    public sealed record Opened(string SessionId, string Handle, long LastEvent, bool IsResumed, DateTimeOffset ExpiresAt) : ConnectionEvent;

    /// <summary>A message was not taken, or events are gone.</summary>
    public sealed record Refused(string Code, string Message) : ConnectionEvent;

    /// <summary>The last event of a connection that the engine ends.</summary>
    public sealed record Bye(string Reason) : ConnectionEvent;
}

/// <summary>What a client says.</summary>
internal abstract record ClientMessage
{
    public sealed record Say(UserMessage Message) : ClientMessage;

    /// <summary>The client has the events up to and with this one for good.</summary>
    public sealed record Ack(long Seq) : ClientMessage;

    /// <summary>The client has played so far.</summary>
    public sealed record Report(PlayPosition Position) : ClientMessage;

    /// <summary>How it wants audio to go.</summary>
    public sealed record Configure(AudioSetup Audio) : ClientMessage;

    /// <summary>Its microphone is on: binary messages follow.</summary>
    public sealed record AudioStart(string? Id, PlayPosition? Played) : ClientMessage;

    /// <summary>Its microphone is off.</summary>
    public sealed record AudioEnd : ClientMessage;

    public sealed record Unreadable(string Code, string Message) : ClientMessage;
}
