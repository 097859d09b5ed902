using System.Diagnostics;
using System.Text;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Completions.Detached;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions;

/// <summary>
/// <c>POST /v1/chat/completions</c>, as OpenAI's API has it. Nothing is stored: a pure pass-through, whose caller does the
/// recording (rule 1's exemption). With the header <c>Generation-Id</c> it is detached (<see cref="GenerationsApi"/>).
/// </summary>
internal static partial class CompletionsApi
{
    public static void MapCompletions(this IEndpointRouteBuilder v1) =>
        v1.MapPost("/chat/completions", CompleteAsync)
            .WithMetadata(new RequestSizeLimitAttribute(RequestBody.MaxDrained))
            .Takes<ChatCompletionRequest>("application/json").Produces<CompletionResponse>()
            .Streams<ChatCompletionChunk>()
            .Fails(
                typeof(OpenAIError), 400, ErrorCodes.InvalidRequest, ErrorCodes.InvalidJson, "invalid_type",
                "invalid_value", "missing_required_parameter", "empty_array", "invalid_utf8", ErrorCodes.VisionUnsupported)
            .Fails(typeof(OpenAIError), 404, ErrorCodes.ModelNotFound)
            .Fails(typeof(OpenAIError), 409, ErrorCodes.GenerationExists, ErrorCodes.GenerationDeleted)
            .Fails(typeof(OpenAIError), 413, ErrorCodes.PayloadTooLarge)
            .Fails(typeof(OpenAIError), 429, ErrorCodes.Overloaded, ErrorCodes.BudgetExhausted)
            .Fails(typeof(OpenAIError), 502, ErrorCodes.UpstreamFailed)
            .Fails(typeof(OpenAIError), 504, ErrorCodes.Timeout);

    /// <summary>
    /// A chat completion, as OpenAI's API has it; with the header <c>Generation-Id</c> a detached one.
    /// </summary>
    private static async Task CompleteAsync(
        HttpContext http, IChatModel model, CompletionSlots slots, EngineMetrics metrics, DetachedCompletions detached,
        ModelCharges charges, IOptions<AnswersOptions> answers, TimeProvider time, ILogger<CompletionSlots> log)
    {
        if (http.Request.Headers.TryGetValue(DetachedCompletions.Header, out var generation))
        {
            await detached.BeginAsync(http, generation.ToString());
            return;
        }
        using var activity = EngineMetrics.Activities.StartActivity("chat completion");
        using var bounds = new AnswerBounds(answers.Value, time, http.RequestAborted);
        var outcome = "complete";
        try
        {
            using var slot = slots.Take(Sharer.Of(Caller.From(http.User)));
            var request = await ChatRequestReader.ReadAsync(http.Request, bounds.Token);
            var id = await model.ResolveAsync(request.Model, bounds.Token);
            activity?.SetTag("gen_ai.request.model", id);
            using var charge = await ReserveAsync(charges, Caller.From(http.User), request, bounds.Token);
            charge.Model = id;
            await (request.Stream
                ? StreamAsync(http, model, id, request, bounds, metrics, charge, time)
                : WholeAsync(http, model, id, request, bounds, metrics, charge, time));
        }
        catch (Exception) when (bounds.ClientGone)
        {
            // No response can be sent; leaving the try block has freed our slot and the upstream's.
            outcome = "client_gone";
        }
        catch (Exception e)
        {
            var error = bounds.Explain(e);
            outcome = error.Code;
            activity?.SetStatus(ActivityStatusCode.Error, error.Code);
            if (error.Status >= 500)
                LogFailed(log, ApiException.CauseOf(e), error.Code, error.Message);
            await FailAsync(http, error);
        }
        finally
        {
            metrics.Ended(outcome);
        }
    }

    /// <summary>
    /// The gateway charges what people and API tokens ask for here; what services ask for is charged here.
    /// </summary>
    private static async ValueTask<Charge> ReserveAsync(
        ModelCharges charges, Caller caller, ChatRequest request, CancellationToken cancel) =>
        caller.Kind == CallerKind.Service
            ? await charges.ReserveAsync(new Payer(caller), request, cancel) : charges.Count(new Payer(caller), request);

    private static async Task StreamAsync(
        HttpContext http, IChatModel model, string id, ChatRequest request, AnswerBounds bounds, EngineMetrics metrics,
        Charge charge, TimeProvider time)
    {
        var output = new AnswerStream(http.Response, bounds, metrics, charge);
        if (model is IRelayingModel relaying)
        {
            await relaying.StreamAsync(request, id, output, bounds.Token);
            return;
        }
        var frames = new ChatFrames(id, time.GetUtcNow(), request.IncludeUsage);
        var last = default(ChatDelta);
        await using var deltas = model.AnswerAsync(request, id, bounds.Token).GetAsyncEnumerator(bounds.Token);
        for (var first = true; await output.WaitAsync(deltas.MoveNextAsync()); first = false)
        {
            if (first)
                await output.WriteAsync(frames.Role());
            last = deltas.Current;
            if (last.Text.Length > 0)
            {
                output.TokensArrived(1);
                await output.WriteAsync(frames.Text(last.Text));
            }
        }
        charge.Usage = last.Usage;
        await output.WriteAsync(frames.Finish(last.FinishReason ?? "stop"));
        if (request.IncludeUsage && last.Usage is { } usage)
            await output.WriteAsync(frames.Usage(usage));
        await output.WriteAsync(ChatFrames.Done);
    }

    private static async Task WholeAsync(
        HttpContext http, IChatModel model, string id, ChatRequest request, AnswerBounds bounds, EngineMetrics metrics,
        Charge charge, TimeProvider time)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        if (model is IRelayingModel relaying)
        {
            var whole = await relaying.WholeAsync(request, id, bounds.Token);
            Count(charge, whole.Span);
            await http.Response.BodyWriter.WriteAsync(whole, bounds.Token);
            return;
        }
        var text = new StringBuilder();
        var last = default(ChatDelta);
        await using var deltas = model.AnswerAsync(request, id, bounds.Token).GetAsyncEnumerator(bounds.Token);
        while (await bounds.WaitAsync(deltas.MoveNextAsync()))
        {
            last = deltas.Current;
            text.Append(last.Text);
            bounds.TokenArrived();
        }
        charge.Usage = last.Usage;
        metrics.Tokens(last.Usage?.CompletionTokens ?? 0);
        var frames = new ChatFrames(id, time.GetUtcNow(), includeUsage: false);
        await http.Response.BodyWriter.WriteAsync(
            frames.Whole(text.ToString(), last.FinishReason ?? "stop", last.Usage ?? new TokenUsage(0, 0, 0)),
            bounds.Token);
    }

    private static void Count(Charge charge, ReadOnlySpan<byte> answer)
    {
        try
        {
            var read = CompletionReader.ReadWhole(answer, TextAs.Raw);
            charge.Usage = read.Usage;
            charge.Answered(TokenEstimate.Likely(Math.Max(1, read.TokenBytes)));
        }
        catch (MalformedStreamException)
        {
            charge.Answered(TokenEstimate.Likely(answer.Length));
        }
    }

    private static async Task FailAsync(HttpContext http, ApiError error)
    {
        // Not the answer's own token: a reached bound has fired that one.
        if (http.Response.HasStarted)
            await http.Response.BodyWriter.WriteAsync(ChatFrames.Error(error), http.RequestAborted);
        else
            await error.AnswerAsync(http.Response, http.RequestAborted);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Completion failed with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger log, Exception? cause, string code, string reason);
}
