namespace Lyceum.Client;

/// <summary>
/// What a reader of an answer is told, in this order: <see cref="AnswerStarted"/>; then <see cref="AnswerHelp"/>,
/// <see cref="AnswerThinking"/> and <see cref="AnswerText"/>; then <see cref="AnswerEnded"/> or <see cref="AnswerFailed"/>.
/// Each is told once, however often the connection was cut.
/// </summary>
public abstract record AnswerEvent;

/// <summary>The question is stored: from here on the answer can be read by its <c>MessageId</c>, also by another process.</summary>
public sealed record AnswerStarted(AnswerStart Start) : AnswerEvent;

/// <summary>What the school says at signs of self-harm; show it before the answer.</summary>
public sealed record AnswerHelp(SafetyHelp Help) : AnswerEvent;

/// <summary>The model reasons before it answers: so many bytes up to now.</summary>
public sealed record AnswerThinking(long Length) : AnswerEvent;

/// <summary>The next piece of the answer. It is durable.</summary>
/// <param name="Cursor">UTF-8 bytes of the answer up to the end of this piece: where <see cref="LyceumClient.ResumeAsync"/> goes on.</param>
public sealed record AnswerText(string Text, long Cursor) : AnswerEvent;

/// <summary>The answer is whole, or as whole as it became: <c>Status</c> and <c>FinishReason</c> say which.</summary>
public sealed record AnswerEnded(ChatApiAnswerEnd End) : AnswerEvent;

/// <summary>Nothing could be generated.</summary>
public sealed record AnswerFailed(Problem Problem) : AnswerEvent;
