using System.Diagnostics;
using Lyceum.ChatApi.Answers;
using Lyceum.EngineClient;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Writing;

/// <summary>What a generation needs to begin, or to be taken over.</summary>
/// <param name="MessageId">The assistant message, already committed as <c>streaming</c> under <paramref name="Owner"/>.</param>
/// <param name="Subject">On whose behalf the engine is asked.</param>
/// <param name="Engine">The engine instance that generates.</param>
/// <param name="Context">
/// What the model is shown; null where the engine has begun to answer, so that it is never asked again.
/// </param>
/// <param name="Usage">What is known of it before the model has counted.</param>
/// <param name="Committed">What a former owner had committed; empty for a new answer.</param>
/// <param name="Elapsed">How long the answer has been written already.</param>
/// <param name="Grounding">What the answer rests on; null where it is asked of the model alone.</param>
/// <param name="Thought">UTF-8 bytes of the model's reasoning that are committed.</param>
/// <param name="Attach">A takeover: the engine has the generation already, unless the former owner died before it asked.</param>
/// <param name="Moderation">How the answer is judged before it is shown; null: not at all.</param>
/// <param name="Unjudged">A part of it was shown that a model should have judged and could not.</param>
public sealed record GenerationOrder(
    Guid MessageId, Guid ConversationId, Guid Owner, int Epoch, Uri Engine, IReadOnlyList<ContextMessage>? Context,
    string Tenant, string Subject, bool StopsOnDisconnect, Usage? Usage = null, string Committed = "", TimeSpan Elapsed = default,
    ActivityContext Trace = default, AnswerGrounding? Grounding = null, bool Attach = false, int Thought = 0,
    ModerationPolicy? Moderation = null, bool Unjudged = false);
