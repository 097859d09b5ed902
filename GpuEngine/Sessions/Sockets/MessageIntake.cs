using System.Net.WebSockets;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Protocols;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Sockets;

/// <summary>
/// A connection's messages, one after the other, handed to the session or rejected. Used by one thread.
/// </summary>
/// <param name="reject">Sends the client an error: code and message.</param>
internal sealed class MessageIntake(
    Session session, ISessionReader connection, ISessionProtocol protocol, LiveSessionOptions options,
    TimeProvider time, Action<string, string> reject)
{
    private readonly MessageRate _rate = new(options.MessagesPerSecond, options.MessageBurst, time);
    private Microphone? _microphone; // of the audio that is configured now
    private MessageRate? _audioRate;

    /// <returns>False where the client sends too much too fast.</returns>
    public bool Take(ReadOnlySpan<byte> message, WebSocketMessageType type)
    {
        session.Credentials.HandleArrived();
        if (type is WebSocketMessageType.Binary && protocol.HasAudio)
            return TakeAudio(message);
        var read = type is WebSocketMessageType.Text
            ? protocol.Read(message)
            : new ClientMessage.Unreadable(ErrorCodes.Unsupported, "This protocol has text messages only.");
        switch (read)
        {
            // These cost little: they are not counted.
            case ClientMessage.Ack ack:
                session.Acknowledge(ack.Seq, connection);
                return true;
            case ClientMessage.Report report:
                session.Report(report.Position, connection);
                return true;
            case ClientMessage.Heartbeat: // no sign of the user: an idle session ends all the same
                return true;
        }
        if (!_rate.TryTake())
        {
            reject(
                ErrorCodes.RateLimited,
                $"More than {options.MessagesPerSecond:0.##} messages a second; this one was not taken.");
            return false;
        }
        switch (read)
        {
            case ClientMessage.Say say:
                Answer(session.Submit(say.Message, connection));
                break;
            case ClientMessage.Configure configure:
                Answer(session.Configure(configure.Audio, connection));
                break;
            case ClientMessage.AudioStart start:
                Start(start);
                break;
            case ClientMessage.AudioEnd when _microphone is { IsOpen: true }:
                Answer(_microphone.Close());
                break;
            case ClientMessage.AudioEnd:
                reject(ErrorCodes.InvalidRequest, "There was no audio_start.");
                break;
            case ClientMessage.Unreadable bad:
                reject(bad.Code, bad.Message);
                break;
        }
        return true;
    }

    private void Start(ClientMessage.AudioStart start)
    {
        if (session.Audio.In is not { } input)
        {
            reject(ErrorCodes.InvalidRequest, "Audio in is not configured; send configure first.");
            return;
        }
        if (_microphone is { IsOpen: true })
        {
            reject(ErrorCodes.InvalidRequest, "Audio is coming in already; send audio_end first.");
            return;
        }
        if (_microphone?.Input != input)
        {
            _microphone = new Microphone(session, connection, input, options.Audio, time);
            // A recording may come at once: a whole utterance and a second more, which is then too long rather than too
            // fast.
            var second = input.Rate * sizeof(short);
            _audioRate = new MessageRate(second * options.Audio.MaxSpeed, second * (options.Audio.MaxUtterance.TotalSeconds + 1), time);
        }
        _microphone.Open(start.Id, start.Played);
    }

    private bool TakeAudio(ReadOnlySpan<byte> pcm)
    {
        if (_microphone is not { IsOpen: true } microphone)
        {
            reject(ErrorCodes.InvalidRequest, "Audio comes between audio_start and audio_end.");
            return false;
        }
        if (pcm.Length % sizeof(short) != 0)
        {
            reject(ErrorCodes.InvalidRequest, "A binary message holds whole samples, two bytes each.");
            return false;
        }
        // A short message costs as much as 5 ms of sound.
        if (!_audioRate!.TryTake(Math.Max(pcm.Length, microphone.Input.Rate / 100)))
        {
            reject(
                ErrorCodes.RateLimited,
                $"Audio comes more than {options.Audio.MaxSpeed:0.##} times as fast as it is spoken; this was not taken.");
            return false;
        }
        Answer(microphone.Take(pcm));
        return true;
    }

    private void Answer(string? rejected)
    {
        if (rejected is not null)
        {
            reject(rejected, rejected switch
            {
                ErrorCodes.Busy => "Too many messages wait for their answers; this one was not taken.",
                ErrorCodes.AudioTooLong => $"An utterance may last {options.Audio.MaxUtterance.TotalSeconds:0.#} s; what came after was not taken.",
                ErrorCodes.TtsNotConfigured => "Nothing here speaks: set Tts:Endpoint, or install espeak-ng.",
                ErrorCodes.AsrNotConfigured => "Nothing here recognizes speech: set Asr:Endpoint.",
                _ => "The session is over.",
            });
        }
    }
}
