using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Sessions.Turns;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>
/// A wire protocol: how a session's events are written, and a client's messages read. It has no state.
/// </summary>
internal interface ISessionProtocol
{
    /// <summary>The WebSocket subprotocol; null for what is spoken without one.</summary>
    string? SubProtocol { get; }

    /// <summary>
    /// The client knows events by number: a resume begins where it says, else where the last socket ended.
    /// </summary>
    bool HasNumbers { get; }

    /// <summary>Its clients know a heartbeat; those of another protocol get one where they ask for it.</summary>
    bool HasHeartbeats { get; }

    /// <summary>
    /// It has messages for audio: a binary message after an <see cref="AudioFrame"/>, and binary messages from the
    /// client.
    /// </summary>
    bool HasAudio { get; }

    /// <summary>Writes one message; false where this protocol has no message for the event.</summary>
    bool TryWrite(Utf8JsonWriter json, long seq, SessionEvent happened);

    /// <summary>Likewise, for an event of the connection itself, which has no number.</summary>
    bool TryWrite(Utf8JsonWriter json, ConnectionEvent happened);

    /// <summary>Reads one text message, valid UTF-8.</summary>
    ClientMessage Read(ReadOnlySpan<byte> message);
}

/// <summary>An event of the connection itself: neither numbered nor kept.</summary>
internal abstract record ConnectionEvent
{
    /// <summary>The first event of a connection.</summary>
    /// <param name="Handle">Opens the next connection after this one broke.</param>
    /// <param name="LastEvent">The number of the session's last event.</param>
    public sealed record Opened(string SessionId, string Handle, long LastEvent, bool IsResumed, DateTimeOffset ExpiresAt) : ConnectionEvent;

    /// <summary>A message was not taken, or events are no longer kept.</summary>
    public sealed record Rejected(string Code, string Message) : ConnectionEvent;

    /// <summary>Before the <see cref="Bye"/> of an engine that stops: the client goes on elsewhere.</summary>
    /// <param name="ReconnectAfter">When the client should connect again.</param>
    public sealed record GoAway(string Reason, TimeSpan ReconnectAfter) : ConnectionEvent;

    /// <summary>Nothing happened for a while, which those between the two should not take for a broken connection.</summary>
    public sealed record Heartbeat : ConnectionEvent;

    /// <summary>The last event of a connection that the engine ends.</summary>
    public sealed record Bye(string Reason) : ConnectionEvent;
}

/// <summary>A client's message.</summary>
internal abstract record ClientMessage
{
    public sealed record Say(UserMessage Message) : ClientMessage;

    /// <summary>The client has the events up to and with this one for good.</summary>
    public sealed record Ack(long Seq) : ClientMessage;

    /// <summary>The client has played up to here.</summary>
    public sealed record Report(PlayPosition Position) : ClientMessage;

    /// <summary>How audio is sent and received from now on.</summary>
    public sealed record Configure(AudioSetup Audio) : ClientMessage;

    /// <summary>Its microphone is on: binary messages follow.</summary>
    public sealed record AudioStart(string? Id, PlayPosition? Played) : ClientMessage;

    /// <summary>Its microphone is off.</summary>
    public sealed record AudioEnd : ClientMessage;

    /// <summary>The answer to a heartbeat. Nothing is done with it: that it passed is all.</summary>
    public sealed record Heartbeat : ClientMessage;

    public sealed record Unreadable(string Code, string Message) : ClientMessage;
}
