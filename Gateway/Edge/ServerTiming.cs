using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// The gateway's own cost: <c>Server-Timing: gateway;dur=0.2, upstream;dur=11.5</c> (milliseconds) on every
/// proxied response, <c>gateway;dur=0.2</c> on its own. <c>gateway</c> is everything but waiting for the service's response headers.
/// </summary>
internal sealed class ServerTiming
{
    public const string Header = "Server-Timing";

    private readonly Histogram<double> _added;

    public ServerTiming(IMeterFactory meters) =>
        _added = meters.Create("Lyceum.Gateway").CreateHistogram(
            "lyceum.gateway.added.duration", "s", "What the gateway adds to a proxied request, up to the response's headers.",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
            });

    /// <summary>Timestamps of one request; set in the order given.</summary>
    internal sealed class Clock
    {
        public long Received { get; init; }
        public long Sent { get; set; }
        public bool IsAnswered { get; set; }
    }

    /// <summary>Called right before the request is forwarded; after a failover the last attempt counts.</summary>
    public static void Send(HttpContext http)
    {
        if (http.Features.Get<Clock>() is { } clock)
            clock.Sent = Stopwatch.GetTimestamp();
    }

    /// <summary>Called when a response of the gateway itself starts.</summary>
    public static void Begin(HttpContext http)
    {
        if (http.Features.Get<Clock>() is { IsAnswered: false } clock)
        {
            http.Response.Headers.Append(Header, string.Create(
                CultureInfo.InvariantCulture, $"gateway;dur={Stopwatch.GetElapsedTime(clock.Received).TotalMilliseconds:0.###}"));
        }
    }

    /// <summary>Called right after the service's response headers have arrived.</summary>
    public void Answered(HttpContext http)
    {
        if (http.Features.Get<Clock>() is not { Sent: > 0 } clock)
            return;
        var upstream = Stopwatch.GetElapsedTime(clock.Sent);
        var gateway = Stopwatch.GetElapsedTime(clock.Received, clock.Sent);
        _added.Record(gateway.TotalSeconds);
        clock.IsAnswered = true;
        // Appended: a service may have sent a value of its own.
        http.Response.Headers.Append(Header, string.Create(
            CultureInfo.InvariantCulture, $"gateway;dur={gateway.TotalMilliseconds:0.###}, upstream;dur={upstream.TotalMilliseconds:0.###}"));
    }
}

internal static class ServerTimingExtensions
{
    /// <summary>First in the pipeline: authentication is part of the cost.</summary>
    public static void UseServerTiming(this WebApplication app) => app.Use((http, next) =>
    {
        http.Features.Set(new ServerTiming.Clock { Received = Stopwatch.GetTimestamp() });
        http.Response.OnStarting(static state =>
        {
            ServerTiming.Begin((HttpContext)state);
            return Task.CompletedTask;
        }, http);
        return next(http);
    });
}
