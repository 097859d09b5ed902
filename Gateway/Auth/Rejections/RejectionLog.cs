using System.Diagnostics.Metrics;
using Lyceum.Gateway.Edge;

namespace Lyceum.Gateway.Auth.Rejections;

/// <summary>
/// The audit log of rejected requests: from which address, on which route and why, never the credential. Every
/// rejection is counted; log lines are limited, so that a flood of requests does not fill the disk, and the next line
/// says how many were left out.
/// </summary>
internal sealed partial class RejectionLog
{
    private const int LinesPerSecond = 10;
    private const int Burst = 50;

    private readonly Counter<long> _count;
    private readonly TimeProvider _time;
    private readonly ILogger<RejectionLog> _logger;

    // Guards the three below: a token bucket of log lines, and how many lines it suppressed.
    private readonly Lock _lock = new();
    private double _lines = Burst;
    private long _filledAt;
    private long _suppressed;

    public RejectionLog(IMeterFactory meters, TimeProvider time, ILogger<RejectionLog> logger)
    {
        (_time, _logger, _filledAt) = (time, logger, time.GetTimestamp());
        _count = meters.Create("Lyceum.Gateway").CreateCounter<long>("lyceum.gateway.refusals", "{request}", "Requests refused, by reason.");
    }

    /// <param name="reason">One of <see cref="RejectionReason"/>.</param>
    /// <param name="keyId">The credential's id, where it is one of ours.</param>
    public void Record(HttpContext http, string reason, string? keyId)
    {
        _count.Add(1, new KeyValuePair<string, object?>("reason", reason));
        if (!MayLog(out var suppressed))
            return;
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        LogRejected(
            http.Request.Method, route, http.Response.StatusCode, reason, keyId ?? "-", http.Connection.RemoteIpAddress,
            http.Response.Headers[RequestIds.Header], suppressed);
    }

    private bool MayLog(out long suppressed)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            _lines = Math.Min(Burst, _lines + _time.GetElapsedTime(_filledAt, now).TotalSeconds * LinesPerSecond);
            _filledAt = now;
            if (_lines < 1)
            {
                suppressed = ++_suppressed;
                return false;
            }
            _lines--;
            (suppressed, _suppressed) = (_suppressed, 0);
            return true;
        }
    }

    [LoggerMessage(LogLevel.Warning,
        "Request rejected: {Status} {Method} {Route}, reason {Reason}, key {KeyId}, address {Address}, "
        + "request {RequestId}, suppressed {Suppressed}")]
    private partial void LogRejected(
        string method, string? route, int status, string reason, string keyId, System.Net.IPAddress? address, string? requestId, long suppressed);
}
