using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Sessions.Core;

// What those who write, speak and hear for the session tell it.
internal sealed partial class Session
{
    /// <summary>What the model is asked for this turn: the instructions, and as much history as fits.</summary>
    public IReadOnlyList<ChatMessage> Prompt()
    {
        lock (_lock)
        {
            var system = string.Join("\n\n", new[]
            {
                Setup.Instructions, Setup.Language is { } language ? $"Answer in this language: {language}." : null,
            }.Where(part => !string.IsNullOrWhiteSpace(part)));
            return system.Length == 0 ? _turns.History : [new ChatMessage("system", system), .. _turns.History];
        }
    }

    /// <summary>The writer's: a piece of the answer, which is recorded and then published.</summary>
    public void Say(Turn turn, string text)
    {
        lock (_lock)
            _turns.Say(turn, text);
    }

    /// <summary>The writer's: the answer is whole.</summary>
    public void Finish(Turn turn, TurnEnd end)
    {
        lock (_lock)
            _turns.Finish(turn, end);
    }

    /// <summary>The writer's: it failed.</summary>
    public void Fail(Turn turn, string code, string message)
    {
        lock (_lock)
            _turns.Fail(turn, code, message);
    }

    /// <summary>The speaker's: a piece of speech. Zero: published. Else how long to wait with it; null: nothing is spoken any more.</summary>
    public TimeSpan? Speak(Turn turn, AudioFrame frame, Speech.Sentence sentence)
    {
        TimeSpan? wait;
        lock (_lock)
            wait = _turns.Speak(turn, frame, sentence);
        if (wait == TimeSpan.Zero)
            _events.Wake();
        return wait;
    }

    /// <summary>The speaker's: all was published. Zero: and played. Else as <see cref="Speak"/>.</summary>
    public TimeSpan? EndSpeech(Turn turn)
    {
        lock (_lock)
            return _turns.EndSpeech(turn);
    }

    /// <summary>The speaker's: it failed; the client is told, and the text goes on.</summary>
    public void LoseSpeech(Turn turn)
    {
        lock (_lock)
        {
            if (turn.IsOver)
                return;
            _events.Publish(new SessionWarning("speech_unavailable", null));
            _turns.StopSpeech();
        }
        _events.Wake();
    }

    /// <summary>Tells the client something beside the turns.</summary>
    public void Tell(SessionEvent happened)
    {
        lock (_lock)
            _events.Publish(happened);
        _events.Wake();
    }

    /// <inheritdoc cref="Tell"/>
    public void Warn(SessionWarning warning) => Tell(warning);

    /// <summary>Something goes on; called under the lock.</summary>
    public void Touch() => _clock.Touch();
}
