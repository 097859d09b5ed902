using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;
using Yarp.ReverseProxy.Forwarder;

namespace Lyceum.Gateway.Proxy;

/// <summary>
/// Answers requests that YARP could not forward with a problem document. A service's own errors are forwarded
/// unchanged. After a response has begun, YARP aborts the connection, so that a part is not taken for the whole.
/// </summary>
internal static partial class ProxyProblems
{
    public static void UseProxyProblems(this IReverseProxyApplicationBuilder proxy) => proxy.Use(async (http, next) =>
    {
        await next(http);
        if (http.GetForwarderErrorFeature() is { } failure && !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            var logger = http.RequestServices.GetRequiredService<ILogger<Failure>>();
            LogFailed(logger, http.Request.Path, http.GetReverseProxyFeature().Cluster.Config.ClusterId, failure.Error, failure.Exception?.Message);
            await Problem(http, failure.Error).ExecuteAsync(http);
        }
    });

    /// <summary>
    /// Log category. YARP's own lines are off: they carry a stack trace for every refused connection.
    /// </summary>
    private sealed class Failure;

    [LoggerMessage(LogLevel.Warning, "Forwarding failed: {Path} to {Service}: {Error}: {Reason}")]
    private static partial void LogFailed(ILogger logger, string path, string service, ForwarderError error, string? reason);

    private static ProblemHttpResult Problem(HttpContext http, ForwarderError error)
    {
        var service = http.GetReverseProxyFeature().Cluster.Config.ClusterId;
        switch (error)
        {
            // No replica, or no connection to one: the request can be repeated safely.
            case ForwarderError.NoAvailableDestinations or ForwarderError.Request
                when http.GetForwarderErrorFeature()?.Exception is null or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError }:
                return Problems.Unavailable(ErrorCodes.ServiceUnavailable, $"{service} cannot be reached; try again shortly.");
            case ForwarderError.RequestTimedOut:
                return Problems.Create(
                    StatusCodes.Status504GatewayTimeout, ErrorCodes.Timeout, $"{service} was silent for too long.");
            // The caller's body: too large, cut short, malformed.
            case ForwarderError.RequestBodyClient when http.Response.StatusCode == StatusCodes.Status413PayloadTooLarge:
                return Problems.Create(
                    http.Response.StatusCode, ErrorCodes.PayloadTooLarge, "The body is larger than this route accepts.");
            case ForwarderError.RequestBodyClient or ForwarderError.RequestCreation:
                return Problems.BadRequest("The request's body could not be read.");
            // The connection broke: whether the service did the work is unknown.
            default:
                return Problems.Create(
                    StatusCodes.Status502BadGateway, ErrorCodes.UpstreamFailed, $"{service} broke off before it answered.");
        }
    }
}
