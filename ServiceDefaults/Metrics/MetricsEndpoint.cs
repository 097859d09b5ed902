using System.Diagnostics.Metrics;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.ServiceDefaults.Metrics;

/// <summary><c>/metrics</c> for Prometheus; answers this machine itself, or scope <c>ops</c>.</summary>
internal static class MetricsEndpoint
{
    public static void AddPrometheusMetrics(this IServiceCollection services)
    {
        services.AddSingleton<PrometheusMetrics>();
        services.AddHostedService<Collection>();
    }

    public static void MapMetrics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", (PrometheusMetrics metrics) => TypedResults.Text(metrics.Scrape(), PrometheusMetrics.ContentType))
            .RequireAuthorization(IdentityAuthentication.LoopbackOrOps)
            .DisableHttpMetrics()
            .ExcludeFromDescription();

    /// <summary>Listens from the start, not from the first scrape, and says what runs.</summary>
    private sealed class Collection(PrometheusMetrics metrics, IMeterFactory meters, ServiceInfo info) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            _ = metrics;
            meters.Create("Lyceum.Service").CreateObservableGauge(
                "lyceum.build.info", () => new Measurement<int>(
                    1, new("service", info.Service), new("version", info.Version), new("git_sha", info.GitSha)),
                description: "What runs here; always 1.");
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
