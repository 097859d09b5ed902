using System.Globalization;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Completions.Detached;

/// <summary>
/// <c>GET</c> and <c>DELETE /v1/generations/{id}</c>: reading and freeing what a chat completion with the header
/// <c>Generation-Id</c> began (<see cref="DetachedCompletions"/>). To any caller but its owner it is not found.
/// </summary>
internal static class GenerationsApi
{
    public static void MapGenerations(this IEndpointRouteBuilder v1)
    {
        v1.MapGet("/generations/{id}", ReadAsync).Streams<ChatCompletionChunk>()
            .Fails(typeof(OpenAIError), 400, ErrorCodes.InvalidCursor)
            .Fails(typeof(OpenAIError), 404, ErrorCodes.GenerationNotFound);
        v1.MapDelete("/generations/{id}", DeleteAsync).Produces(204);
    }

    /// <summary>
    /// Reads a detached completion from a UTF-8 byte offset of its text on, while it is written and for 10 minutes
    /// after.
    /// </summary>
    /// <param name="thinkingAfter">The same of its reasoning, which is sent before the text.</param>
    private static async Task ReadAsync(
        string id, string? after, [FromQuery(Name = "thinking_after")] string? thinkingAfter, Caller caller,
        HttpContext http, GenerationStore store, IOptions<AnswersOptions> answers, TimeProvider time)
    {
        var generation = Guid.TryParseExact(id, "D", out var uuid) ? store.Find(new GenerationKey(caller, uuid)) : null;
        if (generation is null)
        {
            await Error(ErrorCodes.GenerationNotFound, "There is no such generation here (any more).", "id", 404);
            return;
        }
        if (!TryReadCursor(after, generation.Text, out var offset))
        {
            await Error(ErrorCodes.InvalidCursor, "'after' must be a UTF-8 byte offset of the text, at a character's first byte or its end.", "after");
            return;
        }
        // Never a reason not to go on with the answer.
        if (!TryReadCursor(thinkingAfter, generation.Thinking, out var thought))
            thought = generation.Thinking.Length;
        AnswerStream.Begin(http.Response);
        await http.Response.BodyWriter.FlushAsync(CancellationToken.None);
        await new GenerationReader(generation, http, answers.Value.Ping, time).RunAsync(offset, thought);

        Task Error(string code, string message, string param, int status = 400) =>
            ApiError.Invalid(code, message, param, status).AnswerAsync(http.Response, http.RequestAborted);
    }

    /// <summary>Ends a detached completion and forgets it; also one that is not there.</summary>
    private static async Task<IResult> DeleteAsync(string id, Caller caller, GenerationStore store, CancellationToken cancel)
    {
        if (Guid.TryParseExact(id, "D", out var uuid))
            await store.DeleteAsync(new GenerationKey(caller, uuid), cancel);
        return Results.NoContent();
    }

    private static bool TryReadCursor(string? after, GenerationText text, out int offset)
    {
        offset = 0;
        return after is null ||
            (int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out offset) && text.IsBoundary(offset));
    }
}
