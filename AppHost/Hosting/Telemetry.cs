using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.AppHost.Hosting;

/// <summary>
/// Where a service's telemetry goes: to the collector that <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names in AppHost's own
/// configuration, else to the dashboard where there is one, else nowhere.
/// </summary>
internal static class Telemetry
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // The operator's own collector, as the OpenTelemetry specification names its settings.
    private static readonly string[] Exporter = [Endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS"];

    // Set by Aspire for development. Students' questions and tickets in URLs must not be in traces, and an exporter that
    // retries in memory delays a service's end beyond the 6 s after which it is killed.
    private static readonly string[] Unwanted =
    [
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION",
        "OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION",
        "OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY",
        // "always_on" ignores that the caller, or a poll, asked not to be traced.
        "OTEL_TRACES_SAMPLER",
    ];

    /// <summary>Corrects what Aspire sets for a project's telemetry.</summary>
    public static IResourceBuilder<ProjectResource> WithTelemetry(this IResourceBuilder<ProjectResource> project)
    {
        var configuration = project.ApplicationBuilder.Configuration;
        return project.WithEnvironment(context =>
        {
            var variables = context.EnvironmentVariables;
            foreach (var name in Unwanted)
                variables.Remove(name);
            if (context.ExecutionContext.IsPublishMode)
                return; // the host's collector, which it tells its containers

            var collector = configuration[Endpoint] is { Length: > 0 };
            if (!collector && HasDashboard(context))
                return;
            foreach (var name in Exporter)
            {
                variables.Remove(name);
                if (collector && configuration[name] is { Length: > 0 } value)
                    variables[name] = value;
            }
        });
    }

    private static bool HasDashboard(EnvironmentCallbackContext context) =>
        context.ExecutionContext.Services.GetRequiredService<DistributedApplicationModel>().Resources
            .Any(resource => resource.Name == LocalRun.DashboardResource);
}
