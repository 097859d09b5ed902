using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>
/// Reads one answer over as many connections as it takes.
/// <list type="number">
/// <item>The question is sent with its idempotency key until <c>start</c> names the answer: sent again, it is not asked again.</item>
/// <item>From then on a new connection reads the answer by its id, from the cursor: the bytes that the caller was given.</item>
/// <item>An event counts when its empty line has come. Of a piece that reaches beyond the cursor, only that part is new.</item>
/// </list>
/// One caller at a time; nothing here is shared.
/// </summary>
internal sealed class AnswerReader : IAsyncDisposable
{
    private static readonly MediaTypeWithQualityHeaderValue EventStream = new("text/event-stream");

    private readonly HttpClient _http;
    private readonly LyceumClientOptions _options;
    private readonly Func<HttpRequestMessage>? _ask;
    private Guid? _message;
    private long _cursor;
    private long _thinking;
    private bool _started;
    private bool _helped;
    private bool _ended;
    private int _failures; // since the answer went on
    private long _wentOn; // the clock's ticks

    private HttpResponseMessage? _response;
    private CancellationTokenSource? _reading;
    private IAsyncEnumerator<SseItem<string>>? _events;

    public AnswerReader(HttpClient http, LyceumClientOptions options, Func<HttpRequestMessage> ask)
    {
        (_http, _options, _ask) = (http, options, ask);
        _wentOn = options.TimeProvider.GetTimestamp();
    }

    public AnswerReader(HttpClient http, LyceumClientOptions options, Guid message, long after)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        (_http, _options, _message, _cursor) = (http, options, message, after);
        _wentOn = options.TimeProvider.GetTimestamp();
    }

    /// <summary>The next event that the caller has not been given; null after the last one.</summary>
    public async Task<AnswerEvent?> NextAsync(CancellationToken cancellationToken)
    {
        while (!_ended)
        {
            try
            {
                if (_events is null)
                    await ConnectAsync(cancellationToken).ConfigureAwait(false);
                if (_ended)
                    return null;
                using (cancellationToken.UnsafeRegister(static reading => ((CancellationTokenSource)reading!).Cancel(), _reading))
                {
                    _reading!.CancelAfter(_options.Silence);
                    if (!await _events!.MoveNextAsync().ConfigureAwait(false))
                        throw new IOException("The stream ended before the answer did.");
                    _reading.CancelAfter(Timeout.InfiniteTimeSpan); // the caller may take its time
                }
                if (Take(_events.Current) is { } item)
                    return item;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && IsPassing(e))
            {
                await DisconnectAsync().ConfigureAwait(false);
                await PauseAsync(e, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw new OperationCanceledException(cancellationToken);
            }
        }
        return null;
    }

    public ValueTask DisposeAsync() => DisconnectAsync();

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        using var request = _message is { } id ? Resume(id) : _ask!();
        request.Headers.Accept.Add(EventStream);
        RetryingHandler.LeaveTo(request);
        using var limit = new CancellationTokenSource(_options.NoAnswer, _options.TimeProvider);
        using var opening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        _response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, opening.Token).ConfigureAwait(false);
        if (!_response.IsSuccessStatusCode)
            throw await LyceumException.ReadAsync(_response, opening.Token).ConfigureAwait(false);
        if (_response.StatusCode == HttpStatusCode.NoContent)
        {
            _ended = true; // the server has nothing to add
            return;
        }
        if (_response.Content.Headers.ContentType?.MediaType != EventStream.MediaType)
            throw new IOException("Something on the way answered in the gateway's place: not a stream of events.");
        _reading = new(Timeout.InfiniteTimeSpan, _options.TimeProvider);
        var body = await _response.Content.ReadAsStreamAsync(opening.Token).ConfigureAwait(false);
        _events = SseParser.Create(body).EnumerateAsync(_reading.Token).GetAsyncEnumerator(_reading.Token);
    }

    private HttpRequestMessage Resume(Guid id)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"chat/{id}/stream");
        request.Headers.Add("Last-Event-ID", _cursor.ToString(CultureInfo.InvariantCulture));
        return request;
    }

    /// <summary>What of an event is new to the caller; null if nothing is.</summary>
    private AnswerEvent? Take(SseItem<string> item)
    {
        switch (item.EventType)
        {
            case "start":
                var start = Read<AnswerStart>(item);
                _message ??= start.MessageId;
                if (_started)
                    return null;
                _started = true;
                WentOn();
                return new AnswerStarted(start);
            case "help" when !_helped:
                _helped = true;
                return new AnswerHelp(Read<SafetyHelp>(item));
            case "thinking":
                var length = Read<ThinkingSoFar>(item).Length;
                if (length <= _thinking)
                    return null;
                _thinking = length;
                WentOn();
                return new AnswerThinking(length);
            case "delta":
                return Text(Read<AnswerPiece>(item).Text, item.EventId);
            case "ping":
                WentOn();
                return null;
            case "end":
                _ended = true;
                return new AnswerEnded(Read<ChatApiAnswerEnd>(item));
            case "error":
                _ended = true;
                return new AnswerFailed(Read<Problem>(item));
            default:
                return null; // of a later version
        }
    }

    private AnswerText? Text(string text, string? id)
    {
        if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var end))
            throw new IOException("A piece of the answer came without its cursor.");
        if (end <= _cursor)
            return null;
        var bytes = Encoding.UTF8.GetBytes(text);
        var seen = _cursor - (end - bytes.Length);
        if (seen < 0)
            throw new IOException("A piece of the answer is missing."); // it is read again, from the cursor
        _cursor = end;
        WentOn();
        return new(seen == 0 ? text : Encoding.UTF8.GetString(bytes.AsSpan((int)seen)), end);
    }

    private static T Read<T>(SseItem<string> item) =>
        JsonSerializer.Deserialize<T>(item.Data, Json.Options) ?? throw new JsonException($"'{item.EventType}' has no data.");

    /// <summary>What another connection may not meet again.</summary>
    private bool IsPassing(Exception exception) => exception switch
    {
        LyceumException refused => refused.IsTransient && !(refused.RetryAfter > _options.LongestRetryAfter),
        HttpRequestException or IOException or JsonException => true,
        OperationCanceledException => true, // no answer in time, or silence: the caller has not cancelled
        _ => false,
    };

    private async Task PauseAsync(Exception exception, CancellationToken cancellationToken)
    {
        if (_options.TimeProvider.GetElapsedTime(_wentOn) is var waited && waited >= _options.GiveUpAfter)
            throw new TimeoutException($"The answer did not go on for {waited.TotalSeconds:0} s.", exception);
        var pause = _options.Pause(_failures++);
        if (exception is LyceumException { RetryAfter: { } asked } && asked > pause)
            pause = asked;
        await Task.Delay(pause, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
    }

    private void WentOn()
    {
        _failures = 0;
        _wentOn = _options.TimeProvider.GetTimestamp();
    }

    private async ValueTask DisconnectAsync()
    {
        var (events, response, reading) = (_events, _response, _reading);
        (_events, _response, _reading) = (null, null, null);
        response?.Dispose(); // first: what still reads ends by it
        if (events is not null)
            await events.DisposeAsync().ConfigureAwait(false);
        reading?.Dispose();
    }
}
