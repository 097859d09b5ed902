using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults.Health;

/// <summary>
/// <c>/health</c>: may requests be sent here? 200 for <c>ok</c> and <c>degraded</c>, 503 for <c>unhealthy</c> and
/// <c>draining</c>. <c>/alive</c>: should the process be left running? <c>/version</c>: what is it?
/// <c>/health/{name}</c>: one part's figures, of each <see cref="HealthDetail"/>.
/// All are open. Why a check is not well may name files, addresses and users: that is for operators alone.
/// </summary>
internal static class HealthEndpoints
{
    /// <summary>A check that names no time limit of its own is failed after this.</summary>
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(3);

    public static void AddDefaultHealthChecks(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddHealthChecks();
        services.AddSingleton<HealthReporter>();
        services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations.Where(check => check.Timeout == Timeout.InfiniteTimeSpan))
                check.Timeout = CheckTimeout;
        });
    }

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var open = routes.MapGroup("").AllowAnonymous().DisableHttpMetrics().WithTags("operation");
        open.MapGet("/health", GetHealth).Produces<HealthDocument>()
            .Produces<HealthDocument>(StatusCodes.Status503ServiceUnavailable);
        open.MapGet("/alive", () => TypedResults.Ok(new AliveDocument(Ok)))
            .WithSummary("Whether the process should be left running.");
        open.MapGet("/version", (ServiceInfo info) => TypedResults.Ok(info.Document)).WithSummary("What runs.");
        foreach (var detail in routes.ServiceProvider.GetServices<HealthDetail>())
            open.MapGet($"/health/{detail.Name}", () => TypedResults.Ok(detail.Read())).ExcludeFromDescription();
    }

    /// <summary>
    /// Whether requests may be sent here. 200 for ok and degraded, 503 for unhealthy and draining. The detail of a check is
    /// for this machine and scope <c>ops</c>; for others it is null.
    /// </summary>
    private static async Task<JsonHttpResult<HealthDocument>> GetHealth(
        HealthReporter reporter, ServiceInfo info, IOptions<HealthNames> names, IHostApplicationLifetime lifetime,
        HttpContext http, CancellationToken cancellationToken)
    {
        var isOperator = IdentityAuthentication.IsOperator(http);
        var service = names.Value.Service ?? info.Service;
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return TypedResults.Json(new HealthDocument("draining", service, []), statusCode: StatusCodes.Status503ServiceUnavailable);

        var report = await reporter.ReportAsync(cancellationToken);
        var checks = report.Entries.ToDictionary(
            entry => entry.Key,
            entry => new CheckDocument(
                Name(entry.Value.Status), Math.Round(entry.Value.Duration.TotalMilliseconds, 2),
                isOperator ? HealthReporter.Detail(entry.Value) : null));
        return TypedResults.Json(
            new HealthDocument(report.Status == HealthStatus.Healthy ? names.Value.Healthy : Name(report.Status), service, checks),
            statusCode: report.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
    }

    internal const string Ok = "ok";

    private static string Name(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => Ok,
        HealthStatus.Degraded => "degraded",
        _ => "unhealthy",
    };

    private sealed record AliveDocument(string Status);

    private sealed record HealthDocument(string Status, string Service, Dictionary<string, CheckDocument> Checks);

    /// <param name="DurationMs">Milliseconds the check took.</param>
    /// <param name="Detail">For this machine and scope <c>ops</c> alone; else null.</param>
    private sealed record CheckDocument(string Status, double DurationMs, string? Detail);
}
