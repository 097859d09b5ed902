using System.Text.Json.Serialization;
using Lyceum.ChatApi.Answers;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// One server-sent event of an answer, as docs/openapi.json describes it: <c>start</c>; <c>delta</c> and <c>ping</c>;
/// then <c>end</c> or <c>error</c>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Start), "start")]
[JsonDerivedType(typeof(Delta), "delta")]
[JsonDerivedType(typeof(Ping), "ping")]
[JsonDerivedType(typeof(End), "end")]
[JsonDerivedType(typeof(Error), "error")]
internal abstract record ChatEvent
{
    internal sealed record Start(AnswerStart Data) : ChatEvent;

    /// <param name="Id">The cursor to resume from: UTF-8 bytes of the answer so far.</param>
    internal sealed record Delta(string Id, AnswerPiece Data) : ChatEvent;

    /// <summary>Every 15 s where nothing else came.</summary>
    internal sealed record Ping(Nothing Data) : ChatEvent;

    /// <param name="Id"><c>end</c>.</param>
    internal sealed record End(string Id, AnswerEnd Data) : ChatEvent;

    /// <summary>The answer failed; nothing of it was written.</summary>
    /// <param name="Id"><c>end</c>.</param>
    internal sealed record Error(string Id, AnswerError Data) : ChatEvent;

    internal sealed record AnswerPiece(string Text);

    internal sealed record Nothing;
}
