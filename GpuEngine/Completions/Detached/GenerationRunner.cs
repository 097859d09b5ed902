using System.Diagnostics;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// Writes generations, each in a task of its own, which of all requests only a <c>DELETE</c> can end.
/// </summary>
internal sealed partial class GenerationRunner(
    IChatModel model, GenerationStore store, EngineMetrics metrics, TimeProvider time, ILogger<GenerationRunner> log)
{
    /// <summary>Begins to write. At the end the slot is freed, and the charge settled.</summary>
    public void Start(Generation generation, ChatRequest request, CompletionSlots.Slot slot, Charge charge)
    {
        var parent = Activity.Current?.Context ?? default;
        // Nothing of the request that began it, which may be over long before.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(() => RunAsync(generation, request, slot, charge, parent), CancellationToken.None);
    }

    private async Task RunAsync(
        Generation generation, ChatRequest request, CompletionSlots.Slot slot, Charge charge, ActivityContext parent)
    {
        using var activity = EngineMetrics.Activities.StartActivity("chat completion", ActivityKind.Internal, parent);
        activity?.SetTag("lyceum.generation_id", generation.Key.Id);
        GenerationEnd end;
        try
        {
            end = await WriteAsync(generation, request, charge, activity);
        }
        catch (Exception e)
        {
            // A stopped generation ended for the cause of its stop, whatever it throws.
            end = generation.Stopped ?? GenerationEnd.Failed(ApiError.From(e));
            if (end.Error is { Status: >= 500 } error)
                LogFailed(log, ApiException.CauseOf(e), generation.Key.Id, error.Code, error.Message);
            activity?.SetStatus(ActivityStatusCode.Error, end.Outcome);
        }
        slot.Dispose();
        generation.Dispose();
        generation.Text.Complete();
        generation.Thinking.Complete();
        charge.Usage = end.Usage;
        charge.Answered(TokenEstimate.Likely(generation.Text.Length + generation.Thinking.Length));
        charge.Dispose();
        if (!request.IncludeUsage)
            end = end with { Usage = null }; // it was counted for the charge alone
        store.Ended(generation);
        metrics.Ended(end.Outcome);
        generation.Finish(end);
    }

    private async Task<GenerationEnd> WriteAsync(Generation generation, ChatRequest request, Charge charge, Activity? activity)
    {
        var id = await model.ResolveAsync(request.Model, generation.Token);
        activity?.SetTag("gen_ai.request.model", id);
        charge.Model = id;
        generation.Frames = new ChunkFrames(generation.Key.Id, id, time.GetUtcNow());
        if (model is IRelayingModel relaying)
            return await relaying.WriteAsync(request, id, generation, generation.Token);
        var last = default(ChatDelta);
        await foreach (var delta in model.AnswerAsync(request, id, generation.Token))
        {
            last = delta;
            generation.Thinking.Append(delta.Thinking);
            if (delta.Text.Length == 0 && delta.Thinking is null)
                continue;
            var room = generation.Text.Append(delta.Text);
            generation.TokensArrived(1);
            if (!room)
                return GenerationEnd.Full;
        }
        return new GenerationEnd(last.FinishReason ?? "stop", last.Usage);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {Id} failed with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger log, Exception? cause, Guid id, string code, string reason);
}
