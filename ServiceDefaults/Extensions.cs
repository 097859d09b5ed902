using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Health;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.ServiceDefaults.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Lyceum.ServiceDefaults;

/// <summary>
/// What every service has: telemetry, health, discovery, identity, errors, drain. The methods are those of Aspire's
/// service defaults template; <see cref="UseServiceDefaults"/> is what Lyceum adds to it.
/// </summary>
public static class Extensions
{
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        PrivateFiles.SetUmask();
        builder.Services.AddSingleton(ServiceInfo.From(builder.Configuration, builder.Environment));
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddConsoleLogs();
        builder.ConfigureOpenTelemetry();
        builder.AddDefaultHealthChecks();
        builder.Services.AddServiceDiscovery();
        builder.Services.AddHttpClientDefaults();

        builder.AddAnswersOptions();
        builder.AddWebDefaults();
        builder.AddAllowedHosts();
        builder.AddShareOptions();
        builder.Services.AddProblemDocuments();
        builder.AddIdentity();
        builder.AddDrain();
        return builder;
    }

    /// <summary>
    /// The middleware every request goes through. Called before any other middleware: what comes before it has neither problem
    /// documents nor an identity.
    /// </summary>
    public static WebApplication UseServiceDefaults(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseHeadRequests();
        app.UseProblemDocuments();
        app.UseBodyLimit();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRequestPlaces();
        app.UseBodyRefusal();
        return app;
    }

    /// <summary>
    /// <c>/health</c>, <c>/alive</c>, <c>/version</c>, <c>/health/db</c> and <c>/metrics</c>, in every environment: the first four
    /// show nothing that is not public, <c>/metrics</c> answers this machine or scope <c>ops</c>.
    /// </summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.MapHealth();
        app.MapMetrics();
        app.MapApiDescription();
        return app;
    }
}
