using System.Text.Json.Serialization;
using Lyceum.ChatApi.Answers;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// One server-sent event of an answer, as docs/openapi.json describes it: <c>start</c>; <c>thinking</c>, <c>delta</c> and
/// <c>ping</c>;
/// then <c>end</c> or <c>error</c>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Start), "start")]
[JsonDerivedType(typeof(Help), "help")]
[JsonDerivedType(typeof(Thinking), "thinking")]
[JsonDerivedType(typeof(Delta), "delta")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(End), "end")]
[JsonDerivedType(typeof(Error), "error")]
internal abstract record ChatEvent
{
    internal sealed record Start(AnswerStart Data) : ChatEvent;

    /// <summary>What the person's school says at signs of self-harm in the question: after every <c>start</c>.</summary>
    internal sealed record Help(SafetyHelp Data) : ChatEvent;

    /// <summary>The model reasons before it answers; once a second at most.</summary>
    internal sealed record Thinking(ThinkingSoFar Data) : ChatEvent;

    /// <param name="Id">The cursor to resume from: UTF-8 bytes of the answer so far.</param>
    internal sealed record Delta(string Id, AnswerPiece Data) : ChatEvent;

    /// <summary>Every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : ChatEvent;

    /// <param name="Id"><c>end</c>.</param>
    internal sealed record End(string Id, AnswerEnd Data) : ChatEvent;

    /// <summary>The answer failed; nothing of it was written.</summary>
    /// <param name="Id"><c>end</c>.</param>
    internal sealed record Error(string Id, AnswerError Data) : ChatEvent;

    /// <param name="Length">UTF-8 bytes of the reasoning so far. It is no part of the answer.</param>
    internal sealed record ThinkingSoFar(int Length);

    internal sealed record AnswerPiece(string Text);

    internal sealed record Nothing;
}
