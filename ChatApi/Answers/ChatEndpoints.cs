using System.Text;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Generation;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Data;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Leases;
using Microsoft.AspNetCore.Http.Features;

namespace Lyceum.ChatApi.Answers;

/// <param name="ConversationId">Goes on with a conversation of the caller's; absent begins one.</param>
/// <param name="Message">The question; not empty, at most 64 kB of UTF-8.</param>
public sealed record ChatRequest(Guid? ConversationId, string? Message);

/// <summary>
/// Asking and reading. The answer is written by a detached generation; every response is only a reader of what is
/// committed, so a client that leaves changes nothing and may come back with its cursor.
/// </summary>
public static class ChatEndpoints
{
    private const int MaxMessageBytes = 64 * 1024;

    public static void MapChat(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/chat").RequireScope(Scopes.Chat).WithTags("chat");
        group.MapPost("", AskAsync);
        group.MapGet("{messageId:guid}/stream", ResumeAsync);
    }

    /// <summary>Records the question, starts the answer, streams it.</summary>
    private static async Task AskAsync(
        ChatRequest request, Caller caller, HttpContext http, ConversationStore conversations, GenerationRunner runner,
        EngineClient engines, LeaseKeeper lease, AnswerReader reader)
    {
        var question = Validate(request);
        if (!lease.IsHeld)
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "This replica is not ready to write answers yet. Try again shortly.", TimeSpan.FromSeconds(2));
        var engine = engines.PickEngine() ?? throw new ProblemException(503, ErrorCodes.EngineUnavailable,
            "No engine is known. Try again shortly.", TimeSpan.FromSeconds(5));
        if (!runner.TryAdmit())
            throw new ProblemException(429, ErrorCodes.Overloaded,
                "As many answers are being written as this server takes on. Try again shortly.", TimeSpan.FromSeconds(2));

        GenerationOrder order;
        try
        {
            order = await conversations.RecordQuestionAsync(caller, request.ConversationId, question, lease.OwnerId, engine);
        }
        catch
        {
            runner.GiveBack();
            throw;
        }
        runner.Start(order);
        await StreamAsync(http, caller, order.ConversationId, order.MessageId, cursor: 0, reader);
    }

    /// <summary>
    /// Reads an answer from a cursor on: <c>Last-Event-ID</c> or <c>?after=</c>, a UTF-8 byte offset, 0 if absent. Works
    /// while it is written and for as long as it exists, on any replica, for any number of readers.
    /// </summary>
    private static async Task ResumeAsync(
        Guid messageId, Caller caller, HttpContext http, StoredAnswers stored, DatabaseReady ready, AnswerReader reader)
    {
        var cursor = Cursor(http.Request);
        ready.ThrowIfNotReady();
        var answer = await stored.ReadAsync(caller, messageId, cursor, http.RequestAborted)
            ?? throw new ProblemException(404, ErrorCodes.MessageNotFound, $"There is no answer {messageId} of yours.");
        if (cursor > answer.Length || (answer.Text.Length > 0 && !Utf8.IsBoundary(answer.Text.Span, 0)))
            throw new ProblemException(400, ErrorCodes.InvalidCursor,
                $"{cursor} is not a cursor of this answer: it has {answer.Length} bytes, and a cursor is the id of an event.");
        await StreamAsync(http, caller, answer.ConversationId, messageId, cursor, reader);
    }

    private static async Task StreamAsync(
        HttpContext http, Caller caller, Guid conversationId, Guid messageId, int cursor, AnswerReader reader)
    {
        var plain = http.Request.Headers.Accept.Any(a => a?.Contains("text/plain", StringComparison.OrdinalIgnoreCase) == true);
        var response = http.Response;
        response.ContentType = plain ? "text/plain; charset=utf-8" : "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache, no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        response.Headers["Lyceum-Message-Id"] = messageId.ToString();
        response.Headers["Lyceum-Conversation-Id"] = conversationId.ToString();
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();

        var clientGone = http.RequestAborted;
        using var sse = plain ? null : new SseAnswerWriter(response.BodyWriter);
        IAnswerWriter output = sse ?? (IAnswerWriter)new PlainTextAnswerWriter(response.BodyWriter);
        try
        {
            await output.StartAsync(conversationId, messageId, clientGone);
            await reader.CopyAsync(caller, messageId, cursor, output, clientGone);
        }
        catch (OperationCanceledException) when (clientGone.IsCancellationRequested)
        {
            // The client left. The generation does not notice.
        }
        catch (Exception e) when (Transient.IsTransient(e))
        {
            // The database went away under a reader of a stored answer: cut the stream, its cursor stays good.
            http.Abort();
        }
    }

    private static string Validate(ChatRequest request)
    {
        if (string.IsNullOrWhiteSpace(request.Message))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "message must not be empty.");
        if (Encoding.UTF8.GetByteCount(request.Message) > MaxMessageBytes)
            throw new ProblemException(413, ErrorCodes.PayloadTooLarge, $"message must be at most {MaxMessageBytes} bytes.");
        if (request.Message.Contains('\0'))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "message must not contain U+0000.");
        return request.Message;
    }

    private static int Cursor(HttpRequest request)
    {
        var text = request.Query["after"].FirstOrDefault() ?? request.Headers["Last-Event-ID"].FirstOrDefault();
        if (string.IsNullOrEmpty(text))
            return 0;
        return int.TryParse(text, System.Globalization.NumberStyles.None, null, out var cursor)
            ? cursor
            : throw new ProblemException(400, ErrorCodes.InvalidCursor,
                "Last-Event-ID (or after) must be the id of an event of this answer: a byte offset.");
    }
}
