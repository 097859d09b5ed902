using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Generations;

/// <summary>
/// <c>POST /v1/chat/completions</c> with a <c>Generation-Id</c>: begins a generation, and is its first reader. What it
/// answers looks like any completion's stream, but that it carries text alone.
/// </summary>
internal sealed class DetachedCompletions(
    GenerationStore store, GenerationRunner runner, CompletionSlots slots, IOptions<AnswersOptions> answers, TimeProvider time)
{
    /// <summary>The request header: the id, a UUID of the caller's choice, under which the answer is kept.</summary>
    public const string Header = "Generation-Id";

    public async Task BeginAsync(HttpContext http, string id)
    {
        try
        {
            var generation = await CreateAsync(http, id);
            await new GenerationReader(generation, http, answers.Value.Ping, time).RunAsync(offset: 0);
        }
        catch (ApiException e)
        {
            await e.Error.AnswerAsync(http.Response, http.RequestAborted);
        }
        catch (BadHttpRequestException e)
        {
            await ApiError.From(e).AnswerAsync(http.Response, http.RequestAborted);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to be told. What was begun goes on.
            return;
        }
    }

    private async Task<Generation> CreateAsync(HttpContext http, string id)
    {
        if (!Guid.TryParseExact(id, "D", out var uuid))
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, $"'{Header}' must be a UUID.", Header));
        var key = new GenerationKey(Caller.From(http.User), uuid);
        store.RefuseKnown(key); // also where all slots are taken, perhaps by this very generation
        var slot = slots.Take();
        try
        {
            var request = await ChatRequestReader.ReadAsync(http.Request, http.RequestAborted);
            Refuse(request);
            // A client that has left cannot have meant it to begin.
            http.RequestAborted.ThrowIfCancellationRequested();
            var generation = store.Create(key);
            runner.Start(generation, request, slot);
            return generation;
        }
        catch
        {
            slot.Dispose();
            throw;
        }
    }

    // What is kept is one answer's text; what would be lost on the way is refused rather than ignored.
    private static void Refuse(ChatRequest request)
    {
        var fault = !request.Stream ? "stream" : request.Choices > 1 ? "n" : request.HasTools ? "tools" : null;
        if (fault is not null)
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.InvalidRequest, $"With '{Header}', 'stream' must be true, 'n' 1, and 'tools' left out.", fault));
        }
    }
}
