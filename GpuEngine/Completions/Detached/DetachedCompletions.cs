using Lyceum.GpuEngine.Charging;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// <c>POST /v1/chat/completions</c> with a <c>Generation-Id</c>: begins a generation, and is its first reader. What it
/// answers has the shape of any completion's stream, with text alone.
/// </summary>
internal sealed class DetachedCompletions(
    IChatModel model, GenerationStore store, GenerationRunner runner, CompletionSlots slots, ModelCharges charges,
    IOptions<AnswersOptions> answers, TimeProvider time)
{
    /// <summary>The request header: the id, a UUID of the caller's choice, under which the answer is kept.</summary>
    public const string Header = "Generation-Id";

    public async Task BeginAsync(HttpContext http, string id)
    {
        try
        {
            var generation = await CreateAsync(http, id);
            await new GenerationReader(generation, http, answers.Value.Ping, time).RunAsync(offset: 0, thought: 0);
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
            // The client has gone: no response can be sent. What was begun goes on.
            return;
        }
    }

    private async Task<Generation> CreateAsync(HttpContext http, string id)
    {
        if (!Guid.TryParseExact(id, "D", out var uuid))
            throw new ApiException(ApiError.Invalid(ErrorCodes.InvalidRequest, $"'{Header}' must be a UUID.", Header));
        var caller = Caller.From(http.User);
        var key = new GenerationKey(caller, uuid);
        store.ThrowIfKnown(key); // also where all slots are taken, perhaps by this very generation
        var slot = slots.Take(Sharer.Of(caller));
        Charge? charge = null;
        try
        {
            var request = await ChatRequestReader.ReadAsync(http.Request, http.RequestAborted);
            Validate(request);
            if (request.HasImages && !model.TakesImages)
                throw new ApiException(ApiError.NoVision());
            charge = await charges.ReserveAsync(new Payer(caller), request, http.RequestAborted);
            // A client that has left before its generation began does not get one.
            http.RequestAborted.ThrowIfCancellationRequested();
            var generation = store.Create(key, Sharer.Of(caller));
            runner.Start(generation, request, slot, charge);
            return generation;
        }
        catch
        {
            charge?.Dispose(); // nothing was generated
            slot.Dispose();
            throw;
        }
    }

    // Only one answer's text is kept; a request for more is rejected, so that nothing is lost silently.
    private static void Validate(ChatRequest request)
    {
        var field = !request.Stream ? "stream" : request.Choices > 1 ? "n" : request.HasTools ? "tools" : null;
        if (field is not null)
        {
            throw new ApiException(ApiError.Invalid(
                ErrorCodes.InvalidRequest, $"With '{Header}', 'stream' must be true, 'n' 1, and 'tools' left out.", field));
        }
    }
}
