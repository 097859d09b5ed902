using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>
/// What existing clients speak, without a subprotocol: <c>{"type":"text","content":…}</c> in, one such message with the
/// whole answer out, or <c>{"type":"error","content":…}</c>. Questions are answered one after the other.
/// Where the address asks for heartbeats, <c>{"type":"ping"}</c> comes out, and <c>{"type":"pong"}</c> may answer it.
/// </summary>
internal sealed class SimpleProtocol : ISessionProtocol
{
    public string? SubProtocol => null;

    public bool HasNumbers => false;

    public bool HasHeartbeats => false;

    public bool HasAudio => false;

    public bool TryWrite(Utf8JsonWriter json, long seq, SessionEvent happened) => happened switch
    {
        TurnText text => Write(json, "text", text.Text),
        TurnHelp help => Write(json, "text", help.Help.Contact is { } contact ? $"{help.Help.Text}\n{contact}" : help.Help.Text),
        TurnFailed failed => Write(json, "error", failed.Message),
        _ => false,
    };

    public bool TryWrite(Utf8JsonWriter json, ConnectionEvent happened) => happened switch
    {
        ConnectionEvent.Heartbeat => Write(json, "ping"),
        ConnectionEvent.Rejected rejected => Write(json, "error", rejected.Message),
        ConnectionEvent.Bye { Reason: "idle_timeout" or "session_timeout" } => Write(json, "error", "The session's time is over."),
        _ => false,
    };

    public ClientMessage Read(ReadOnlySpan<byte> message)
    {
        if (!MessageReader.TryRead(message, out var fields, out var error))
            return error;
        return fields.Type switch
        {
            "text" => fields.ToSay(interrupts: false),
            "pong" => new ClientMessage.Heartbeat(),
            _ => new ClientMessage.Unreadable(MessageReader.UnknownType, $"There is no message type '{fields.Type}'; send text."),
        };
    }

    private static bool Write(Utf8JsonWriter json, string type, string? content = null)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        if (content is not null)
            json.WriteString("content", content);
        json.WriteEndObject();
        return true;
    }
}
