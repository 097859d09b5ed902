using System.Diagnostics;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// Writes generations, each in a task of its own, which of all requests only a <c>DELETE</c> can end.
/// </summary>
internal sealed partial class GenerationRunner(
    IChatModel model, GenerationStore store, EngineMetrics metrics, TimeProvider time, ILogger<GenerationRunner> log)
{
    /// <summary>Begins to write. The slot is freed at the end.</summary>
    public void Start(Generation generation, ChatRequest request, CompletionSlots.Slot slot)
    {
        var parent = Activity.Current?.Context ?? default;
        // Nothing of the request that began it, which may be over long before.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(() => RunAsync(generation, request, slot, parent), CancellationToken.None);
    }

    private async Task RunAsync(Generation generation, ChatRequest request, CompletionSlots.Slot slot, ActivityContext parent)
    {
        using var activity = EngineMetrics.Activities.StartActivity("chat completion", ActivityKind.Internal, parent);
        activity?.SetTag("lyceum.generation_id", generation.Key.Id);
        GenerationEnd end;
        try
        {
            end = await WriteAsync(generation, request, activity);
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
        store.Ended(generation);
        metrics.Ended(end.Outcome);
        generation.Finish(end);
    }

    private async Task<GenerationEnd> WriteAsync(Generation generation, ChatRequest request, Activity? activity)
    {
        var id = await model.ResolveAsync(request.Model, generation.Token);
        activity?.SetTag("gen_ai.request.model", id);
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
        return new GenerationEnd(last.FinishReason ?? "stop", request.IncludeUsage ? last.Usage : null);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Generation {Id} failed with {Code}: {Reason}")]
    private static partial void LogFailed(ILogger log, Exception? cause, Guid id, string code, string reason);
}
