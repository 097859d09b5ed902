using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.EngineClient;

/// <summary>
/// Asks the engines for chat completions, over their OpenAI-style API; which engine, and when another one, says
/// <see cref="EngineTries"/>. It has no time limits of its own: the caller bounds every wait through the cancellation
/// token, which also frees the engine's place.
/// </summary>
public sealed partial class CompletionsClient(
    IHttpClientFactory clients, EngineDirectory directory, IdentityTokens identity, ILogger<CompletionsClient> logger)
{
    /// <summary>The name of the HTTP client that speaks with engines.</summary>
    public const string Service = EngineDirectory.Engines;

    private const string Completions = "/v1/chat/completions";
    private static readonly TimeSpan ForgetWithin = TimeSpan.FromSeconds(2);
    private int _next;

    /// <summary>An engine to ask, in turn; null when none is known.</summary>
    /// <param name="except">Those not to ask.</param>
    public Uri? PickEngine(IReadOnlyCollection<Uri>? except = null)
    {
        var all = directory.Live;
        for (var i = 0; i < all.Count; i++)
        {
            var next = all[(int)((uint)Interlocked.Increment(ref _next) % (uint)all.Count)].Url;
            if (except?.Contains(next) is not true)
                return next;
        }
        // Somebody else moved the turn on meanwhile.
        return all.FirstOrDefault(engine => except?.Contains(engine.Url) is not true)?.Url;
    }

    /// <summary>The engines for one question.</summary>
    /// <param name="first">The one that is asked first; null: whose turn it is.</param>
    /// <exception cref="EngineException">503: none is known.</exception>
    public EngineTries Tries(Uri? first = null) =>
        new(this, first ?? PickEngine() ?? throw EngineException.NoneKnown());

    /// <summary>The token that this service shows an engine on somebody's behalf.</summary>
    public string TokenFor(string tenant, string subject) => identity.ForService(tenant, subject, Scopes.Llm);

    /// <summary>
    /// Puts a question to an engine, and to others where it takes nothing on; returns when one has begun to answer.
    /// </summary>
    /// <param name="token">Who asks, as <see cref="TokenFor"/> or a caller's own.</param>
    /// <exception cref="EngineException">Rejected, or no engine is known.</exception>
    /// <exception cref="HttpRequestException">No engine can be reached, or the connection broke.</exception>
    public async Task<HttpResponseMessage> AskAsync(
        CompletionRequest question, string token, CancellationToken cancellationToken)
    {
        var body = question.ToJson();
        for (var tries = Tries(); ;)
        {
            try
            {
                using var request = Request(HttpMethod.Post, tries.Current, Completions, token);
                request.Headers.Accept.ParseAdd(question.Stream ? "text/event-stream" : "application/json");
                request.Content = Json(body);
                return await SendAsync(request, cancellationToken);
            }
            catch (Exception e) when (EngineTries.IsRefusal(e) && MoveNext(tries, e))
            {
                // The next one.
            }
        }
    }

    /// <summary>The models that an engine lists, as it describes them.</summary>
    /// <exception cref="EngineException">It answered with another status than 200.</exception>
    /// <exception cref="JsonException">It answered something else.</exception>
    public async Task<IReadOnlyList<JsonElement>> ListModelsAsync(
        Uri engine, string token, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Get, engine, "/v1/models", token);
        using var response = await SendAsync(request, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var json = await JsonDocument.ParseAsync(body, default, cancellationToken);
        var list = json.RootElement;
        if (!JsonUnicode.IsValid(JsonMarshal.GetRawUtf8Value(list)))
            throw new JsonException("The list of models holds a text that is not valid Unicode.");
        return list.ValueKind == JsonValueKind.Object && list.TryGetProperty("data", out var data)
            && data.ValueKind == JsonValueKind.Array
            ? [.. data.EnumerateArray().Where(model => model.ValueKind == JsonValueKind.Object)
                .Select(model => model.Clone())]
            : [];
    }

    /// <summary>
    /// Asks one engine for an answer and streams it. The engine keeps the generation under <paramref name="id"/> after
    /// this request is gone, so that <see cref="AttachAsync"/> can go on with it. An answer ends with a
    /// <see cref="CompletionChunk.FinishReason"/> or an <see cref="CompletionChunk.Error"/>; a stream that ends without
    /// either was broken off.
    /// </summary>
    /// <exception cref="HttpRequestException">The engine cannot be reached, or the connection broke.</exception>
    /// <exception cref="MalformedStreamException">Its answer cannot be read.</exception>
    public IAsyncEnumerable<CompletionChunk> StreamAsync(
        Uri engine, Guid id, CompletionRequest question, string tenant, string subject,
        CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Post, engine, Completions, TokenFor(tenant, subject));
        request.Headers.Add("Generation-Id", id.ToString());
        request.Content = new SentOnce(question.ToJson(), question.OnSent);
        return ReadAsync(request, cancellationToken);
    }

    /// <summary>
    /// Goes on reading a generation from byte <paramref name="after"/> of its text, and from byte
    /// <paramref name="thinkingAfter"/> of its reasoning. A generation that the engine does
    /// not have is the error <c>generation_not_found</c>.
    /// </summary>
    /// <exception cref="HttpRequestException">The engine cannot be reached, or the connection broke.</exception>
    public IAsyncEnumerable<CompletionChunk> AttachAsync(
        Uri engine, Guid id, int after, int thinkingAfter, string tenant, string subject,
        CancellationToken cancellationToken) =>
        ReadAsync(
            Request(
                HttpMethod.Get, engine, $"/v1/generations/{id}?after={after}&thinking_after={thinkingAfter}",
                TokenFor(tenant, subject)),
            cancellationToken);

    /// <summary>Frees the engine's place at once; the engine forgets by itself later. Failures do not matter.</summary>
    public async Task ForgetAsync(Uri engine, Guid id, string tenant, string subject)
    {
        using var bound = new CancellationTokenSource(ForgetWithin);
        using var request = Request(HttpMethod.Delete, engine, $"/v1/generations/{id}", TokenFor(tenant, subject));
        try
        {
            using var response = await clients.CreateClient(Service).SendAsync(request, bound.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            LogNotForgotten(id, engine, e.Message);
        }
    }

    /// <summary>Reads an answer that an engine has begun; a rejection is one chunk with its error.</summary>
    /// <exception cref="HttpRequestException">The connection broke; also <see cref="IOException"/>.</exception>
    /// <exception cref="MalformedStreamException">The answer cannot be read.</exception>
    public static async IAsyncEnumerable<CompletionChunk> ReadAsync(
        HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode)
        {
            yield return new() { Error = await EngineError.ReadAsync(response, cancellationToken) };
            yield break;
        }
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var answer = new CompletionStream(body, TextAs.Decoded);
        while (await answer.FillAsync(cancellationToken))
        {
            while (answer.TryRead(out var chunk, out _))
            {
                if (chunk.SaysSomething)
                    yield return chunk;
            }
        }
        if (answer.Rest() is { SaysSomething: true } rest)
            yield return rest;
    }

    private async IAsyncEnumerable<CompletionChunk> ReadAsync(
        HttpRequestMessage sent, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = sent;
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await clients.CreateClient(Service)
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await foreach (var chunk in ReadAsync(response, cancellationToken))
            yield return chunk;
    }

    /// <summary>The response with a status of success, its body unread.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await clients.CreateClient(Service)
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var error = await EngineError.ReadAsync(response, cancellationToken);
            throw new EngineException(error, response.Headers.RetryAfter?.Delta);
        }
    }

    private bool MoveNext(EngineTries tries, Exception failure)
    {
        var failed = tries.Current;
        if (!tries.MoveNext())
            return false;
        LogMovedOn(failed, tries.Current, failure.Message);
        return true;
    }

    private static HttpRequestMessage Request(HttpMethod method, Uri engine, string path, string token) =>
        new(method, new Uri(engine, path))
        {
            Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) },
        };

    private static ByteArrayContent Json(byte[] body) =>
        new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    [LoggerMessage(LogLevel.Debug, "Generation {Id} not freed at {Engine}, it will be: {Reason}")]
    private partial void LogNotForgotten(Guid id, Uri engine, string reason);

    [LoggerMessage(LogLevel.Warning, "Engine {Failed} took nothing on, {Engine} is asked: {Reason}")]
    private partial void LogMovedOn(Uri failed, Uri engine, string reason);
}

/// <summary>Asking engines, for services that do.</summary>
public static class CompletionsClientExtensions
{
    public static WebApplicationBuilder AddCompletionsClient(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient(CompletionsClient.Service);
        builder.AddEngineDirectory();
        builder.Services.AddSingleton<CompletionsClient>();
        builder.Services.AddSingleton<ModerationClient>();
        builder.Services.AddSingleton<SeeingEngines>();
        return builder;
    }
}
