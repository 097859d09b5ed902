using System.Diagnostics.Metrics;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// One OpenTelemetry pipeline. Metrics are always collected, for <c>/metrics</c>. Traces, logs and the same metrics go by OTLP where
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector (Aspire's dashboard is one); where it does not, no span is made at all.
/// The standard <c>OTEL_*</c> variables set the rest.
/// </summary>
public static class OpenTelemetryExtensions
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>
    /// Wins over the environment, in which Aspire's AppHost sets each of them the other way: query strings hold tickets, and
    /// retries in memory would hold up the end of a service while its collector is away.
    /// </summary>
    private static readonly Dictionary<string, string?> Fixed = new(StringComparer.Ordinal)
    {
        ["OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION"] = "false",
        ["OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION"] = "false",
        ["OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY"] = "",
    };

    /// <summary>Whether spans are exported.</summary>
    public static bool ExportsTelemetry(this IConfiguration configuration) => !string.IsNullOrWhiteSpace(configuration[Endpoint]);

    internal static void ConfigureOpenTelemetry(this WebApplicationBuilder builder)
    {
        builder.Configuration.AddInMemoryCollection(Fixed);
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddDetector(services => new ServiceDetector(services.GetRequiredService<ServiceInfo>()))
                .AddEnvironmentVariableDetector())
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter("Microsoft.AspNetCore.*", "MassTransit", "Lyceum.*")
                .AddInstrumentation<MassTransitSeconds>()
                .AddInstrumentation<BuildInfo>()
                .AddViews()
                .AddPrometheusExporter(options =>
                {
                    // As names and labels were before; who scrapes twice wants two answers.
                    (options.ScopeInfoEnabled, options.TargetInfoEnabled) = (false, false);
                    options.ScrapeResponseCacheDurationMilliseconds = 0;
                }));
        if (!builder.Configuration.ExportsTelemetry())
            return;

        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
        });
        telemetry
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(requests => requests.Filter = http => !Polls.Match(http.Request.Path))
                .AddHttpClientInstrumentation()
                .AddSource("MassTransit", "Lyceum.*")
                .SetSampler(CausedSampler.From(builder.Configuration)))
            .UseOtlpExporter();
        builder.Services.AddHostedService<LastExport>();
    }

    private static MeterProviderBuilder AddViews(this MeterProviderBuilder metrics) =>
        ((IDeferredMeterProviderBuilder)metrics).Configure((services, builder) =>
        {
            var own = services.GetRequiredService<IMeterFactory>();
            builder.AddView(instrument => MetricViews.Of(instrument, own));
        });

    /// <summary>
    /// <c>/metrics</c> for Prometheus; answers this machine itself, scope <c>ops</c>, or <see cref="MetricsToken"/>.
    /// </summary>
    internal static void MapMetrics(this IEndpointRouteBuilder routes)
    {
        _ = routes.ServiceProvider.GetRequiredService<MetricsToken>(); // a setting that cannot be used stops the start
        routes.MapPrometheusScrapingEndpoint(Polls.Metrics)
            .WithMetadata(new HttpMethodMetadata([HttpMethods.Get]))
            .RequireAuthorization(IdentityAuthentication.LoopbackOrOps)
            .DisableHttpMetrics()
            .ExcludeFromDescription();
    }

    private sealed class ServiceDetector(ServiceInfo info) : IResourceDetector
    {
        public Resource Detect() =>
            ResourceBuilder.CreateEmpty().AddService(info.Instance, serviceNamespace: "lyceum", serviceVersion: info.Version).Build();
    }

    private sealed class BuildInfo
    {
        public BuildInfo(IMeterFactory meters, ServiceInfo info) => meters.Create("Lyceum.Service").CreateObservableGauge(
            "lyceum.build.info",
            () => new Measurement<int>(1, new("service", info.Service), new("version", info.Version), new("git_sha", info.GitSha)),
            description: "What runs here; always 1.");
    }
}
