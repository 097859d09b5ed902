using System.Buffers;
using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Protocols;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.GpuEngine.Sessions.Sockets;

/// <summary>
/// One connection of a session: a loop that sends what the session published, by number, and one that receives. It has no
/// queue of events to grow: a client that reads slowly lags in the session's replay buffer, and when events it has not
/// read are dropped there, it gets an error event.
/// </summary>
/// <remarks>
/// Ends when the client closes or breaks (the session goes on), or when the session ends or another connection takes it
/// over: then with <c>bye</c> and a close handshake, for which the client has two seconds.
/// </remarks>
internal sealed class SessionSocket : ISessionReader, IDisposable
{
    // Waiting events of the connection itself; more means a client that floods, whose messages are being rejected
    // anyway.
    private const int MaxNotices = 16;
    private const int MaxRejected = 200;
    private const int MaxKept = 8 * 1024; // bytes of the write buffer between messages

    private static readonly TimeSpan ForClosing = TimeSpan.FromSeconds(2);
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly WebSocket _socket;
    private readonly Session _session;
    private readonly ISessionProtocol _protocol;
    private readonly LiveSessionOptions _options;
    private readonly TimeSpan _stalled;
    private readonly TimeProvider _time;
    private readonly SocketMessages _messages;
    private readonly ReaderSignal _signal = new();
    private readonly ConcurrentQueue<ConnectionEvent> _notices = new();

    // The message being sent; one at a time.
    private readonly Utf8JsonWriter _json;
    private ArrayBufferWriter<byte> _text = new(256);

    // Not disposed, as End may be called at any time; its timer runs for four seconds at most.
    private readonly CancellationTokenSource _broken = new();
    private string? _bye;            // why the engine ends this connection
    private volatile bool _received; // the client has ended it
    private long _sendingSince;      // the time provider's timestamp of the send that runs; 0: none
    private long _sentAt;            // of the last message of the engine
    private long _receivedAt;        // of the last message of the client
    private long _beatAt;            // of the last heartbeat

    public SessionSocket(
        WebSocket socket, Session session, ISessionProtocol protocol, LiveSessionOptions options, TimeSpan stalled,
        TimeProvider time)
    {
        (_socket, _session, _protocol, _options, _stalled, _time) = (socket, session, protocol, options, stalled, time);
        _messages = new SocketMessages(socket, options.MaxMessageBytes);
        _json = new Utf8JsonWriter(_text, Json);
        _sentAt = _receivedAt = _beatAt = time.GetTimestamp();
    }

    /// <summary>A data message is sent after so long without one in a direction; 0: never.</summary>
    public TimeSpan Heartbeat { get; init; }

    /// <summary>The number of the last event that was sent.</summary>
    public long Sent { get; private set; }

    public void Wake() => _signal.Set();

    public void End(string reason)
    {
        Interlocked.CompareExchange(ref _bye, reason, null);
        // A client that reads nothing would not read the bye either.
        _broken.CancelAfter(ForClosing * 2);
        _signal.Set();
    }

    /// <summary>
    /// Aborts the connection of a client that reads nothing: it would hold its socket for ever. Has a heartbeat sent where
    /// one is due.
    /// </summary>
    public void Tick()
    {
        var since = Interlocked.Read(ref _sendingSince);
        if (since != 0 && _time.GetElapsedTime(since) > _stalled)
            _socket.Abort();
        else if (IsHeartbeatDue)
            _signal.Set();
    }

    /// <summary>Serves until it is over. The session is attached meanwhile.</summary>
    /// <param name="after">The last event that the client has.</param>
    /// <param name="aborted">The connection broke.</param>
    public async Task RunAsync(long after, bool isResumed, CancellationToken aborted)
    {
        await using var registration = aborted.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _broken);
        Sent = after;
        _session.Attach(this, _protocol.HasAudio);
        var receiving = ReceiveAsync();
        try
        {
            var handle = _session.Credentials.IssueHandle();
            await SendAsync(new ConnectionEvent.Opened(_session.Id, handle, _session.LastEvent, isResumed, _session.ExpiresAt));
            await SendAllAsync();
            await CloseAsync();
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection broke; the client may resume.
        }
        finally
        {
            _session.Detach(this);
            // The client has two seconds to answer the close, none if the connection broke.
            await receiving.WaitAsync(_broken.IsCancellationRequested ? TimeSpan.Zero : ForClosing, _time, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _broken.CancelAsync();
            _socket.Abort();
            await receiving;
        }
    }

    public void Dispose()
    {
        _json.Dispose();
        _socket.Dispose();
    }

    private string? Bye => Volatile.Read(ref _bye) ?? _session.Ended;

    /// <summary>
    /// Whoever counts data may count each direction by itself, and an answer may be written for longer than a client that
    /// only listens may be silent: the heartbeat asks it for a message.
    /// </summary>
    private bool IsHeartbeatDue =>
        Heartbeat > TimeSpan.Zero && IsLongAgo(ref _beatAt) && (IsLongAgo(ref _sentAt) || IsLongAgo(ref _receivedAt));

