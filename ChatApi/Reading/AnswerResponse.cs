using System.Globalization;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Lyceum.ChatApi.Reading;

/// <summary>
/// One HTTP response that reads an answer, as server-sent events or, where <c>Accept</c> prefers <c>text/plain</c>, as
/// its bare text.
/// </summary>
public sealed partial class AnswerResponse(
    AnswerReader reader, Tickets tickets, IOptions<AnswersOptions> answers, IOptions<GenerationOptions> options,
    IOptions<ShareOptions> shares, ChatMetrics metrics, TimeProvider time, ILogger<AnswerResponse> logger)
{
    private const string Events = "text/event-stream";
    private const string PlainText = "text/plain";
    private readonly SharedBound _readers = new(options.Value.MaxReaders, shares.Value);

    // An EventSource reconnects with the URL it was given, for as long as the answer may take and a while longer.
    private readonly TimeSpan _ticketLifetime = answers.Value.MaxDuration + TimeSpan.FromHours(1);

    /// <summary>A place among the readers that came back to an answer, until disposed.</summary>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public IDisposable Admit(Sharer who) => _readers.TryTake(who) ?? throw new ProblemException(
        StatusCodes.Status429TooManyRequests, ErrorCodes.Overloaded,
        "As many readers follow answers as this server takes on, or as many of yours while others wait. "
        + "Try again shortly.", TimeSpan.FromSeconds(5));

    public async Task StreamAsync(
        HttpContext http, Caller caller, Guid conversationId, Guid messageId, int cursor, AnswerBeginning? beginning,
        SafetyHelp? help = null)
    {
        var plain = AcceptHeader.Preferred(http.Request, Events, PlainText) == PlainText;
        var response = http.Response;
        response.ContentType = (plain ? PlainText : Events) + "; charset=utf-8";
        response.Headers.CacheControl = "no-cache, no-store";
        response.Headers["X-Accel-Buffering"] = "no";
        response.Headers["Lyceum-Message-Id"] = messageId.ToString();
        response.Headers["Lyceum-Conversation-Id"] = conversationId.ToString();
        if (plain && cursor > 0)
            help = null; // whoever goes on has read it, and puts this behind what they have
        if (plain && help is not null)
        {
            // Bytes before the answer's own: a cursor does not count them.
            response.Headers["Lyceum-Help-Length"] =
                PlainTextAnswerWriter.Paragraph(help).Length.ToString(CultureInfo.InvariantCulture);
        }
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();

        var clientGone = http.RequestAborted;
        var pipe = new ReaderPipe(response.BodyWriter, answers.Value.StalledReaderTimeout, time);
        using var sse = plain ? null : new SseAnswerWriter(pipe);
        IAnswerWriter output = sse ?? (IAnswerWriter)new PlainTextAnswerWriter(pipe);
        try
        {
            await output.StartAsync(
                new(conversationId, messageId, StreamUrl(http, caller, messageId), beginning?.QuestionId, beginning?.Mode,
                    beginning?.Grounding, beginning?.Sources), clientGone);
            if (help is not null)
                await output.HelpAsync(help, clientGone);
            await reader.CopyAsync(caller, messageId, cursor, output, clientGone);
        }
        catch (OperationCanceledException) when (clientGone.IsCancellationRequested)
        {
            // The client left, which does not concern the generation.
        }
        catch (ReaderStalledException)
        {
            metrics.ReaderCut();
            LogStalled(logger, messageId, answers.Value.StalledReaderTimeout);
            http.Abort();
        }
        catch (Exception e) when (Transient.IsTransient(e))
        {
            // The database went away under a reader of a stored answer: cut the stream, its cursor stays good.
            http.Abort();
        }
    }

    /// <summary>A caller that came with a ticket keeps that one: a ticket does not issue tickets.</summary>
    private string StreamUrl(HttpContext http, Caller caller, Guid messageId)
    {
        var path = $"/chat/{messageId}/stream";
        string? ticket = http.Request.Query[Tickets.Parameter];
        return ticket is null
            ? tickets.Issue(path, caller, Scopes.Chat, _ticketLifetime)
            : $"{path}?{Tickets.Parameter}={ticket}";
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Reader of {MessageId} cut: it took nothing for {Timeout}")]
    private static partial void LogStalled(ILogger logger, Guid messageId, TimeSpan timeout);
}
