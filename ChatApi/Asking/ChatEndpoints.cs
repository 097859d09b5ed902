using System.Text;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Reading;
using Lyceum.ChatApi.Safety;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Leases;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Asking;

/// <param name="ConversationId">Goes on with a conversation of the caller's; absent begins one.</param>
/// <param name="Message">The question; not empty, at most 64 kB of UTF-8. Absent with <paramref name="RegenerateOf"/>.</param>
/// <param name="OnDisconnect">
/// What becomes of the answer when all its readers have left: <c>continue</c> or <c>stop</c>; absent: as configured.
/// </param>
/// <param name="TutorId">Who answers: its instructions and, unless <paramref name="KbId"/> names another, its knowledge base.</param>
/// <param name="KbId">A knowledge base to answer from, by its slug.</param>
/// <param name="ParentId">
/// The answer that the question follows, in <paramref name="ConversationId"/>: so a question is edited, on a branch of its own.
/// The conversation's own id: it is a first question. Absent: it follows the last answer of the active branch.
/// </param>
/// <param name="RegenerateOf">An answer beside which another is to be given, to the same question.</param>
/// <param name="Mode">
/// <c>guide</c>: it asks back and gives hints before solutions; <c>answer</c>: it answers. A tutor may be locked to <c>guide</c>.
/// </param>
/// <param name="ReadingLevel"><c>simple | standard | advanced</c>.</param>
/// <param name="Language">Of the answer, BCP 47; absent: that of the question.</param>
/// <param name="ConceptId">The concept of a roadmap that the question is about.</param>
/// <param name="Images">
/// Ids of images of the caller's (<c>POST /api/images</c>) to ask with, five at most; an image may be in several questions. An
/// answer that is given anew has those of its question.
/// </param>
public sealed record ChatRequest(
    Guid? ConversationId, string? Message, string? OnDisconnect = null, int? TutorId = null, string? KbId = null,
    Guid? ParentId = null, Guid? RegenerateOf = null, string? Mode = null, string? ReadingLevel = null, string? Language = null,
    string? ConceptId = null, IReadOnlyList<Guid>? Images = null);

/// <summary>An answer that was asked to stop.</summary>
/// <param name="Status">Terminal, or <c>streaming</c> if it could not be ended within a few seconds (202).</param>
/// <param name="Length">UTF-8 bytes saved.</param>
public sealed record StopResponse(Guid MessageId, Guid ConversationId, string Status, string? FinishReason, int Length);

/// <summary>
/// Asking and reading. The answer is written by a detached generation; every response is only a reader of what is
/// committed, so a client that leaves changes nothing and may come back with its cursor.
/// </summary>
public static class ChatEndpoints
{
    private const int MaxMessageBytes = 64 * 1024;

    // The engine's slot is free long before: this is how long the database may take to say so.
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(5);

    public static void MapChat(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/chat").WithTags("chat");
        group.MapPost("", AskAsync).RequireScope(Scopes.Chat)
            .Streams<ChatEvent>().Produces<string>(200, "text/plain")
            .Fails(403, ErrorCodes.GuardianConsentRequired)
            .Fails(404, ErrorCodes.ConversationNotFound, ErrorCodes.MessageNotFound, ErrorCodes.TutorNotFound,
                ErrorCodes.KnowledgeBaseNotFound, ErrorCodes.ImageNotFound)
            .Fails(409, ErrorCodes.AnswerInProgress, ErrorCodes.LimitReached)
            .Fails(422, ErrorCodes.IdempotencyKeyReused, ErrorCodes.VisionUnsupported, ErrorCodes.ImagesNotModerated)
            .Fails(503, ErrorCodes.EngineUnavailable, ErrorCodes.ModerationUnavailable);
        group.MapGet("{messageId:guid}/stream", ResumeAsync).RequireScopeOrTicket(Scopes.Chat)
            .Streams<ChatEvent>().Produces<string>(200, "text/plain").Produces(204)
            .Fails(400, ErrorCodes.InvalidCursor).Fails(404, ErrorCodes.MessageNotFound);
        group.MapPost("{messageId:guid}/stop", StopAsync).RequireScope(Scopes.Chat)
            .Fails(404, ErrorCodes.MessageNotFound);
    }

    /// <summary>Records the question, starts the answer, streams it.</summary>
    private static async Task AskAsync(
        ChatRequest request, Caller caller, HttpContext http, QuestionStore questions, GenerationRunner runner,
        CompletionsClient engines, SeeingEngines seeing, LeaseKeeper lease, Grounder grounder, Screening screening,
        AnswerResponse response, StoredAnswers stored, IOptions<GenerationOptions> options)
    {
        var question = Validate(request, http.Request, options.Value);
        if (!lease.IsHeld && !runner.IsDraining)
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "This replica is not ready to write answers yet. Try again shortly.", TimeSpan.FromSeconds(2));
        var engine = engines.PickEngine() ?? throw new ProblemException(503, ErrorCodes.EngineUnavailable,
            "No engine is known. Try again shortly.", TimeSpan.FromSeconds(5));
        var place = runner.TryAdmit(Sharer.Of(caller)) ?? throw new ProblemException(429, ErrorCodes.Overloaded,
            "As many answers are being written as this server takes on, or as many of yours while others wait. "
            + "Try again shortly.", TimeSpan.FromSeconds(2));

