using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;

namespace Lyceum.Gateway.Limits;

/// <summary>Rates and budgets (docs/limits.md).</summary>
internal static class LimitsSetup
{
    public static void AddLimits(this WebApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddSettingsSection<LimitsSettings>("limits");
        services.AddSingleton<RateLimits>();
        services.AddSingleton<BudgetStore>();
        services.AddSingleton<ReplicaBudgets>();
        services.AddHostedService(provider => provider.GetRequiredService<ReplicaBudgets>());
        services.AddSingleton<BudgetCheck>();
        services.AddSingleton<TenantBudgets>();
        services.AddHostedService(provider => provider.GetRequiredService<TenantBudgets>());
        services.AddSingleton<Students>();
        services.AddSingleton<ModelUse>();
        services.AddHostedService(provider => provider.GetRequiredService<ModelUse>());
        services.AddSingleton<LimitStage>();
        services.AddSingleton<ModelTokens>();
    }

    /// <summary>After authorization: a rejected request counts nowhere.</summary>
    public static void UseLimits(this WebApplication app)
    {
        var stage = app.Services.GetRequiredService<LimitStage>();
        var tokens = app.Services.GetRequiredService<ModelTokens>();
        app.Use((http, next) =>
        {
            if (http.User.Identity is not CallerIdentity identity || IsFree(http.GetEndpoint()?.Metadata))
                return next(http);
            var admitted = stage.AdmitAsync(http, identity);
            return admitted is { IsCompletedSuccessfully: true, Result: null }
                ? next(http) : ContinueAsync(admitted, http, next);
        });
        app.UseModelMeter(tokens);
    }

    /// <summary>
    /// Endpoints that are open to all, and those for health and metrics, have no limits, for any caller.
    /// </summary>
    private static bool IsFree(EndpointMetadataCollection? endpoint) =>
        endpoint?.GetMetadata<FreeOfLimits>() is not null
        || endpoint?.GetMetadata<IAllowAnonymous>() is not null
        || endpoint?.GetMetadata<IDisableHttpMetricsMetadata>() is not null;

    private static async Task ContinueAsync(
        ValueTask<ServiceDefaults.Errors.ProblemException?> admitted, HttpContext http, RequestDelegate next)
    {
        if (await admitted is { } refused)
            await refused.ToResult().ExecuteAsync(http);
        else
            await next(http);
    }
}
