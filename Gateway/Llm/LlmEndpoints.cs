using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using Lyceum.Gateway.Limits;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Llm;

/// <param name="Prompt">As it was asked.</param>
/// <param name="FinishReason">The model's own: <c>stop</c>, <c>length</c>, …</param>
/// <param name="Usage">Null where the model does not count.</param>
public sealed record CompleteResponse(Guid Id, string Model, string Prompt, string Completion, string FinishReason, TokenUsage? Usage);

/// <summary>First of a stream, sent at once.</summary>
public sealed record StartEvent(Guid Id, string Prompt);

public sealed record DeltaEvent(string Text);

/// <summary>Last of a stream that was completed.</summary>
public sealed record EndEvent(string Model, string FinishReason, TokenUsage? Usage);

/// <summary>Last of a stream that failed.</summary>
/// <param name="Status">The status that the response would have had, had the stream not begun.</param>
public sealed record ErrorEvent(int Status, string Code, string Detail);

/// <summary>
/// One question, one answer, from any engine; scope <c>llm</c>. A pass-through: nothing is stored, so an answer cannot
/// be read again. When the client disconnects, the engine stops.
/// </summary>
internal static partial class LlmEndpoints
{
    /// <summary>
    /// A failure of the engine within this time is answered with a status; then the stream begins, and failures are
    /// events.
    /// </summary>
    private static readonly TimeSpan StatusWindow = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(5);
    private static readonly object Nothing = new { };

    public static void AddLlm(this WebApplicationBuilder builder)
    {
        builder.AddCompletionsClient();
        builder.Services.AddSingleton<LanguageModel>();
    }

    public static void MapLlm(this IEndpointRouteBuilder routes)
    {
        // A margin: the handler's own timeout comes first.
        var bound = routes.ServiceProvider.GetRequiredService<IOptions<AnswersOptions>>()
            .Value.WholeAnswerTimeout + Margin;
        routes.MapPost("/api/llm/complete", CompleteAsync).WithTags("llm").RequireScope(Scopes.Llm)
            .Produces<CompleteResponse>().Streams<CompleteEvent>()
            .Fails(404, ErrorCodes.ModelNotFound).Fails(502, ErrorCodes.UpstreamFailed)
            .Fails(503, ErrorCodes.EngineUnavailable).Fails(504, ErrorCodes.Timeout)
            .WithRequestTimeout(bound);
    }

    /// <summary>One prompt, one answer: whole, or as server-sent events. Nothing is stored.</summary>
    private static async Task<Results<Ok<CompleteResponse>, ServerSentEventsResult<object>>> CompleteAsync(
        CompleteRequest request, Caller caller, HttpContext http, LanguageModel model, ModelTokens budgets, IOptions<AnswersOptions> answers, TimeProvider time,
        ILogger<LanguageModel> logger)
    {
        var question = Question.From(request);
        var bound = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        http.Response.RegisterForDispose(bound);
        bound.CancelAfter(answers.Value.WholeAnswerTimeout);
        var tokens = await budgets.ReserveAsync(http, question.Bytes, question.MaxTokens);
        http.Response.RegisterForDispose(tokens);
        Task<HttpResponseMessage> asked;
        try
        {
            if (request.Stream is not true)
            {
                var whole = await model.CompleteAsync(question, caller, bound.Token);
                tokens.Answered(Encoding.UTF8.GetByteCount(whole.Completion), whole.Usage?.TotalTokens);
                return TypedResults.Ok(whole);
            }
            asked = model.BeginAsync(question, caller, bound.Token);
            await IsDoneWithinAsync(asked, StatusWindow, time);
            if (asked.IsFaulted)
                await asked;
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            throw Explain(e, logger);
        }
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(StreamAsync(question, asked, tokens, answers.Value.Ping, time, logger, http.RequestAborted, bound.Token));
    }

    private static async IAsyncEnumerable<SseItem<object>> StreamAsync(
        Question question, Task<HttpResponseMessage> asked, TokenReservation tokens, TimeSpan ping, TimeProvider time, ILogger logger,
        CancellationToken clientGone, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new(new StartEvent(Guid.CreateVersion7(), question.Prompt), "start");
        var (model, finish, usage) = ("", (string?)null, (TokenUsage?)null);
        ProblemException? failure = null;
        await using var chunks = ReadAsync(asked, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var next = chunks.MoveNextAsync().AsTask();
            while (!await IsDoneWithinAsync(next, ping, time))
                yield return new(Nothing, "ping");
            var more = false;
            try
            {
                more = await next;
                // Tokens are counted in the last event, which may come after the reason.
                if (!more && finish is null)
                    throw new MalformedStreamException("The engine broke off its answer.");
            }
            catch (Exception e) when (!clientGone.IsCancellationRequested)
            {
                failure = Explain(e, logger);
            }
            if (!more)
                break;
            var chunk = chunks.Current;
            (model, finish, usage) = (chunk.Model ?? model, chunk.FinishReason ?? finish, chunk.Usage ?? usage);
            tokens.Answered(chunk.Text is { } part ? Encoding.UTF8.GetByteCount(part) : 0, chunk.Usage?.TotalTokens);
            if (chunk.Text is { Length: > 0 } text)
                yield return new(new DeltaEvent(text), "delta");
        }
        yield return failure is null
            ? new(new EndEvent(model, finish!, usage), "end")
            : new(new ErrorEvent(failure.Status, failure.Code, failure.Message), "error");
    }

    private static async IAsyncEnumerable<CompletionChunk> ReadAsync(
        Task<HttpResponseMessage> asked, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await asked;
        await foreach (var chunk in CompletionsClient.ReadAsync(response, cancellationToken))
            yield return chunk.Error is { } error ? throw new EngineException(error) : chunk;
    }

    /// <returns>Whether the task has ended, in success or not.</returns>
    private static async Task<bool> IsDoneWithinAsync(Task task, TimeSpan limit, TimeProvider time)
    {
        await task.WaitAsync(limit, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.IsCompleted;
    }

    private static ProblemException Explain(Exception e, ILogger logger)
    {
        var failure = EngineFailure.From(e);
        if (failure.Status >= 500)
            LogFailed(logger, failure.Code, e.Message);
        return failure;
    }

    [LoggerMessage(LogLevel.Warning, "Completion failed with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger logger, string code, string reason);
}