        RecordedQuestion recorded;
        try
        {
            // Said when it is recorded: looking up passages takes a while, in which a drain may begin.
            recorded = await RecordAsync(
                caller, question, questions, grounder, screening, seeing,
                () => runner.IsDraining ? QuestionStore.Nobody : lease.OwnerId, engine);
        }
        catch
        {
            place.Dispose();
            throw;
        }
        if (recorded.Order is { } order)
            runner.Start(order, place);
        else
            place.Dispose(); // asked before: this request only reads
        var beginning = recorded.Order is { Grounding: var grounding }
            ? new AnswerBeginning(
                recorded.QuestionId, grounding?.Teaching?.Mode, grounding?.Status, grounding?.Status is null ? null : grounding.Sources)
            : await stored.ReadBeginningAsync(caller, recorded.MessageId, http.RequestAborted);
        await response.StreamAsync(http, caller, recorded.ConversationId, recorded.MessageId, cursor: 0, beginning, recorded.Help);
    }

    private static async Task<RecordedQuestion> RecordAsync(
        Caller caller, Question question, QuestionStore questions, Grounder grounder, Screening screening,
        SeeingEngines seeing, Func<Guid> owner, Uri engine)
    {
        var isRegeneration = question.RegenerateOf is not null;
        if (isRegeneration)
            question = await questions.FindAnsweredAsync(caller, question);
        var policy = await screening.PolicyOfAsync(caller, question.TutorId);
        var isPlain = question is { TutorId: null, KbId: null, Teaching: null, Images.Count: 0 };
        if ((policy.Moderation is not null || !isPlain) && await questions.FindAskedAsync(caller, question) is { } asked)
            return asked;
        if (question.Images.Count > 0)
        {
            Screening.RequireImages(policy);
            engine = await PickSeeingAsync(seeing);
        }
        // One that goes on with a conversation, which may have images.
        var seen = question.Images.Count > 0 ? engine : question.ConversationId is null ? null : seeing.Known;
        var screened = await screening.ScreenAsync(caller, policy, question.Text);
        if (screened.Refused is not null || question is { TutorId: null, KbId: null, Teaching: null })
            return await questions.RecordQuestionAsync(caller, question, owner(), engine, screened: screened, seeing: seen);
        var earlier = question is { TutorId: null, KbId: null }
            ? [] : await questions.EarlierQuestionsAsync(caller, question.ConversationId, question.ParentId);
        // The question itself is the last of its branch where it is answered anew.
        var topic = Topic.Of(question.Text, earlier.Skip(isRegeneration ? 1 : 0));
        var grounding = await grounder.GroundAsync(caller, question.TutorId, question.KbId, topic, question.Teaching);
        return await questions.RecordQuestionAsync(caller, question, owner(), engine, grounding, screened, seen);
    }

    // Before anything is stored. Not tied to the client's connection, as the recording of the question is not; it has a bound.
    private static async Task<Uri> PickSeeingAsync(SeeingEngines seeing) => await seeing.PickAsync(CancellationToken.None) switch
    {
        ({ } engine, _) => engine,
        (null, true) => throw new ProblemException(422, ErrorCodes.VisionUnsupported,
            "The model here takes no images. Nothing was asked: ask without them, or have a model configured that takes them "
            + "(Llm:Vision); GET /api/capabilities says whether one does."),
        _ => throw new ProblemException(503, ErrorCodes.EngineUnavailable,
            "No engine says whether its model takes images. Nothing was asked; try again shortly.", TimeSpan.FromSeconds(5)),
    };

    /// <summary>
    /// Ends an answer on any replica and keeps its text so far. The request is recorded first, then signalled; idempotent: an
    /// answer that has ended already is answered with how it did.
    /// </summary>
    private static async Task<Results<Ok<StopResponse>, Accepted<StopResponse>>> StopAsync(
        Guid messageId, Caller caller, ConversationStore conversations, GenerationRunner runner, ReplicaSignals signals,
        RemoteAnswers remote, StoredAnswers stored, CancellationToken cancellationToken)
    {
        if (!await conversations.RequestStopAsync(caller, messageId, cancellationToken))
            throw new ProblemException(404, ErrorCodes.MessageNotFound, $"There is no answer {messageId} of yours.");

        var signal = new ReaderSignal();
        using var watch = remote.Follow(messageId, signal);
        if (!runner.Stop(messageId, FinishReasons.Stopped))
            signals.Send(SignalKind.Stop, messageId);
        var (until, pause) = (DateTime.UtcNow + StopWithin, TimeSpan.FromMilliseconds(50));
        while (true)
        {
            var answer = await stored.ReadAsync(caller, messageId, int.MaxValue - 1, cancellationToken)
                ?? throw new ProblemException(404, ErrorCodes.MessageNotFound, $"There is no answer {messageId} of yours.");
            var response = new StopResponse(
                messageId, answer.ConversationId, answer.End?.Status ?? AnswerStatus.Streaming, answer.End?.FinishReason, answer.Length);
            if (answer.End is not null)
                return TypedResults.Ok(response);
            if (DateTime.UtcNow > until)
                return TypedResults.Accepted((string?)null, response);
            await signal.WaitAtMostAsync(pause, cancellationToken);
            pause *= 2; // it is signalled; reads are for signals that are lost
        }
    }

    /// <summary>
    /// Reads an answer from a cursor on: <c>Last-Event-ID</c> or <c>?after=</c>, a UTF-8 byte offset, 0 if absent. Works
    /// while it is written and for as long as it exists, on any replica, for any number of readers. A reader that has seen the
    /// end and asks again, as an <c>EventSource</c> that is not closed does, gets 204, which makes it stop.
    /// </summary>
    private static async Task ResumeAsync(
        Guid messageId, Caller caller, HttpContext http, StoredAnswers stored, DatabaseReady ready, AnswerResponse response)
    {
        var (cursor, seenEnd) = Cursor(http.Request);
        ready.ThrowIfNotReady();
        http.Response.RegisterForDispose(response.Admit(Sharer.Of(caller)));
        var answer = await stored.ReadAsync(caller, messageId, cursor, http.RequestAborted)
            ?? throw new ProblemException(404, ErrorCodes.MessageNotFound, $"There is no answer {messageId} of yours.");
        if (seenEnd && answer.End is not null)
        {
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        if (cursor > answer.Length || (answer.Text.Length > 0 && !Utf8Text.IsBoundary(answer.Text.Span, 0)))
            throw new ProblemException(400, ErrorCodes.InvalidCursor,
                $"{cursor} is not a cursor of this answer: it has {answer.Length} bytes, and a cursor is the id of an event.");
        var beginning = await stored.ReadBeginningAsync(caller, messageId, http.RequestAborted);
        await response.StreamAsync(http, caller, answer.ConversationId, messageId, cursor, beginning, answer.Help);
    }

    private static Question Validate(ChatRequest request, HttpRequest http, GenerationOptions options)
    {
        var policy = request.OnDisconnect ?? options.OnDisconnect;
        if (!OnDisconnectPolicy.IsKnown(policy))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "on_disconnect must be continue or stop.");
        var key = IdempotencyKeys.Of(http);
        var teaching = Teaching.Of(request.Mode, request.ReadingLevel, request.Language, request.ConceptId);
        if (request.RegenerateOf is not null)
        {
            if (request.Message is not null || request.ParentId is not null || request.Images is { Count: > 0 })
                throw new ProblemException(400, ErrorCodes.InvalidRequest,
                    "regenerate_of answers the same question anew: send it without message, parent_id and images.");
            return new(request.ConversationId, "", policy == OnDisconnectPolicy.Stop, key, request.TutorId, request.KbId)
            {
                RegenerateOf = request.RegenerateOf, Teaching = teaching,
            };
        }
        if (request.ParentId is not null && request.ConversationId is null)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "parent_id needs the conversation_id that it is in.");
        if (string.IsNullOrWhiteSpace(request.Message))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "message must not be empty.");
        if (Encoding.UTF8.GetByteCount(request.Message) > MaxMessageBytes)
            throw new ProblemException(413, ErrorCodes.PayloadTooLarge, $"message must be at most {MaxMessageBytes} bytes.");
        if (request.Message.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "message must not contain U+0000.");
        var images = request.Images ?? [];
        if (images.Count > ImageLimits.PerQuestion || images.Distinct().Count() != images.Count)
            throw new ProblemException(400, ErrorCodes.InvalidRequest,
                $"images must be at most {ImageLimits.PerQuestion} ids of images, each once.");
        return new(request.ConversationId, request.Message, policy == OnDisconnectPolicy.Stop, key, request.TutorId, request.KbId)
        {
            ParentId = request.ParentId, Teaching = teaching, Images = images,
        };
    }

    private static (int Cursor, bool SeenEnd) Cursor(HttpRequest request)
    {
        var header = request.Headers["Last-Event-ID"].FirstOrDefault();
        // The header first: an EventSource keeps the URL it began with.
        var text = string.IsNullOrEmpty(header) ? request.Query["after"].FirstOrDefault() : header;
        if (string.IsNullOrEmpty(text))
            return (0, false);
        if (text == SseAnswerWriter.EndId)
            return (0, true);
        return int.TryParse(text, System.Globalization.NumberStyles.None, null, out var cursor)
            ? (cursor, false)
            : throw new ProblemException(400, ErrorCodes.InvalidCursor,
                "Last-Event-ID (or after) must be the id of an event of this answer: a byte offset, or end.");
    }
}
