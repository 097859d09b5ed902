using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Gateway.Llm;

/// <summary>
/// Asks an engine, in turn where there are several, for the caller. An engine that no connection came about to was asked nothing,
/// so the next one is; otherwise nothing is asked twice. The caller bounds it all through the cancellation token, which also
/// frees the engine's place.
/// </summary>
internal sealed class LanguageModel(IHttpClientFactory clients, EngineDirectory engines, IdentityTokens identity)
{
    public const string Service = EngineDirectory.Engines;

    private static readonly JsonSerializerOptions Wire = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private const int MaxAnswer = 8 * 1024 * 1024; // bytes, of one that comes whole
    private int _next;

    /// <summary>A whole answer.</summary>
    /// <exception cref="Exception">What <see cref="EngineFailure"/> explains.</exception>
    public async Task<CompleteResponse> CompleteAsync(Question question, Caller caller, CancellationToken cancellationToken)
    {
        using var response = await AskAsync(question, stream: false, caller, cancellationToken);
        await response.Content.LoadIntoBufferAsync(MaxAnswer, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var answer = await JsonDocument.ParseAsync(body, default, cancellationToken);
        var choice = answer.RootElement.GetProperty("choices")[0];
        return new(
            Guid.CreateVersion7(), answer.RootElement.GetProperty("model").GetString()!, question.Prompt,
            choice.GetProperty("message").GetProperty("content").GetString() ?? "", choice.GetProperty("finish_reason").GetString() ?? "stop",
            answer.RootElement.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object ? usage.Deserialize<TokenUsage>(Wire) : null);
    }

    /// <summary>Begins a streamed answer.</summary>
    public Task<HttpResponseMessage> BeginAsync(Question question, Caller caller, CancellationToken cancellationToken) =>
        AskAsync(question, stream: true, caller, cancellationToken);

    /// <summary>Returns when an engine has begun to answer.</summary>
    /// <exception cref="ProblemException">It refused, or there is none.</exception>
    /// <exception cref="HttpRequestException">None can be reached.</exception>
    private async Task<HttpResponseMessage> AskAsync(Question question, bool stream, Caller caller, CancellationToken cancellationToken)
    {
        var all = engines.Live;
        if (all.Count == 0)
            throw new ProblemException(503, ErrorCodes.EngineUnavailable, "No engine is known; try again shortly.", Problems.DefaultRetryAfter);
        var first = (uint)Interlocked.Increment(ref _next);
        for (var tried = 0u; ; tried++)
        {
            try
            {
                return await AskAsync(all[(int)((first + tried) % (uint)all.Count)].Url, question, stream, caller, cancellationToken);
            }
            catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError && tried + 1 < all.Count)
            {
                // The next one.
            }
        }
    }

    private async Task<HttpResponseMessage> AskAsync(Uri engine, Question question, bool stream, Caller caller, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(engine, "/v1/chat/completions"))
        {
            Content = new ByteArrayContent(question.Body(stream)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForCaller(caller));
        request.Headers.Accept.ParseAdd(stream ? "text/event-stream" : "application/json");
        var response = await clients.CreateClient(Service).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            await foreach (var refused in EngineStream.ReadAsync(response, cancellationToken))
                throw EngineFailure.From(refused.Error!, response.Headers.RetryAfter?.Delta);
            throw new ProblemException(502, ErrorCodes.UpstreamFailed, "The engine refused without a word.");
        }
    }

    /// <summary>The answer's events up to its end, whose <see cref="EngineEvent.FinishReason"/> is set; text never ends within a character.</summary>
    /// <exception cref="ProblemException">The engine failed, or broke off; also what reading throws.</exception>
    public static async IAsyncEnumerable<EngineEvent> ReadAsync(
        Task<HttpResponseMessage> asked, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await asked;
        EngineEvent? end = null;
        var half = ""; // of a surrogate pair that the model split
        await foreach (var item in EngineStream.ReadAsync(response, cancellationToken, namesModel: true))
        {
            if (item.Error is { } error)
                throw EngineFailure.From(error);
            var text = half + item.Text;
            half = text.Length > 0 && char.IsHighSurrogate(text[^1]) ? text[^1..] : "";
            text = WellFormed(text[..^half.Length]);
            if (text.Length > 0 || item.Model is not null)
                yield return new(text, null, null, null) { Model = item.Model };
            // Tokens are counted in the last event, which may come after the reason.
            if (item.FinishReason is not null || item.Usage is not null)
                end = new(null, item.FinishReason ?? end?.FinishReason, item.Usage ?? end?.Usage, null);
        }
        yield return end is { FinishReason: not null } ended
            ? ended
            : throw new ProblemException(502, ErrorCodes.UpstreamFailed, "The engine broke off its answer.");
    }

    private static string WellFormed(string text) =>
        text.Any(char.IsSurrogate) ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
}