    private bool IsLongAgo(ref long at) => _time.GetElapsedTime(Interlocked.Read(ref at)) >= Heartbeat;

    private async Task SendAllAsync()
    {
        while (true)
        {
            // Read first: what was published before the end is sent before the bye.
            var bye = Bye;
            while (_notices.TryDequeue(out var notice))
                await SendAsync(notice);
            while (_session.After(Sent) is var (happened, gone) && (happened is not null || gone > 0))
            {
                if (gone > 0)
                {
                    await SendAsync(new ConnectionEvent.Rejected(
                        ErrorCodes.ReplayGone, $"Events {Sent + 1} to {Sent + gone} are not kept any more; the next ones follow."));
                    _session.Deliver(Sent += gone, null);
                    continue;
                }
                await SendAsync(Sent + 1, happened!);
                _session.Deliver(++Sent, happened);
            }
            if (_received)
                return;
            if (bye is not null)
            {
                if (bye is Session.ShuttingDown)
                    await SendAsync(new ConnectionEvent.GoAway(Session.ShuttingDown, ReconnectAfter()));
                await SendAsync(new ConnectionEvent.Bye(bye));
                return;
            }
            if (IsHeartbeatDue)
            {
                Interlocked.Exchange(ref _beatAt, _time.GetTimestamp());
                await SendAsync(new ConnectionEvent.Heartbeat());
            }
            await _signal.WaitAsync();
        }
    }

    /// <summary>By chance, so that not all clients of an engine come to the next one at the same moment.</summary>
    private static TimeSpan ReconnectAfter() => TimeSpan.FromMilliseconds(Random.Shared.Next(100, 1000));

    private async Task CloseAsync()
    {
        if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            var (status, reason) = Bye switch
            {
                null => (WebSocketCloseStatus.NormalClosure, null),
                Session.ShuttingDown => (WebSocketCloseStatus.EndpointUnavailable, Session.ShuttingDown),
                "too_large" => (WebSocketCloseStatus.MessageTooBig, "too_large"),
                ErrorCodes.RateLimited => (WebSocketCloseStatus.PolicyViolation, ErrorCodes.RateLimited),
                var other => (WebSocketCloseStatus.NormalClosure, other),
            };
            using var limit = new CancellationTokenSource(ForClosing, _time);
            await _socket.CloseOutputAsync(status, reason, limit.Token);
        }
    }

    /// <summary>Receives until the client closes or breaks. Never fails.</summary>
    private async Task ReceiveAsync()
    {
        var intake = new MessageIntake(_session, this, _protocol, _options, _time, Reject);
        var rejected = 0;
        try
        {
            while (Volatile.Read(ref _bye) is null)
            {
                var (result, type) = await _messages.NextAsync(_broken.Token);
                Interlocked.Exchange(ref _receivedAt, _time.GetTimestamp());
                if (result is MessageResult.Closed || Volatile.Read(ref _bye) is not null)
                    break;
                if (result is MessageResult.TooLarge)
                {
                    Reject(ErrorCodes.PayloadTooLarge, $"A message may have {_options.MaxMessageBytes} bytes.");
                    End("too_large");
                    break;
                }
                rejected = intake.Take(_messages.Message.Span, type) ? 0 : rejected + 1;
                _messages.Release();
                if (rejected > MaxRejected)
                {
                    End(ErrorCodes.RateLimited);
                    break;
                }
            }
            // Further messages are dropped; only the client's close is waited for.
            await _messages.DrainAsync(_broken.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            await _broken.CancelAsync();
        }
        finally
        {
            _messages.Release();
        }
        _received = true;
        _signal.Set();
    }

    private void Reject(string code, string message)
    {
        if (_notices.Count < MaxNotices)
            _notices.Enqueue(new ConnectionEvent.Rejected(code, message));
        _signal.Set();
    }

    private ValueTask SendAsync(ConnectionEvent happened) => _protocol.TryWrite(NewText(), happened) ? SendTextAsync() : default;

    private async ValueTask SendAsync(long seq, SessionEvent happened)
    {
        if ((happened is AudioFrame && !_protocol.HasAudio) || !_protocol.TryWrite(NewText(), seq, happened))
            return;
        await SendTextAsync();
        // Right after the event that describes it, with nothing between the two.
        if (happened is AudioFrame { IsOmitted: false } frame)
            await SendAsync(frame.Pcm, WebSocketMessageType.Binary);
    }

    private Utf8JsonWriter NewText()
    {
        if (_text.Capacity > MaxKept)
            _text = new ArrayBufferWriter<byte>(256);
        _text.ResetWrittenCount();
        _json.Reset(_text);
        return _json;
    }

    private async ValueTask SendTextAsync()
    {
        await _json.FlushAsync();
        await SendAsync(_text.WrittenMemory, WebSocketMessageType.Text);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> message, WebSocketMessageType type)
    {
        Interlocked.Exchange(ref _sendingSince, _time.GetTimestamp());
        await _socket.SendAsync(message, type, endOfMessage: true, _broken.Token);
        Interlocked.Exchange(ref _sentAt, _time.GetTimestamp());
        Interlocked.Exchange(ref _sendingSince, 0);
    }
}
