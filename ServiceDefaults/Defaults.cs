using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.Metrics;
using Lyceum.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Lyceum.ServiceDefaults;

/// <summary>What every service has: telemetry, health, discovery, identity, errors, an orderly end.</summary>
public static class Defaults
{
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddConsoleLogs();
        var info = ServiceInfo.From(builder.Configuration, builder.Environment);
        builder.Services.AddSingleton(info);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ServiceEndpoints>();
        builder.Services.AddOptions<AnswersOptions>().BindConfiguration(AnswersOptions.Section).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<AnswersOptions>, AnswersValidator>();

        builder.AddWebDefaults();
        builder.Services.AddProblemDocuments();
        builder.AddIdentity();
        builder.Services.AddHealth();
        builder.Services.AddPrometheusMetrics();
        builder.AddOtlpExport(info);
        builder.AddDrain();
        return builder;
    }

    /// <summary>
    /// The pipeline, and the open endpoints. Called before any other middleware: what comes before it has neither problem
    /// documents nor an identity.
    /// </summary>
    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseRequestSpans();
        app.UseProblemDocuments();
        app.UseBodyLimit();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseBodyRefusal();
        app.MapHealth();
        app.MapMetrics();
        return app;
    }
}
