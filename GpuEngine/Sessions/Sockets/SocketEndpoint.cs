using System.Globalization;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Sessions.Protocols;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Sessions.Sockets;

/// <summary>
/// <c>GET /ws/{session}?token=…</c> (or <c>?resume=…</c>, both with <c>&amp;after=</c> and <c>&amp;heartbeat=</c>), and the
/// same below <c>/ws/ws</c>.
/// Rejections come at the upgrade, with a status and a problem document: a socket that opened is one that works.
/// </summary>
internal static class SocketEndpoint
{
    private static readonly LyceumV1 V1 = new();
    private static readonly SimpleProtocol Simple = new();

    public static void MapSessionSockets(this IEndpointRouteBuilder routes)
    {
        // No caller's identity here: the token in the query opens it, which only this engine can verify.
        var open = routes.MapGroup("").AllowAnonymous();
        foreach (var path in (string[])["/ws/{id}", "/ws/ws/{id}"])
        {
            open.MapGet(path, ServeAsync).WithTags("live sessions").Speaks<LiveMessage, LiveEvent>()
                .Fails(400, ErrorCodes.InvalidCursor, ErrorCodes.InvalidRequest).Fails(401, ErrorCodes.Unauthorized)
                .Fails(404, ErrorCodes.SessionNotFound)
                .Fails(426, ErrorCodes.InvalidRequest);
        }
    }

    /// <summary>
    /// A live session's WebSocket. Subprotocol lyceum.v1; without one, text messages and whole answers alone.
    /// </summary>
    /// <param name="heartbeat">
    /// A data message after so many seconds of silence, 1 to 300; 0: none. Absent: as the engine does it in lyceum.v1, none in the other.
    /// </param>
    private static async Task<Results<EmptyHttpResult, ProblemHttpResult>> ServeAsync(
        string id, string? token, string? resume, string? after, string? heartbeat, HttpContext http, SessionStore store,
        SessionMetrics metrics,
        IOptions<LiveSessionOptions> options, IOptions<AnswersOptions> answers, TimeProvider time)
    {
        if (!http.WebSockets.IsWebSocketRequest)
            return Reject(StatusCodes.Status426UpgradeRequired, ErrorCodes.InvalidRequest, "This is a WebSocket.");
        if (store.Find(id) is not { } session)
            return Reject(
                StatusCodes.Status404NotFound, ErrorCodes.SessionNotFound, "There is no such session here (any more).");
        long cursor = 0;
        if (after is not null && !long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out cursor))
            return Reject(
                StatusCodes.Status400BadRequest, ErrorCodes.InvalidCursor, "'after' must be the number of an event.");
        ushort? beat = null;
        if (heartbeat is not null)
        {
            if (!ushort.TryParse(heartbeat, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                || seconds > LiveSessionOptions.MaxHeartbeat)
            {
                return Reject(
                    StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest,
                    $"'heartbeat' must be a number of seconds, 1 to {LiveSessionOptions.MaxHeartbeat}, or 0 for none.");
            }
            beat = seconds;
        }
        // Before the token, which opens one connection: a rejection for lack of room does not spend it.
        using var admission = store.TryAdmitSocket(session);
        if (admission is null)
        {
            return Problems.Overloaded(
                $"This engine has {options.Value.SocketLimit} sockets; the rest is kept for other callers.",
                SessionStore.RetryAfter);
        }
        if (!(token is not null ? session.Credentials.TryRedeemToken(token) : resume is not null && session.Credentials.TryRedeemHandle(resume)))
        {
            return Reject(
                StatusCodes.Status401Unauthorized, ErrorCodes.Unauthorized,
                "The token is missing, spent or expired; POST /v1/sessions/{id}/connect makes a fresh one.");
        }

        var protocol = Negotiate(http.WebSockets.WebSocketRequestedProtocols);
        var last = session.LastEvent;
        var from = !protocol.HasNumbers ? session.Delivered : after is null ? last : Math.Min(cursor, last);
        // Who sends nothing, not even the answer to a ping, holds its place for one Answers:Ping.
        var silence = answers.Value.Ping / 2;
        using var socket = new SessionSocket(
            await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
            {
                SubProtocol = protocol.SubProtocol, KeepAliveInterval = silence, KeepAliveTimeout = silence,
            }),
            session, protocol, options.Value, answers.Value.StalledReaderTimeout, time)
        {
            Heartbeat = beat is { } asked ? TimeSpan.FromSeconds(asked)
                : protocol.HasHeartbeats ? options.Value.Heartbeat
                : TimeSpan.Zero,
        };
        await socket.RunAsync(from, isResumed: resume is not null, http.RequestAborted);
        return TypedResults.Empty;

        ProblemHttpResult Reject(int status, string code, string detail)
        {
            metrics.Rejected(status);
            return Problems.Create(status, code, detail);
        }
    }

    private static ISessionProtocol Negotiate(IList<string> offered) => offered.Contains(LyceumV1.Name) ? V1 : Simple;
}
