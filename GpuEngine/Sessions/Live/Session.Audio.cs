using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Hearing;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.GpuEngine.Sessions.Live;

// What a client sends about audio, and as audio.
internal sealed partial class Session
{
    /// <summary>The audio that is configured now.</summary>
    public AudioSetup Audio => Volatile.Read(ref _audio);

    /// <summary>The client has played up to here.</summary>
    public void Report(PlayPosition played, ISessionReader from)
    {
        lock (_lock)
        {
            if (!IsReplaced(from))
                _turns.Report(played);
        }
    }

    /// <summary>Sets how audio is sent and received, for the turns from now on.</summary>
    /// <returns>
    /// Why not: <see cref="ErrorCodes.TtsNotConfigured"/>, <see cref="ErrorCodes.AsrNotConfigured"/>; else null.
    /// </returns>
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
            _turns.SpeakAs(audio.Out, new AudioConfigured(audio));
        }
        _events.Wake();
        return null;
    }

    /// <summary>The user begins to speak: the running turn is interrupted.</summary>
    public void BeginSpeech(PlayPosition? played, ISessionReader from)
    {
        Turn? interrupted;
        lock (_lock)
        {
            if (_ending || _isGoingAway || IsReplaced(from))
                return;
            _clock.TouchByClient();
            interrupted = _turns.BargeIn(played, new SpeechStarted());
        }
        interrupted?.Cancel();
        _events.Wake();
    }

    /// <summary>The user has spoken: it is recognized, and becomes a message.</summary>
    /// <returns>Why not, as <see cref="Submit"/>.</returns>
    public string? Hear(Utterance utterance, ISessionReader from)
    {
        lock (_lock)
        {
            if (_isGoingAway)
                return null;
            if (_ending)
                return ErrorCodes.SessionEnded;
            if (IsReplaced(from))
                return null;
            _clock.TouchByClient();
            _events.Publish(new SpeechStopped(utterance.Duration));
            if (!_utterances.TryAdd(utterance))
                return ErrorCodes.Busy;
        }
        _events.Wake();
        return null;
    }

    private async Task HearAsync(Utterance utterance, CancellationToken cancel)
    {
        var heard = await _workers.Listener.HearAsync(Setup, utterance, cancel);
        if (heard.Text is { } text)
        {
            var recognition = new Recognition(utterance.EndedAt, _time.GetElapsedTime(utterance.EndedAt));
            Submit(new UserMessage(text, utterance.Id, Heard: recognition));
        }
        else if (heard.Failure is { } failure)
        {
            _events.Publish(failure);
            _events.Wake();
        }
    }
}
