using Lyceum.Gateway.Settings;
using Microsoft.AspNetCore.Authentication;

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
        // In place of the identity tokens that services accept: those are minted here and mean nothing outside.
        builder.Services.AddAuthentication(CallerHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CallerHandler>(CallerHandler.SchemeName, null);
    }
}
