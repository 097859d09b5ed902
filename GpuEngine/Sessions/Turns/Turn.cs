using System.Diagnostics.CodeAnalysis;
using System.Text;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Speaking;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>A user's message.</summary>
/// <param name="Id">
/// The client's own name for it: a message sent again after a broken socket begins no second turn.
/// </param>
/// <param name="Ack">The last event that the client has shown; null where it does not say.</param>
/// <param name="Interrupts">Interrupts the turn that runs; else it waits for that one's end.</param>
/// <param name="Played">How far the client has played that turn; null where it does not say.</param>
/// <param name="Heard">It was spoken, and this is how it became text.</param>
internal sealed record UserMessage(
    string Text, string? Id = null, long? Ack = null, bool Interrupts = true, PlayPosition? Played = null, Recognition? Heard = null);

/// <summary>How speech became text.</summary>
/// <param name="EndedAt">The time provider's timestamp of the speech's end.</param>
/// <param name="Took">From there to the text.</param>
internal sealed record Recognition(long EndedAt, TimeSpan Took);

/// <summary>
/// One question and its answer being written, and where the client wants to hear it, spoken. The lock of
/// <see cref="TurnSequence"/> guards what is not readonly.
/// </summary>
[SuppressMessage(
    "Design", "CA1001",
    Justification = "Neither has a timer, a handle or a parent to release, and both are used until the last callback.")]
internal sealed class Turn(int number, UserMessage asked, long startedAt, SpokenAnswer? spoken)
{
    /// <summary>Pieces handed to the transcript and not yet durable; the model waits when there are so many.</summary>
    public const int MaxUnrecorded = 64;

    private readonly StringBuilder _said = new();
    private readonly StringBuilder _shown = new();
    private readonly List<(long Seq, int Length)> _marks = [];
    private readonly CancellationTokenSource _cancel = new();

    private readonly TaskCompletionSource _recorded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Number { get; } = number;

    public UserMessage Asked { get; } = asked;

    /// <summary>The time provider's timestamp of the message's arrival, or of its speech's end.</summary>
    public long StartedAt { get; } = startedAt;

    /// <summary>Its speech; null where the client takes text alone.</summary>
    public SpokenAnswer? Spoken { get; } = spoken;

    /// <summary>Its writer waits here while <see cref="MaxUnrecorded"/> pieces are not yet durable.</summary>
    public SemaphoreSlim Room { get; } = new(MaxUnrecorded);

    /// <summary>Fires when it is interrupted.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>Its text is written; it may still be being spoken.</summary>
    public TurnEnd? Written { get; set; }

    /// <summary>Its end is decided: nothing more of it is recorded or shown but that end.</summary>
    public bool IsOver { get; set; }

    /// <summary>It was interrupted: text that is not durable yet is no longer published.</summary>
    public bool IsInterrupted { get; set; }

    /// <summary>A part of it could not be recorded; its client got an error.</summary>
    public bool IsLost { get; set; }

    public TimeSpan? FirstDelta { get; set; }

    public TimeSpan? FirstAudio { get; set; }

    /// <summary>When its text was whole and shown.</summary>
    public TimeSpan? Total { get; set; }

    /// <summary>Its end is durable, or cannot become so.</summary>
    public Task Recorded => _recorded.Task;

    /// <summary>The tasks that write and speak it.</summary>
    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>UTF-8 bytes the model has said.</summary>
    public int SaidBytes { get; private set; }

    /// <summary>UTF-8 bytes of the model's reasoning that were recorded.</summary>
    public int ThoughtBytes { get; set; }

    /// <summary>All that the model has said: what counts when the turn succeeds.</summary>
    public string Said => _said.ToString();

    public void Say(string text)
    {
        _said.Append(text);
        SaidBytes += Encoding.UTF8.GetByteCount(text);
    }

    /// <summary>A piece was published as this event.</summary>
    public void Shown(long seq, string text)
    {
        _shown.Append(text);
        _marks.Add((seq, _shown.Length));
        if (Spoken is { IsSpeaking: true } spoken)
            spoken.Show(text);
    }

    /// <summary>
    /// What counts when the turn is interrupted. Where it is spoken, what was played. Else what was published, or of
    /// that, what the client says it has shown.
    /// </summary>
    public string Kept(long? ack)
    {
        var shown = _shown.ToString();
        if (Spoken is { IsSpeaking: true } spoken)
            return shown[..spoken.Kept(shown)];
        if (ack is not { } through)
            return shown;
        var length = 0;
        foreach (var mark in _marks.TakeWhile(mark => mark.Seq <= through))
            length = mark.Length;
        return shown[..length];
    }

    public void Cancel() => _cancel.Cancel();

    /// <summary>Its end is recorded and published: its text is not needed any more, and an idle session is small.</summary>
    public void Close()
    {
        _said.Clear().Capacity = 0;
        _shown.Clear().Capacity = 0;
        _marks.Clear();
        _marks.TrimExcess();
        _recorded.TrySetResult();
    }
}

/// <summary>How a turn succeeded.</summary>
internal sealed record TurnEnd(
    string FinishReason, IReadOnlyList<Citation> Citations, TimeSpan Retrieval, TimeSpan? FirstToken,
    TokenUsage? Usage);
