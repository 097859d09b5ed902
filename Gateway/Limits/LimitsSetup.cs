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
        services.AddSingleton<RateLimits>();
        services.AddSingleton<BudgetStore>();
        services.AddSingleton<BudgetKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<BudgetKeeper>());
        services.AddSingleton<BudgetCheck>();
        services.AddSingleton<LimitStage>();
        services.AddSingleton<ModelTokens>();
    }

    /// <summary>After authorization: a refused caller uses nothing of anybody's.</summary>
    public static void UseLimits(this WebApplication app)
    {
        var stage = app.Services.GetRequiredService<LimitStage>();
        var tokens = app.Services.GetRequiredService<ModelTokens>();
        app.Use((http, next) =>
        {
            if (http.User.Identity is not CallerIdentity identity || IsFree(http.GetEndpoint()?.Metadata))
                return next(http);
            var admitted = stage.AdmitAsync(http, identity);
            return admitted is { IsCompletedSuccessfully: true, Result: null } ? next(http) : GoOnAsync(admitted, http, next);
        });
        app.UseModelMeter(tokens);
    }

    /// <summary>What is open to all costs nobody, known or not; nor does a look at how the gateway is, which counts nowhere.</summary>
    private static bool IsFree(EndpointMetadataCollection? endpoint) =>
        endpoint?.GetMetadata<FreeOfLimits>() is not null
        || endpoint?.GetMetadata<IAllowAnonymous>() is not null
        || endpoint?.GetMetadata<IDisableHttpMetricsMetadata>() is not null;

    private static async Task GoOnAsync(ValueTask<ServiceDefaults.Errors.ProblemException?> admitted, HttpContext http, RequestDelegate next)
    {
        if (await admitted is { } refused)
            await refused.ToResult().ExecuteAsync(http);
        else
            await next(http);
    }
}
