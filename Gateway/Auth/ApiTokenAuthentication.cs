using System.Security.Claims;
using System.Text.Encodings.Web;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Auth;

/// <summary>The gateway's authentication stage: <c>Authorization: Bearer</c> with an API token.</summary>
internal static class ApiTokenAuthentication
{
    public static void AddApiTokens(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AuthOptions>().BindConfiguration(AuthOptions.Section);
        builder.Services.AddSingleton<ApiTokens>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ApiTokens>());
        // In place of the identity tokens that services accept: those are minted here and mean nothing outside.
        builder.Services.AddAuthentication(ApiTokens.Scheme)
            .AddScheme<AuthenticationSchemeOptions, ApiTokenHandler>(ApiTokens.Scheme, null);
    }

    private sealed class ApiTokenHandler(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ApiTokens tokens)
        : ProblemAuthenticationHandler(options, loggers, encoder)
    {
        protected override ValueTask<(ClaimsPrincipal? Principal, string? Refusal)> VerifyAsync(string token) =>
            ValueTask.FromResult(tokens.Current.Find(token, TimeProvider.GetUtcNow()));
    }
}
