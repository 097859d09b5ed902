using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Core;

// What a client says about and by audio.
internal sealed partial class Session
{
    /// <summary>How audio goes now.</summary>
    public AudioSetup Audio => Volatile.Read(ref _audio);

    /// <summary>The client has played so far.</summary>
    public void Report(PlayPosition played, ISessionReader from)
    {
        lock (_lock)
        {
            if (IsReplaced(from))
                return;
            _turns.Running?.Spoken?.Report(played);
            _events.OmitAudio(played.Milliseconds is null ? played.Seq : played.Seq - 1);
        }
    }

    /// <summary>Has audio go as the client wants, for the turns from now on.</summary>
    /// <returns>Why not: <see cref="ErrorCodes.TtsNotConfigured"/>, <see cref="ErrorCodes.AsrNotConfigured"/>; null where it does.</returns>
    public string? Configure(AudioSetup audio, ISessionReader from)
    {
        if (audio.Out is not null && !_workers.Speaker.IsAvailable)
            return ErrorCodes.TtsNotConfigured;
        if (audio.In is not null && !_workers.Listener.IsAvailable)
            return ErrorCodes.AsrNotConfigured;
        lock (_lock)
        {
            if (IsReplaced(from))
                return null;
            _audio = audio;
            _turns.SpeakAs(audio.Out);
            _events.Publish(new AudioConfigured(audio));
        }
        _events.Wake();
        return null;
    }

    /// <summary>Somebody begins to speak: whatever is being said to them is broken off.</summary>
    public void BeginSpeech(PlayPosition? played, ISessionReader from)
    {
        Turn? broken;
        lock (_lock)
        {
            if (_ending || IsReplaced(from))
                return;
            _clock.Heard();
            broken = _turns.BreakOff(played, "barge_in");
            _events.Publish(new SpeechStarted());
        }
        broken?.Cancel();
        _events.Wake();
    }

    /// <summary>They have spoken: it is recognized, and becomes a message.</summary>
    /// <returns>Why not, as <see cref="Submit"/>.</returns>
    public string? Hear(Utterance utterance, ISessionReader from)
    {
        lock (_lock)
        {
            if (_ending)
                return ErrorCodes.SessionEnded;
            if (IsReplaced(from))
                return null;
            _clock.Heard();
            _events.Publish(new SpeechStopped(utterance.Duration));
            if (!_hearing.TryAdd(utterance))
                return ErrorCodes.Busy;
        }
        _events.Wake();
        return null;
    }
}
