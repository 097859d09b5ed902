using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>How telemetry travels.</summary>
public enum OtlpProtocol
{
    Grpc = 0,
    HttpProtobuf = 1,
    HttpJson = 2,
}

/// <summary>
/// Tells resources where to send their telemetry: to the dashboard whose OTLP endpoint is configured. Real Aspire has one
/// built in and therefore always an address; here nothing is set without one.
/// </summary>
public static class OtlpConfigurationExtensions
{
    private static readonly string[] GrpcKeys = ["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "DOTNET_DASHBOARD_OTLP_ENDPOINT_URL"];
    private static readonly string[] HttpKeys = ["ASPIRE_DASHBOARD_OTLP_HTTP_ENDPOINT_URL", "DOTNET_DASHBOARD_OTLP_HTTP_ENDPOINT_URL"];

    public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder)
        where T : IResourceWithEnvironment
    {
        AddOtlpEnvironment(builder.Resource, builder.ApplicationBuilder.Configuration, builder.ApplicationBuilder.Environment);
        return builder;
    }

    public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder, OtlpProtocol protocol)
        where T : IResourceWithEnvironment
    {
        AddOtlpEnvironment(
            builder.Resource, builder.ApplicationBuilder.Configuration, builder.ApplicationBuilder.Environment, protocol);
        return builder;
    }

    public static void AddOtlpEnvironment(
        IResource resource, IConfiguration configuration, IHostEnvironment environment)
        => Add(resource, configuration, environment, protocol: null);

    public static void AddOtlpEnvironment(
        IResource resource, IConfiguration configuration, IHostEnvironment environment, OtlpProtocol protocol)
        => Add(resource, configuration, environment, protocol);

    private static void Add(
        IResource resource, IConfiguration configuration, IHostEnvironment environment, OtlpProtocol? protocol)
    {
        ArgumentNullException.ThrowIfNull(resource);

        resource.Annotations.Add(new OtlpExporterAnnotation { RequiredProtocol = protocol });
        resource.Annotations.Add(new EnvironmentCallbackAnnotation((EnvironmentCallbackContext context) =>
        {
            var (url, name) = Endpoint(configuration, protocol);
            if (url is null)
                return;

            var variables = context.EnvironmentVariables;
            variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = url;
            variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = name;
            variables["OTEL_SERVICE_NAME"] = resource.Name;
            variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={Guid.CreateVersion7().ToString("N")[^8..]}";
            if (configuration["AppHost:OtlpApiKey"] is { } key)
                variables["OTEL_EXPORTER_OTLP_HEADERS"] = $"x-otlp-api-key={key}";

            if (environment.IsDevelopment())
            {
                variables["OTEL_BLRP_SCHEDULE_DELAY"] = "1000"; // milliseconds, so that one sees at once what happens
                variables["OTEL_BSP_SCHEDULE_DELAY"] = "1000";
                variables["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
                variables["OTEL_TRACES_SAMPLER"] = "always_on";
                variables["OTEL_METRICS_EXEMPLAR_FILTER"] = "trace_based";
            }
        }));
    }

    private static (string? Url, string Protocol) Endpoint(IConfiguration configuration, OtlpProtocol? protocol)
    {
        var grpc = GrpcKeys.Select(k => configuration[k]).FirstOrDefault(v => !string.IsNullOrEmpty(v));
        var http = HttpKeys.Select(k => configuration[k]).FirstOrDefault(v => !string.IsNullOrEmpty(v));
        return protocol switch
        {
            OtlpProtocol.Grpc => (grpc, "grpc"),
            OtlpProtocol.HttpProtobuf => (http, "http/protobuf"),
            OtlpProtocol.HttpJson => (http, "http/json"),
            _ => grpc is not null ? (grpc, "grpc") : (http, "http/protobuf"),
        };
    }
}
