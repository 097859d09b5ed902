using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Sessions.Turns;

namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>
/// Subprotocol <c>lyceum.v1</c> (docs/sessions.md): all events of a session, numbered, so that a client that lost its
/// socket resumes without a lost or repeated event. A message interrupts the answer being written.
/// </summary>
internal sealed class LyceumV1 : ISessionProtocol
{
    public const string Name = "lyceum.v1";

    public string? SubProtocol => Name;

    public bool HasNumbers => true;

    public bool HasHeartbeats => true;

    public bool HasAudio => true;

    public bool TryWrite(Utf8JsonWriter json, long seq, SessionEvent happened)
    {
        json.WriteStartObject();
        json.WriteString("type", TypeOf(happened));
        json.WriteNumber("seq", seq);
        switch (happened)
        {
            case TurnAccepted accepted:
                json.WriteNumber("turn", accepted.Turn);
                if (accepted.MessageId is { } id)
                    json.WriteString("id", id);
                if (accepted.Heard is { } heard)
                    json.WriteString("content", heard);
                break;
            case TurnThinking thinking:
                json.WriteNumber("turn", thinking.Turn);
                json.WriteNumber("length", thinking.Length);
                break;
            case TurnHelp help:
                Content(json, help.Turn, help.Help.Text);
                if (help.Help.Contact is { } contact)
                    json.WriteString("contact", contact);
                break;
            case TextDelta delta:
                Content(json, delta.Turn, delta.Text);
                break;
            case TurnText text:
                Content(json, text.Turn, text.Text);
                json.WriteString("finish_reason", text.FinishReason);
                json.WritePropertyName("citations");
                JsonSerializer.Serialize(json, text.Citations, CitationJson.Default.IReadOnlyListCitation);
                break;
            case TurnInterrupted interrupted:
                Content(json, interrupted.Turn, interrupted.Text);
                json.WriteString("reason", interrupted.Reason);
                break;
            case TurnFailed failed:
                Content(json, failed.Turn, failed.Message);
                json.WriteString("code", failed.Code);
                break;
            case LatencyReport report:
                Write(json, report);
                break;
            case AudioFrame frame:
                AudioMessages.Write(json, frame);
                break;
            case AudioConfigured configured:
                AudioMessages.Write(json, configured.Audio);
                break;
            case SpeechStopped stopped:
                Milliseconds(json, "duration_ms", stopped.Duration);
                break;
            case RecognitionFailed failure:
                if (failure.MessageId is { } name)
                    json.WriteString("id", name);
                json.WriteString("code", failure.Code);
                json.WriteString("content", failure.Message);
                break;
            case SessionWarning warning:
                json.WriteString("reason", warning.Reason);
                if (warning.Remaining is { } remaining)
                    json.WriteNumber("seconds_left", (int)Math.Ceiling(remaining.TotalSeconds));
                break;
        }
        json.WriteEndObject();
        return true;
    }

    public bool TryWrite(Utf8JsonWriter json, ConnectionEvent happened)
    {
        json.WriteStartObject();
        switch (happened)
        {
            case ConnectionEvent.Opened opened:
                json.WriteString("type", "session");
                json.WriteString("session_id", opened.SessionId);
                json.WriteString("resume", opened.Handle);
                json.WriteBoolean("resumed", opened.IsResumed);
                json.WriteNumber("last_seq", opened.LastEvent);
                json.WriteString("expires_at", opened.ExpiresAt);
                break;
            case ConnectionEvent.Rejected rejected:
                json.WriteString("type", "error");
                json.WriteString("code", rejected.Code);
                json.WriteString("content", rejected.Message);
                break;
            case ConnectionEvent.GoAway away:
                json.WriteString("type", "go_away");
                json.WriteString("reason", away.Reason);
                json.WriteNumber("reconnect_after_ms", (int)away.ReconnectAfter.TotalMilliseconds);
                break;
            case ConnectionEvent.Heartbeat:
                json.WriteString("type", "heartbeat");
                break;
            case ConnectionEvent.Bye bye:
                json.WriteString("type", "bye");
                json.WriteString("reason", bye.Reason);
                break;
        }
        json.WriteEndObject();
        return true;
    }

    public ClientMessage Read(ReadOnlySpan<byte> message)
    {
        if (!MessageReader.TryRead(message, out var fields, out var error))
            return error;
        return fields switch
        {
            { Type: "text" } => fields.ToSay(interrupts: true),
            { Type: "ack", Seq: { } seq } => new ClientMessage.Ack(seq),
            { Type: "played", Seq: { } seq } => new ClientMessage.Report(new PlayPosition(seq, fields.Milliseconds)),
            { Type: "configure" } => fields.ToConfigure(),
            { Type: "audio_start" } => fields.ToAudioStart(),
            { Type: "audio_end" } => new ClientMessage.AudioEnd(),
            { Type: "heartbeat" } => new ClientMessage.Heartbeat(),
            _ => new ClientMessage.Unreadable(MessageReader.UnknownType, $"There is no message type '{fields.Type}', or it lacks a field."),
        };
    }

    private static string TypeOf(SessionEvent happened) => happened switch
    {
        TurnAccepted => "accepted",
        TurnThinking => "thinking",
        TurnHelp => "help",
        TextDelta => "delta",
        TurnText => "text",
        TurnInterrupted => "interrupted",
        TurnFailed or RecognitionFailed => "error",
        AudioFrame => "audio",
        AudioConfigured => "configured",
        SpeechStarted => "speech_started",
        SpeechStopped => "speech_stopped",
        LatencyReport => "latency_report",
        _ => "warning",
    };

    private static void Content(Utf8JsonWriter json, int turn, string content)
    {
        json.WriteNumber("turn", turn);
        json.WriteString("content", content);
    }

    private static void Write(Utf8JsonWriter json, LatencyReport report)
    {
        json.WriteNumber("turn", report.Turn);
        Milliseconds(json, "asr_ms", report.Asr);
        Milliseconds(json, "retrieval_ms", report.Retrieval);
        Milliseconds(json, "first_token_ms", report.FirstToken);
        Milliseconds(json, "first_delta_ms", report.FirstDelta);
        Milliseconds(json, "first_audio_ms", report.FirstAudio);
        Milliseconds(json, "total_ms", report.Total);
        if (report.Usage is { } usage)
        {
            json.WriteStartObject("usage");
            json.WriteNumber("prompt_tokens", usage.PromptTokens);
            json.WriteNumber("completion_tokens", usage.CompletionTokens);
            json.WriteEndObject();
        }
    }

    private static void Milliseconds(Utf8JsonWriter json, string name, TimeSpan? time)
    {
        if (time is { } taken)
            json.WriteNumber(name, Math.Round(taken.TotalMilliseconds, 1));
    }
}
