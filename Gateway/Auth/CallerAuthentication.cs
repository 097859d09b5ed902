using Lyceum.Gateway.Auth.Hmac;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Cors.Infrastructure;

namespace Lyceum.Gateway.Auth;

/// <summary>The gateway's authentication stage: who may be a caller, and what it takes.</summary>
internal static class CallerAuthentication
{
    /// <summary>After <see cref="SettingsRegistration.AddSettings"/>.</summary>
    public static void AddCallers(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AuthOptions>().BindConfiguration(AuthOptions.Section);
        builder.Services.AddSingleton<CredentialStore>();
        builder.Services.AddSingleton<RefusalLog>();
        builder.Services.AddSingleton<NonceStore>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NonceStore>());
        builder.Services.AddSingleton<SignedBodies>();
        builder.Services.AddCors();
        builder.Services.AddSingleton<ICorsPolicyProvider, Cors>();
        // In place of the identity tokens that services accept: those are minted here and mean nothing outside.
        builder.Services.AddAuthentication(CallerHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CallerHandler>(CallerHandler.SchemeName, null);
    }
    /// <summary>After authentication and authorization, before what answers: a signed request's body and nonce.</summary>
    public static void UseSignedBodies(this WebApplication app)
    {
        var bodies = app.Services.GetRequiredService<SignedBodies>();
        app.Use(bodies.InvokeAsync);
    }
}
