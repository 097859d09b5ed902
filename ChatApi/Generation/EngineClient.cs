using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lyceum.ChatApi.Grounding;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Engines;

namespace Lyceum.ChatApi.Generation;

/// <summary>One turn of the context sent to the model.</summary>
/// <param name="Role"><c>system | user | assistant</c>.</param>
public sealed record ContextMessage(string Role, string Content);

/// <summary>One event of the engine's stream: at most one of the members is set, except that usage may come along.</summary>
/// <param name="Text">Text to append; null if the event carries none.</param>
/// <param name="FinishReason">The model's own reason, on its last choice.</param>
/// <param name="Error">The engine's error, after which the stream ends.</param>
public readonly record struct EngineEvent(string? Text, string? FinishReason, Usage? Usage, EngineError? Error);

/// <summary>An OpenAI-shaped error, from a status or from inside the stream.</summary>
/// <param name="Status">HTTP status; 0 for an error inside the stream.</param>
public sealed record EngineError(int Status, string Code, string Message);

/// <summary>
/// Asks one GpuEngine instance for a chat completion and reads its stream. It knows nothing of journals, time limits or
/// retries: the caller bounds every wait through the cancellation token, and a POST is never repeated here.
/// </summary>
public sealed partial class EngineClient(
    IHttpClientFactory clients, EngineDirectory engines, IdentityTokens identity, ILogger<EngineClient> logger)
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
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            yield return new(null, null, null, await ReadErrorAsync(stream, response.StatusCode, cancellationToken));
            yield break;
        }

        var events = SseParser.Create(stream, static (_, data) => Parse(data)).EnumerateAsync(cancellationToken);
        await foreach (var item in events)
        {
            if (item.Data is not { } parsed)
                yield break; // [DONE]
            if (parsed != default)
                yield return parsed;
        }
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

    /// <summary>
    /// One <c>chat.completion.chunk</c>, read by hand: this runs once per token. Members are matched by depth, so that a
    /// model's extra members cannot be mistaken for ours. Null for <c>[DONE]</c>.
    /// </summary>
    internal static EngineEvent? Parse(ReadOnlySpan<byte> data)
    {
        if (data.SequenceEqual("[DONE]"u8))
            return null;

        string? text = null, finish = null;
        Usage? usage = null;
        EngineError? error = null;
        var json = new Utf8JsonReader(data);
        json.Read();
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("choices"u8))
            {
                if (Enter(ref json, JsonTokenType.StartArray))
                    ReadChoices(ref json, ref text, ref finish);
            }
            else if (json.ValueTextEquals("usage"u8))
            {
                if (Enter(ref json, JsonTokenType.StartObject))
                    usage = ReadUsage(ref json);
            }
            else if (json.ValueTextEquals("error"u8))
            {
                if (Enter(ref json, JsonTokenType.StartObject))
                    error = ReadError(ref json);
            }
            else
            {
                Pass(ref json);
            }
        }
        return new(text, finish, usage, error);
    }

    private static bool NextMember(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.PropertyName;

    /// <summary>Moves to the member's value; skips it and says false if it is not of <paramref name="type"/>.</summary>
    private static bool Enter(ref Utf8JsonReader json, JsonTokenType type)
    {
        json.Read();
        if (json.TokenType == type)
            return true;
        json.Skip();
        return false;
    }

    private static void Pass(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    private static void ReadChoices(ref Utf8JsonReader json, ref string? text, ref string? finish)
    {
        while (json.Read() && json.TokenType == JsonTokenType.StartObject)
        {
            while (NextMember(ref json))
            {
                if (json.ValueTextEquals("delta"u8))
                {
                    if (Enter(ref json, JsonTokenType.StartObject))
                        ReadDelta(ref json, ref text);
                }
                else if (json.ValueTextEquals("finish_reason"u8))
                {
                    if (Enter(ref json, JsonTokenType.String))
                        finish = json.GetString();
                }
                else
                {
                    Pass(ref json);
                }
            }
        }
    }

    private static void ReadDelta(ref Utf8JsonReader json, ref string? text)
    {
        while (NextMember(ref json))
        {
            if (!json.ValueTextEquals("content"u8))
                Pass(ref json);
            else if (Enter(ref json, JsonTokenType.String))
                text += GetText(ref json);
        }
    }

    /// <summary>The string's UTF-16, also where a model split a surrogate pair over two events (GetString would throw).</summary>
    private static string? GetText(ref Utf8JsonReader json)
    {
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return SplitSurrogates.Unescape(json.ValueSpan);
        }
    }

    private static Usage ReadUsage(ref Utf8JsonReader json)
    {
        int prompt = 0, completion = 0, total = 0;
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("prompt_tokens"u8))
                ReadCount(ref json, ref prompt);
            else if (json.ValueTextEquals("completion_tokens"u8))
                ReadCount(ref json, ref completion);
            else if (json.ValueTextEquals("total_tokens"u8))
                ReadCount(ref json, ref total);
            else
                Pass(ref json);
        }
        return new(prompt, completion, total == 0 ? prompt + completion : total);
    }

    private static void ReadCount(ref Utf8JsonReader json, ref int count)
    {
        if (Enter(ref json, JsonTokenType.Number) && json.TryGetInt32(out var value))
            count = value;
    }

    private static EngineError ReadError(ref Utf8JsonReader json)
    {
        string code = "engine_error", message = "The engine reported an error.";
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("code"u8))
                ReadText(ref json, ref code);
            else if (json.ValueTextEquals("message"u8))
                ReadText(ref json, ref message);
            else
                Pass(ref json);
        }
        return new(0, code, message);
    }

    private static void ReadText(ref Utf8JsonReader json, ref string text)
    {
        if (Enter(ref json, JsonTokenType.String))
            text = json.GetString()!;
    }

    private static async Task<EngineError> ReadErrorAsync(
        Stream stream, HttpStatusCode status, CancellationToken cancellationToken)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(stream, default, cancellationToken);
            var root = document.RootElement;
            if (root.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object)
                root = error;
            var code = root.TryGetProperty("code", out var c) ? c.GetString() : null;
            var message = root.TryGetProperty("message", out var m) ? m.GetString()
                : root.TryGetProperty("detail", out var d) ? d.GetString() : null;
            return new((int)status, code ?? "engine_error", message ?? $"The engine answered {(int)status}.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new((int)status, "engine_error", $"The engine answered {(int)status}.");
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Generation {Id} not freed at {Engine}, it will be: {Reason}")]
    private static partial void LogNotForgotten(ILogger logger, Guid id, Uri engine, string reason);
}
