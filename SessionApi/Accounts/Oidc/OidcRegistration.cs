using Lyceum.ServiceDefaults.Http;

namespace Lyceum.SessionApi.Accounts.Oidc;

internal static class OidcRegistration
{
    /// <summary>Signing in with an external provider, where one is configured.</summary>
    public static void AddOidc(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient(OidcDiscovery.HttpClientName);
        builder.Services.AddSingleton<OidcDiscovery>();
        builder.Services.AddSingleton<OidcClient>();
        builder.Services.AddScoped<ExternalAccounts>();
    }
}
