using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Lyceum.Client;

/// <summary>
/// Reads one stream of server-sent events over as many connections as it takes: one that is cut, or says nothing, is opened anew from where the
/// reader stands. One caller at a time; nothing here is shared.
/// </summary>
internal abstract class ResumedStream<T>(HttpClient http, LyceumClientOptions options) : IAsyncDisposable
    where T : class
{
    private static readonly MediaTypeWithQualityHeaderValue EventStream = new("text/event-stream");

    private int _failures; // since the stream went on
    private long _wentOn = options.TimeProvider.GetTimestamp();

    private HttpResponseMessage? _response;
    private CancellationTokenSource? _reading;
    private IAsyncEnumerator<SseItem<string>>? _events;

    /// <summary>Nothing follows.</summary>
    protected bool Ended { get; set; }

    /// <summary>The next event that the caller has not been given; null after the last one.</summary>
    public async Task<T?> NextAsync(CancellationToken cancellationToken)
    {
        while (!Ended)
        {
            try
            {
                if (_events is null)
                    await ConnectAsync(cancellationToken).ConfigureAwait(false);
                if (Ended)
                    return null;
                using (cancellationToken.UnsafeRegister(static reading => ((CancellationTokenSource)reading!).Cancel(), _reading))
                {
                    _reading!.CancelAfter(options.Silence);
                    if (!await _events!.MoveNextAsync().ConfigureAwait(false))
                        throw new IOException("The stream ended before its last event.");
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

    /// <summary>Asks for the stream from where the reader stands.</summary>
    protected abstract HttpRequestMessage Request();

    /// <summary>What of an event is new to the caller; null if nothing is.</summary>
    protected abstract T? Take(SseItem<string> item);

    protected static TData Read<TData>(SseItem<string> item) =>
        JsonSerializer.Deserialize<TData>(item.Data, Json.Options) ?? throw new JsonException($"'{item.EventType}' has no data.");

    protected void WentOn()
    {
        _failures = 0;
        _wentOn = options.TimeProvider.GetTimestamp();
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        using var request = Request();
        request.Headers.Accept.Add(EventStream);
        RetryingHandler.LeaveTo(request);
        using var limit = new CancellationTokenSource(options.NoAnswer, options.TimeProvider);
        using var opening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        _response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, opening.Token).ConfigureAwait(false);
        if (!_response.IsSuccessStatusCode)
            throw await LyceumException.ReadAsync(_response, opening.Token).ConfigureAwait(false);
        if (_response.StatusCode == HttpStatusCode.NoContent)
        {
            Ended = true; // the server has nothing to add
            return;
        }
        if (_response.Content.Headers.ContentType?.MediaType != EventStream.MediaType)
            throw new IOException("Something on the way answered in the gateway's place: not a stream of events.");
        _reading = new(Timeout.InfiniteTimeSpan, options.TimeProvider);
        var body = await _response.Content.ReadAsStreamAsync(opening.Token).ConfigureAwait(false);
        _events = SseParser.Create(body).EnumerateAsync(_reading.Token).GetAsyncEnumerator(_reading.Token);
    }

    /// <summary>What another connection may not meet again.</summary>
    private bool IsPassing(Exception exception) => exception switch
    {
        LyceumException refused => refused.IsTransient && !(refused.RetryAfter > options.LongestRetryAfter),
        HttpRequestException or IOException or JsonException => true,
        OperationCanceledException => true, // no answer in time, or silence: the caller has not cancelled
        _ => false,
    };

    private async Task PauseAsync(Exception exception, CancellationToken cancellationToken)
    {
        if (options.TimeProvider.GetElapsedTime(_wentOn) is var waited && waited >= options.GiveUpAfter)
            throw new TimeoutException($"The stream did not go on for {waited.TotalSeconds:0} s.", exception);
        var pause = options.Pause(_failures++);
        if (exception is LyceumException { RetryAfter: { } asked } && asked > pause)
            pause = asked;
        await Task.Delay(pause, options.TimeProvider, cancellationToken).ConfigureAwait(false);
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
