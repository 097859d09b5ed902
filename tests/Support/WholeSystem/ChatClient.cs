using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>One event of an answer's stream, as a client sees it.</summary>
public sealed record ChatEvent(string Type, string? Id, JsonElement Data);

/// <summary>A client of the chat API that remembers what it was shown.</summary>
/// <param name="patience">No wait of a test is unbounded: an answer that takes longer (default 60 s) is a failure.</param>
public sealed class ChatClient(HttpClient http, TimeSpan? patience = null) : IDisposable
{
    private TimeSpan Patience => patience ?? TimeSpan.FromSeconds(60);

    public HttpClient Http => http;

    public Task<ChatReading> AskAsync(
        string? message, Guid? conversationId = null, string? onDisconnect = null, string? idempotencyKey = null,
        int? tutorId = null, string? kbId = null, Guid? parentId = null, Guid? regenerateOf = null,
        IReadOnlyList<Guid>? images = null, CancellationToken cancellationToken = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/chat")
        {
            Content = JsonContent.Create(new
            {
                conversation_id = conversationId, message, on_disconnect = onDisconnect, tutor_id = tutorId, kb_id = kbId,
                parent_id = parentId, regenerate_of = regenerateOf, images,
            }),
        };
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        return OpenAsync(request, cancellationToken);
    }

    public Task<ChatReading> ResumeAsync(Guid messageId, int after, CancellationToken cancellationToken = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"/chat/{messageId}/stream");
        request.Headers.Add("Last-Event-ID", after.ToString());
        return OpenAsync(request, cancellationToken);
    }

    public async Task<JsonElement> MessagesAsync(Guid conversationId) =>
        (await http.GetFromJsonAsync<JsonElement>($"/api/conversations/{conversationId}/messages")).GetProperty("messages");

    /// <exception cref="HttpRequestException">Refused: with the status, and the problem in its message.</exception>
    private async Task<ChatReading> OpenAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        if (response.StatusCode == HttpStatusCode.OK)
            return new ChatReading(response, Patience);
        using (response)
        {
            var problem = await response.Content.ReadAsStringAsync(limit.Token);
            throw new HttpRequestException($"{(int)response.StatusCode}: {problem}", null, response.StatusCode);
        }
    }

    public void Dispose() => http.Dispose();
}

/// <summary>An open stream and what it has shown so far.</summary>
public sealed class ChatReading : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly CancellationTokenSource _limit;
    private readonly StringBuilder _text = new();
    private IAsyncEnumerator<SseItem<string>>? _events;

    public ChatReading(HttpResponseMessage response, TimeSpan patience) =>
        (_response, _limit) = (response, new CancellationTokenSource(patience));

    public string Text => _text.ToString();
    public int Cursor { get; private set; }
    public Guid ConversationId { get; private set; }
    public Guid MessageId { get; private set; }

    /// <summary>Data of <c>end</c> or <c>error</c>; null before.</summary>
    public ChatEvent? End { get; private set; }

    public int Pings { get; private set; }

    /// <summary>UTF-8 bytes of the model's reasoning, as far as the stream has told.</summary>
    public int Thought { get; private set; }

    /// <summary>The next event; null at the stream's end.</summary>
    public async Task<ChatEvent?> NextAsync(CancellationToken cancellationToken = default)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_limit.Token, cancellationToken);
        _events ??= SseParser.Create(await _response.Content.ReadAsStreamAsync(both.Token)).EnumerateAsync(_limit.Token).GetAsyncEnumerator(CancellationToken.None);
        if (!await _events.MoveNextAsync().AsTask().WaitAsync(both.Token))
            return null;
        var item = new ChatEvent(_events.Current.EventType, _events.Current.EventId, JsonElement.Parse(_events.Current.Data));
        switch (item.Type)
        {
            case "start":
                ConversationId = item.Data.GetProperty("conversation_id").GetGuid();
                MessageId = item.Data.GetProperty("message_id").GetGuid();
                break;
            case "delta":
                _text.Append(item.Data.GetProperty("text").GetString());
                Cursor = int.Parse(item.Id!);
                break;
            case "thinking":
                Thought = item.Data.GetProperty("length").GetInt32();
                break;
            case "ping":
                Pings++;
                break;
            default:
                End = item;
                break;
        }
        return item;
    }

    public async Task<ChatReading> ToEndAsync()
    {
        while (await NextAsync() is not null)
        {
        }
        return this;
    }

    public async Task<ChatReading> UntilAsync(Func<ChatReading, bool> condition)
    {
        while (!condition(this) && await NextAsync() is not null)
        {
        }
        return this;
    }

    public async ValueTask DisposeAsync()
    {
        _response.Dispose(); // cuts the connection if it is still open
        try
        {
            if (_events is not null)
                await _events.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or NotSupportedException or OperationCanceledException)
        {
            // The enumerator was still waiting for the connection that was just cut.
        }
        _limit.Dispose();
    }
}
