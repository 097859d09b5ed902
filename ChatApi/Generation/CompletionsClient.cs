using System.Buffers;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.ChatApi.Generation;

/// <summary>One turn of the context sent to the model.</summary>
/// <param name="Role"><c>system | user | assistant</c>.</param>
public sealed record ContextMessage(string Role, string Content);

/// <summary>
/// Asks one GpuEngine instance for a chat completion and reads its stream. It knows nothing of journals, time limits or
/// retries: the caller bounds every wait through the cancellation token, and a POST is never repeated here.
/// </summary>
public sealed partial class CompletionsClient(
    IHttpClientFactory clients, EngineDirectory engines, IdentityTokens identity, ILogger<CompletionsClient> logger)
{
    private static readonly TimeSpan ForgetWithin = TimeSpan.FromSeconds(2);

    public const string Service = EngineDirectory.Engines;
    private int _next;

    /// <summary>An engine to ask, in turn; not <paramref name="other"/> where there is another. Null when none is known.</summary>
    public Uri? PickEngine(Uri? other = null)
    {
        var all = engines.Live;
        if (all.Count == 0)
            return null;
        var next = Next(all);
        return next == other ? Next(all) : next;
    }

    private Uri Next(IReadOnlyList<KnownEngine> all) => all[(int)((uint)Interlocked.Increment(ref _next) % (uint)all.Count)].Url;

    /// <summary>
    /// Asks for an answer and streams it. The engine keeps the generation under <paramref name="id"/> after this request
    /// is gone, so that <see cref="AttachAsync"/> can go on with it. An answer ends with a <see cref="EngineEvent.FinishReason"/> or an
    /// <see cref="EngineEvent.Error"/>; a stream that ends without either was broken off.
    /// </summary>
    /// <exception cref="HttpRequestException">The engine cannot be reached, or the connection broke.</exception>
    /// <param name="passages">What to answer from and to cite by its number.</param>
    public IAsyncEnumerable<EngineEvent> StreamAsync(
        Uri engine, Guid id, IReadOnlyList<ContextMessage> context, IReadOnlyList<AnswerSource> passages, string tenant,
        string onBehalfOf, CancellationToken cancellationToken)
    {
        var request = Request(HttpMethod.Post, new Uri(engine, "/v1/chat/completions"), tenant, onBehalfOf);
        request.Headers.Add("Generation-Id", id.ToString());
        request.Content = Body(context, passages);
        return ReadAsync(request, cancellationToken);
    }

    /// <summary>
    /// Goes on reading a generation from byte <paramref name="after"/> of its text. A generation that the engine does not
    /// have is the error <c>generation_not_found</c>.
    /// </summary>
    /// <exception cref="HttpRequestException">The engine cannot be reached, or the connection broke.</exception>
    public IAsyncEnumerable<EngineEvent> AttachAsync(
        Uri engine, Guid id, int after, string tenant, string onBehalfOf, CancellationToken cancellationToken) =>
        ReadAsync(Request(HttpMethod.Get, new Uri(engine, $"/v1/generations/{id}?after={after}"), tenant, onBehalfOf), cancellationToken);

    /// <summary>Frees the engine's place at once; the engine forgets by itself later. Failures do not matter.</summary>
    public async Task ForgetAsync(Uri engine, Guid id, string tenant, string onBehalfOf)
    {
        using var bound = new CancellationTokenSource(ForgetWithin);
        using var request = Request(HttpMethod.Delete, new Uri(engine, $"/v1/generations/{id}"), tenant, onBehalfOf);
        try
        {
            using var response = await clients.CreateClient(Service).SendAsync(request, bound.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            LogNotForgotten(logger, id, engine, e.Message);
        }
    }

    private HttpRequestMessage Request(HttpMethod method, Uri url, string tenant, string onBehalfOf)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Bearer", identity.ForService(tenant, onBehalfOf, Scopes.Llm));
        return request;
    }

    private async IAsyncEnumerable<EngineEvent> ReadAsync(
        HttpRequestMessage sent, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = sent;
        request.Headers.Accept.ParseAdd("text/event-stream");

        using var response = await clients.CreateClient(Service)
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        await foreach (var item in EngineStream.ReadAsync(response, cancellationToken))
            yield return item;
    }

    private static ByteArrayContent Body(IReadOnlyList<ContextMessage> context, IReadOnlyList<AnswerSource> passages)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteBoolean("stream", true);
            json.WriteStartObject("stream_options");
            json.WriteBoolean("include_usage", true);
            json.WriteEndObject();
            json.WriteStartArray("messages");
            foreach (var (role, content) in context)
            {
                json.WriteStartObject();
                json.WriteString("role", role);
                json.WriteString("content", content);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (passages.Count > 0)
                WritePassages(json, passages);
            json.WriteEndObject();
        }
        var body = new ByteArrayContent(buffer.WrittenSpan.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return body;
    }

    /// <summary>GpuEngine's extension <c>lyceum.passages</c>: numbered by their order.</summary>
    private static void WritePassages(Utf8JsonWriter json, IReadOnlyList<AnswerSource> passages)
    {
        json.WriteStartObject("lyceum");
        json.WriteStartArray("passages");
        foreach (var passage in passages)
        {
            json.WriteStartObject();
            json.WriteString("id", passage.Id);
            json.WriteString("title", passage.Title);
            json.WriteString("text", passage.Text);
            json.WriteString("source", passage.Source);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Generation {Id} not freed at {Engine}, it will be: {Reason}")]
    private static partial void LogNotForgotten(ILogger logger, Guid id, Uri engine, string reason);
}
