using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Tenants;

internal static class MemberStage
{
    private const string Scheme = "member";

    public static WebApplicationBuilder AddTenants(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<Members>();
        return builder;
    }

    /// <summary>
    /// After authentication: from here on <see cref="Caller.Person"/> and <see cref="Caller.Role"/> say whose things a request is
    /// about (<see cref="Members"/>), and queries use (tenant, person). Only where there are such things: not for health.
    /// </summary>
    public static void UseMembers(this WebApplication app) => app.Use(async (http, next) =>
    {
        var isInternal = http.Request.Path.StartsWithSegments("/internal");
        if (http.User.Identity is CallerIdentity { Caller: { } caller } identity
            && (isInternal || http.Request.Path.StartsWithSegments("/api")))
        {
            var members = http.RequestServices.GetRequiredService<Members>();
            var resolved = await members.ResolveAsync(caller, isInternal, http.RequestAborted);
            if (!ReferenceEquals(resolved, caller))
                http.User = CallerIdentity.Principal(resolved, identity.AuthenticationType ?? Scheme);
        }
        await next(http);
    });
}
