using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// Traces, metrics and logs by OTLP where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names a collector (the Aspire dashboard is
/// one); nothing at all where not. The standard <c>OTEL_*</c> variables set the rest. .NET, Npgsql and MassTransit
/// bring their own sources and meters, so no instrumentation package is needed.
/// </summary>
internal static class OtlpExport
{
    private static readonly string[] Sources = ["Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "MassTransit", "Lyceum.*"];

    private static readonly string[] Meters =
    [
        "Microsoft.AspNetCore.*", "System.Net.Http", "System.Net.NameResolution", "System.Runtime", "Npgsql", "MassTransit", "Lyceum.*",
    ];

    public static void AddOtlpExport(this WebApplicationBuilder builder, ServiceInfo info)
    {
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return;

        // ASP.NET Core names method and path on its spans only when asked to.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        builder.Logging.AddOpenTelemetry(logging =>
        {
            logging.IncludeFormattedMessage = true;
            logging.IncludeScopes = true;
            logging.SetResourceBuilder(Resource(info));
            logging.AddOtlpExporter();
        });
        builder.Services.AddSingleton<Exporter>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Exporter>());
    }

    /// <summary>The environment (<c>OTEL_SERVICE_NAME</c>, <c>OTEL_RESOURCE_ATTRIBUTES</c>) has the last word.</summary>
    private static ResourceBuilder Resource(ServiceInfo info) => ResourceBuilder.CreateEmpty()
        .AddTelemetrySdk()
        .AddService(info.Instance, serviceNamespace: "lyceum", serviceVersion: info.Version)
        .AddEnvironmentVariableDetector();

    /// <summary>Exports from before the first request until the container is disposed, which flushes.</summary>
    private sealed class Exporter(ServiceInfo info) : IHostedLifecycleService, IDisposable
    {
        private OpenTelemetrySdk? _sdk;

        public Task StartingAsync(CancellationToken cancellationToken)
        {
            _sdk = OpenTelemetrySdk.Create(telemetry => telemetry
                .WithTracing(tracing => tracing
                    .SetResourceBuilder(Resource(info)).AddSource(Sources)
                    .AddProcessor(new DropPolls()).AddOtlpExporter())
                .WithMetrics(metrics => metrics.SetResourceBuilder(Resource(info)).AddMeter(Meters).AddOtlpExporter()));
            return Task.CompletedTask;
        }

        public void Dispose() => _sdk?.Dispose();

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
