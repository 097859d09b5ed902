using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>
/// A client of one gateway, for any number of answers at once. A question is asked once, and its answer is read whole,
/// whatever happens to connections, gateways and replicas meanwhile.
/// </summary>
public sealed class LyceumClient : IDisposable
{
    private readonly LyceumClientOptions _options;
    private readonly HttpClient _http;

    /// <param name="gateway">Its address, such as <c>https://tutor.example.org</c>.</param>
    public LyceumClient(Uri gateway, LyceumCredentials credentials, LyceumClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(gateway);
        ArgumentNullException.ThrowIfNull(credentials);
        _options = options ?? new();
#pragma warning disable CA2000 // HttpClient disposes its handlers.
        var last = _options.Handler is { } given ? new Borrowed(given) : (HttpMessageHandler)new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // the gateway redirects no call; a token is not sent elsewhere
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a change of DNS is noticed
            UseCookies = false,
        };
        var authorizing = new AuthorizingHandler(credentials, gateway) { InnerHandler = last };
        _http = new(new RetryingHandler(_options) { InnerHandler = authorizing })
#pragma warning restore CA2000
        {
            BaseAddress = new Uri(gateway.AbsoluteUri.TrimEnd('/') + "/"),
        };
        Api = new(_http);
    }

    /// <summary>Every other route of the gateway.</summary>
    public LyceumApi Api { get; }

    /// <summary>Asks in a new conversation.</summary>
    public IAsyncEnumerable<AnswerEvent> AskAsync(string question, CancellationToken cancellationToken = default) =>
        AskAsync(new ChatRequest { Message = question }, null, cancellationToken);

    /// <summary>
    /// Asks, and reads the answer as it is written. Whoever leaves the loop stops reading, not the answer:
    /// see <see cref="ResumeAsync"/> and <see cref="StopAsync"/>.
    /// </summary>
    /// <param name="idempotencyKey">
    /// 1-200 characters, remembered by the server for 24 hours: a program that was restarted asks with the same key and reads the
    /// same answer. Absent: one of this call's own, so that it asks once.
    /// </param>
    /// <exception cref="LyceumException">The question was refused.</exception>
    public IAsyncEnumerable<AnswerEvent> AskAsync(
        ChatRequest question, string? idempotencyKey = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        var body = JsonSerializer.SerializeToUtf8Bytes(question, Json.Options);
        var key = idempotencyKey ?? Guid.CreateVersion7().ToString();
        return ReadAsync(() => new(_http, _options, () => Ask(body, key)), cancellationToken);
    }

    /// <summary>Reads an answer from a byte on: one that is being written, or one of last year.</summary>
    /// <param name="after">The <see cref="AnswerText.Cursor"/> of the last piece that was read.</param>
    /// <exception cref="LyceumException">There is no such answer of the caller's, or <paramref name="after"/> is no cursor of it.</exception>
    public IAsyncEnumerable<AnswerEvent> ResumeAsync(Guid messageId, long after = 0, CancellationToken cancellationToken = default) =>
        ReadAsync(() => new(_http, _options, messageId, after), cancellationToken);

    /// <summary>
    /// What changes for the caller, for as long as the loop is read: answers, jobs, documents, sessions, questions that are due. Each event is told
    /// once, however often the connection is cut.
    /// </summary>
    /// <param name="cursor">The <see cref="Change.Cursor"/> to go on after, of the last week; absent: from now on.</param>
    /// <exception cref="LyceumException">The caller may not, or the cursor is none.</exception>
    public async IAsyncEnumerable<Change> ChangesAsync(
        string? cursor = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await using var reader = new ChangeReader(_http, _options, cursor);
        while (await reader.NextAsync(cancellationToken).ConfigureAwait(false) is { } change)
            yield return change;
    }

    /// <summary>Stops an answer, on whichever replica it is written. What is written of it is kept.</summary>
    /// <returns>How it ended; with status <c>streaming</c> it will end soon.</returns>
    public Task<StopResponse> StopAsync(Guid messageId, CancellationToken cancellationToken = default) =>
        Api.PostChatByMessageIdStopAsync(messageId, cancellationToken);

    public void Dispose() => _http.Dispose();

    private static async IAsyncEnumerable<AnswerEvent> ReadAsync(
        Func<AnswerReader> open, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var reader = open();
        while (await reader.NextAsync(cancellationToken).ConfigureAwait(false) is { } item)
            yield return item;
    }

    private static HttpRequestMessage Ask(byte[] body, string key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "chat") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Idempotency-Key", key);
        return request;
    }

    /// <summary>Keeps a caller's handler from being disposed with the client.</summary>
    private sealed class Borrowed(HttpMessageHandler handler) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _inner = new(handler, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            _inner.SendAsync(request, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                _inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
