using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Auth.Hmac;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Authentication;

namespace Lyceum.Gateway.Auth;

/// <summary>The gateway's authentication stage.</summary>
internal static class CallerAuthentication
{
    public static void AddCallers(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AuthOptions>().BindConfiguration(AuthOptions.Section);
        var devToken = builder.Configuration[$"{AuthOptions.Section}:{nameof(AuthOptions.DevTokenFile)}"];
        var devTokenFile = builder.Environment.IsDevelopment() && devToken is { Length: > 0 }
            ? Path.GetFullPath(devToken) : null;
        builder.Services.AddSettingsSection<AuthSettings, LoadedCredentials>(
            "auth", (auth, check) => CredentialReader.Load(auth, devTokenFile, check));
        builder.Services.AddSingleton<CredentialStore>();
        builder.Services.AddSingleton<RejectionLog>();
        builder.Services.AddSingleton<NonceStore>();
        builder.Services.AddHostedService(services => services.GetRequiredService<NonceStore>());
        builder.Services.AddSingleton<SignedBodies>();
        // Replaces the scheme for identity tokens, which the gateway mints for services and does not accept from
        // callers.
        builder.Services.AddAuthentication(CallerScheme.Name)
            .AddScheme<AuthenticationSchemeOptions, CallerHandler>(CallerScheme.Name, null);
    }

    /// <summary>
    /// After authentication and authorization, before any endpoint: a browser's origin, then a signed request's body
    /// and nonce.
    /// </summary>
    public static void UseCallers(this WebApplication app)
    {
        // Created now rather than with the first request, so that the log of a start names the credentials.
        app.Services.GetRequiredService<CredentialStore>();
        app.UseOriginCheck();
        app.Use(app.Services.GetRequiredService<SignedBodies>().InvokeAsync);
    }
}
