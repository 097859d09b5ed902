using System.Text.Json.Serialization;
using Lyceum.ChatApi.Data;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text.Moderation;

namespace Lyceum.ChatApi.Answers;

/// <summary>How an answer ended. Immutable; shown only after it is committed.</summary>
/// <param name="Status">A terminal <see cref="AnswerStatus"/>.</param>
/// <param name="FinishReason">See <see cref="FinishReasons"/>.</param>
/// <param name="Usage">As the model reported it, and what it was shown.</param>
/// <param name="Error">What went wrong, beside the text.</param>
/// <param name="Grounding">A <see cref="GroundingStatus"/>; null where no knowledge base was searched, and <paramref name="Sources"/> with it.</param>
/// <param name="Sources">The passages that the model was given, and which of them the answer cites.</param>
public sealed record AnswerEnd(
    string Status, string FinishReason, Usage? Usage = null, AnswerError? Error = null, string? Grounding = null,
    IReadOnlyList<AnswerSource>? Sources = null)
{
    /// <summary>A <see cref="ModerationStatus"/>; null: nothing was withheld, and nothing went unjudged that should not.</summary>
    public string? Moderation { get; init; }

    /// <summary>Why a sentence was withheld: for owners, so never sent with the end.</summary>
    [JsonIgnore]
    public Verdict? Verdict { get; init; }

    /// <summary>The next sentence is withheld.</summary>
    public static AnswerEnd Moderated(Verdict verdict, Usage? usage) =>
        new(AnswerStatus.Stopped, FinishReasons.Moderated, usage, new(
            "about:blank", "The rest of the answer was withheld.", 422,
            "The next sentence is against the rules of your school. If you think that it is not, report it.", ErrorCodes.AnswerModerated))
        {
            Moderation = ModerationStatus.Blocked,
            Verdict = verdict,
        };

    /// <summary>The next sentence cannot be judged, and must be.</summary>
    public static AnswerEnd Unmoderated(Usage? usage) =>
        new(AnswerStatus.Interrupted, FinishReasons.ModerationUnavailable, usage, new(
            "about:blank", "The rest of the answer could not be checked.", 503,
            "Your school has answers checked before they are shown, and the check is not available. Try again later.",
            ErrorCodes.ModerationUnavailable))
        {
            Moderation = ModerationStatus.Unavailable,
        };

    /// <summary>No model was asked.</summary>
    public static AnswerEnd Refused() =>
        new(AnswerStatus.Failed, FinishReasons.Moderated, Error: new(
            "about:blank", "The question was refused.", 422,
            "The question is against the rules of your school, and no model was asked. If you think that it is not, report it.",
            ErrorCodes.QuestionRefused))
        {
            Moderation = ModerationStatus.Refused,
        };

    public static AnswerEnd Stopped(string reason, Usage? usage) => reason switch
    {
        FinishReasons.ClientGone => Interrupted(reason, usage, "Nobody was reading any more."),
        FinishReasons.NotStored => NotStored(usage),
        _ => new(AnswerStatus.Stopped, reason, usage),
    };

    /// <summary>The database refused a part of it for what is in it.</summary>
    public static AnswerEnd NotStored(Usage? usage) =>
        Interrupted(FinishReasons.NotStored, usage, "A part of the answer could not be stored.");

    public static AnswerEnd Interrupted(string reason, Usage? usage, string detail) =>
        new(AnswerStatus.Interrupted, reason, usage, new("about:blank", "The answer was interrupted.", 502, detail, reason));

    public static AnswerEnd TimedOut(string reason, Usage? usage) =>
        new(AnswerStatus.TimedOut, reason, usage, new("about:blank", "The answer took too long.", 504, reason switch
        {
            FinishReasons.MaxDuration => "The answer reached the longest time an answer may take.",
            FinishReasons.FirstTokenTimeout => "The model did not begin in time.",
            _ => "The model paused for too long.",
        }, reason));

    /// <param name="empty">Nothing was generated: the question failed, rather than its answer.</param>
    internal static AnswerEnd Failed(EngineError error, bool empty, Usage? usage) => error.Code switch
    {
        _ when error.IsTimeout => TimedOut(error.Code, usage),
        // Asked to attach to a generation that the engine does not have (any more).
        ErrorCodes.GenerationNotFound => Interrupted(FinishReasons.EngineLost, usage, "The engine that wrote this answer is gone."),
        _ when empty => new(AnswerStatus.Failed, FinishReasons.EngineError, usage, new(
            "about:blank", "The answer could not be generated.", error.Status is 0 ? 502 : error.Status, error.Message, error.Code)),
        ErrorCodes.EngineUnavailable => Interrupted(FinishReasons.EngineLost, usage, "The connection to the engine broke."),
        _ => Interrupted(FinishReasons.EngineError, usage, error.Message),
    };
}

/// <summary>Tokens as the model counts them, null where it does not; and how much of the conversation it was shown.</summary>
/// <param name="ContextMessages">Messages the model was shown, the question among them.</param>
/// <param name="ContextMessagesLeftOut">Earlier messages that <c>Generation:MaxContextTokens</c> left no room for.</param>
/// <param name="ContextImages">Images the model was shown; null: there are none in what it was shown.</param>
/// <param name="ContextImagesLeftOut">Images of the messages it was shown that it was not.</param>
public sealed record Usage(
    int? PromptTokens, int? CompletionTokens, int? TotalTokens, int? ContextMessages = null, int? ContextMessagesLeftOut = null,
    int? ContextImages = null, int? ContextImagesLeftOut = null)
{
    public static Usage Of(TokenUsage counted) => new(counted.PromptTokens, counted.CompletionTokens, counted.TotalTokens);

    public Usage WithContextOf(Usage? other) =>
        this with
        {
            ContextMessages = other?.ContextMessages, ContextMessagesLeftOut = other?.ContextMessagesLeftOut,
            ContextImages = other?.ContextImages, ContextImagesLeftOut = other?.ContextImagesLeftOut,
        };
}

/// <summary>The problem document beside the text of an answer that was not finished.</summary>
/// <param name="Type">Always <c>about:blank</c>: <paramref name="Code"/> says what it is.</param>
/// <param name="Status">The HTTP status this would have been before the stream began.</param>
public sealed record AnswerError(string Type, string Title, int Status, string Detail, string Code);
