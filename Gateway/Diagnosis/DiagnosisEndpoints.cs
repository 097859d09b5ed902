using System.Net.WebSockets;
using Lyceum.Gateway.Limits;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Diagnosis;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Timeouts;

namespace Lyceum.Gateway.Diagnosis;

/// <summary>What the doctor tries the way to the gateway with: a slow stream and a socket. Scope <c>ops</c>; docs/doctor.md.</summary>
internal static class DiagnosisEndpoints
{
    public const string Trickle = "/api/ops/trickle";

    /// <summary>Beside live sessions' sockets, since proxies have rules for paths. No session's id is like it.</summary>
    public const string Echo = "/ws/echo";

    private const int MaxMessage = 4 * 1024; // bytes

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <summary>Before the endpoints: sockets that the gateway answers itself, and no others.</summary>
    public static void UseDiagnosisSockets(this WebApplication app) =>
        app.UseWhen(http => http.Request.Path == Echo, branch => branch.UseWebSockets());

    public static void MapDiagnosis(this IEndpointRouteBuilder routes)
    {
        routes.MapTrickle(Trickle).WithMetadata(FreeOfLimits.Instance);
        routes.MapGet(Echo, EchoAsync).RequireScope(Scopes.Ops).WithTags("operation").Speaks<EchoMessage, EchoMessage>()
            .Fails(400, ErrorCodes.InvalidRequest).Fails(426, ErrorCodes.InvalidRequest).Fails(429, ErrorCodes.Overloaded)
            .WithMetadata(new DisableRequestTimeoutAttribute(), FreeOfLimits.Instance);
    }

    /// <summary>
    /// A WebSocket for finding timeouts on the way: it sends back what it gets, and is closed with 1000 after `seconds`, at most
    /// `Answers:MaxDuration` and 30 s.
    /// </summary>
    /// <param name="ping">Seconds between ping frames; absent: none.</param>
    /// <param name="beat">Seconds between messages that the gateway sends by itself; absent: none.</param>
    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> EchoAsync(
        HttpContext http, DiagnosisSlots slots, IHostApplicationLifetime lifetime, TimeProvider time, double seconds = 0,
        double? ping = null, double? beat = null)
    {
        if (!http.WebSockets.IsWebSocketRequest)
            return Problems.Create(StatusCodes.Status426UpgradeRequired, ErrorCodes.InvalidRequest, "This is a WebSocket.");
        if (seconds is not (>= 0 and <= 86_400) || ping is not (null or >= 1 and <= 86_400) || beat is not (null or >= 1 and <= 86_400))
            return Problems.BadRequest($"seconds must be 0 or more, ping and beat {Shortest.TotalSeconds} or more.");
        using var place = slots.Take(TimeSpan.FromSeconds(seconds));
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        using var socket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            KeepAliveInterval = ping is { } frames ? TimeSpan.FromSeconds(frames) : Timeout.InfiniteTimeSpan,
        });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        over.CancelAfter(TimeSpan.FromSeconds(seconds));
        using var sending = new SemaphoreSlim(1); // a socket takes one message at a time
        var reading = ReadAsync(socket, sending, ending.Token);
        await Task.WhenAny(reading, BeatAsync(socket, sending, beat, time, over.Token));
        await over.CancelAsync();
        await CloseAsync(socket, sending, reading, ending.Token);
        return TypedResults.Empty;
    }

    /// <summary>Sends what comes back, until the caller closes or is gone.</summary>
    private static async Task ReadAsync(WebSocket socket, SemaphoreSlim sending, CancellationToken ending)
    {
        var (buffer, length) = (new byte[MaxMessage], 0);
        try
        {
            while (true)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(length), ending);
                if (part.MessageType == WebSocketMessageType.Close)
                    return;
                length += part.Count;
                if (part.EndOfMessage)
                {
                    await SendAsync(socket, sending, buffer.AsMemory(0, length), part.MessageType, ending);
                    length = 0;
                }
                else if (length == buffer.Length)
                    return; // larger than is taken; the caller sees the end
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
        {
            // The other end is gone, or this one closes.
        }
    }

    private static async Task BeatAsync(
        WebSocket socket, SemaphoreSlim sending, double? beat, TimeProvider time, CancellationToken over)
    {
        var every = beat is { } seconds ? TimeSpan.FromSeconds(seconds) : Timeout.InfiniteTimeSpan;
        try
        {
            while (true)
            {
                await Task.Delay(every, time, over);
                await SendAsync(socket, sending, """{"type":"beat"}"""u8.ToArray(), WebSocketMessageType.Text, over);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Its time is over, or the other end is gone.
        }
    }

    private static async Task SendAsync(
        WebSocket socket, SemaphoreSlim sending, ReadOnlyMemory<byte> message, WebSocketMessageType type, CancellationToken cancellationToken)
    {
        await sending.WaitAsync(cancellationToken);
        try
        {
            await socket.SendAsync(message, type, endOfMessage: true, cancellationToken);
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>A caller that does not answer has five seconds for it.</summary>
    private static async Task CloseAsync(WebSocket socket, SemaphoreSlim sending, Task reading, CancellationToken ending)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ending);
        limit.CancelAfter(TimeSpan.FromSeconds(5));
        try
        {
            await sending.WaitAsync(limit.Token); // for good: nothing is sent behind it
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "end", limit.Token);
            await reading.WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // It is gone.
        }
    }

    /// <summary>Whatever the caller sent; or <c>{"type": "beat"}</c>.</summary>
    internal sealed record EchoMessage(string Type);
}
