using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Sessions.Core;

/// <summary>
/// What a session tells its client, apart from any wire protocol. Those of the session itself are numbered when they are
/// published and kept for a resume (<see cref="ReplayBuffer"/>).
/// </summary>
internal abstract record SessionEvent
{
    /// <summary>What it costs to keep, in bytes; an estimate.</summary>
    public virtual int Size => 96;
}

/// <summary>A user's message is recorded, and its turn has begun.</summary>
/// <param name="MessageId">The client's own name for the message.</param>
internal sealed record TurnAccepted(int Turn, string? MessageId) : SessionEvent;

/// <summary>A piece of the answer, recorded.</summary>
internal sealed record TextDelta(int Turn, string Text) : SessionEvent
{
    public override int Size => 96 + (2 * Text.Length);
}

/// <summary>The whole answer: the last word of a turn that went well.</summary>
internal sealed record TurnText(int Turn, string Text, string FinishReason, IReadOnlyList<Citation> Citations) : SessionEvent
{
    public override int Size => 192 + (2 * Text.Length) + (256 * Citations.Count);
}

/// <summary>The turn was broken off; <paramref name="Text"/> is what of it stays in the history.</summary>
internal sealed record TurnInterrupted(int Turn, string Text, string Reason) : SessionEvent
{
    public override int Size => 96 + (2 * Text.Length);
}

/// <summary>The turn failed; what was said before stays said.</summary>
internal sealed record TurnFailed(int Turn, string Code, string Message) : SessionEvent
{
    public override int Size => 96 + (2 * Message.Length);
}

/// <summary>How long a turn's steps took, from the message's arrival.</summary>
internal sealed record LatencyReport(
    int Turn, TimeSpan Retrieval, TimeSpan? FirstToken, TimeSpan? FirstDelta, TimeSpan Total, TokenUsage? Usage) : SessionEvent;

/// <summary>The session will end, or lacks something: <c>idle_timeout | session_timeout | retrieval_unavailable</c>.</summary>
internal sealed record SessionWarning(string Reason, TimeSpan? Left) : SessionEvent;

/// <summary>A passage that the answer cites as <c>[Number]</c>.</summary>
internal sealed record Citation(int Number, string? Id, string? Title, string? Source);
