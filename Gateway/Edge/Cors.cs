using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Cors.Infrastructure;

namespace Lyceum.Gateway.Edge;

internal static class CorsRegistration
{
    public static void AddCors(this WebApplicationBuilder builder)
    {
        builder.Services.AddSettingsSection<CorsSettings>("cors");
        builder.Services.AddCors();
        builder.Services.AddSingleton<ICorsPolicyProvider, Cors>();
    }
}

/// <summary>
/// The section <c>cors</c> as a policy, made again when the section changes. Without origins there is no CORS.
/// </summary>
internal sealed class Cors(SettingsMonitor settings) : ICorsPolicyProvider
{
    private static readonly TimeSpan PreflightMaxAge = TimeSpan.FromMinutes(10);

    // Replaced as a whole; two requests that replace it at once make the same policy.
    private volatile Made _made = new(new CorsSettings(), null);

    private sealed record Made(CorsSettings From, CorsPolicy? Policy);

    public Task<CorsPolicy?> GetPolicyAsync(HttpContext context, string? policyName)
    {
        var current = settings.Get<CorsSettings>();
        var made = _made;
        if (!ReferenceEquals(made.From, current))
            _made = made = new Made(current, Policy(current));
        return Task.FromResult(made.Policy);
    }

    private static CorsPolicy? Policy(CorsSettings cors)
    {
        if (cors.Origins.Count == 0)
            return null;
        var policy = new CorsPolicyBuilder([.. cors.Origins]).AllowAnyHeader().AllowAnyMethod().SetPreflightMaxAge(PreflightMaxAge)
            .WithExposedHeaders(RequestIds.Header, "Retry-After", "RateLimit", "RateLimit-Policy", "Server-Timing", "WWW-Authenticate");
        if (cors.Credentials)
            policy.AllowCredentials();
        return policy.Build();
    }
}
