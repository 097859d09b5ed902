using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Hosting;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Lyceum.ServiceDefaults;

/// <summary>What every service has: telemetry, health, discovery, auth, errors, messaging.</summary>
public static class Defaults
{
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddHealthChecks();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(ServiceInfo.From(builder.Configuration, builder.Environment));
        builder.Services.AddSingleton<ServiceEndpoints>();
        builder.Services.AddSingleton<IdentityKeys>();
        builder.Services.AddSingleton(services => new IdentityTokens(
            services.GetRequiredService<IdentityKeys>(), services.GetRequiredService<ServiceInfo>(),
            services.GetRequiredService<TimeProvider>()));
        builder.Services.AddOptions<AnswersOptions>().BindConfiguration(AnswersOptions.Section).ValidateOnStart();
        return builder;
    }

    public static WebApplication MapServiceDefaults(this WebApplication app)
    {
        app.MapHealthChecks("/health");
        return app;
    }
}
