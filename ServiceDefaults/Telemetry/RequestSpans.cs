using System.Diagnostics;
using Lyceum.ServiceDefaults.Engines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using OpenTelemetry;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// Finishes the server span of a request: its name is the route (<c>POST /chat</c>), it carries the status, and polls
/// (health, metrics, the engine directory), which would bury everything else, are not recorded, nor what happens below them.
/// </summary>
internal static class RequestSpans
{
    public static void UseRequestSpans(this WebApplication app) => app.Use(async (http, next) =>
    {
        var span = http.Features.Get<IHttpActivityFeature>()?.Activity;
        if (span is not { IsAllDataRequested: true })
        {
            await next(http);
            return;
        }

        if (IsPoll(http.Request.Path))
        {
            // Children take this flag over from their parent.
            span.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            span.IsAllDataRequested = false;
        }

        try
        {
            await next(http);
        }
        finally
        {
            Finish(span, http);
        }
    });

    internal static bool IsPoll(string? path) =>
        path is "/health" or "/alive" or "/metrics" or "/v1/engine" || path?.StartsWith(EngineDirectory.Path, StringComparison.Ordinal) == true;

    private static void Finish(Activity span, HttpContext http)
    {
        if (!span.IsAllDataRequested)
            return;
        if ((http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } route)
        {
            span.DisplayName = $"{http.Request.Method} {route}";
            span.SetTag("http.route", route);
        }
        else
        {
            span.DisplayName = http.Request.Method;
        }

        span.SetTag("http.response.status_code", http.Response.StatusCode);
        if (http.Response.StatusCode >= StatusCodes.Status500InternalServerError)
            span.SetStatus(ActivityStatusCode.Error);
    }
}

/// <summary>The gateway's own probes of services: client spans that no request caused.</summary>
internal sealed class DropPolls : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        if (data.Kind == ActivityKind.Client && data.Parent is null
            && data.GetTagItem("url.full") is string url && Uri.TryCreate(url, UriKind.Absolute, out var uri)
            && RequestSpans.IsPoll(uri.AbsolutePath))
        {
            // The exporter behind this skips what is not recorded.
            data.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        }
    }
}
