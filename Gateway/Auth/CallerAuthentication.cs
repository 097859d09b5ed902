using System.Security.Claims;
using System.Text.Encodings.Web;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// The gateway's authentication stage: <c>Authorization: Bearer</c> with an API token or a user's JWT, or a browser's session
/// cookie, which holds such a JWT. A spent one is refused; renewing it is the caller's to do (<c>/api/auth/refresh</c>).
/// </summary>
internal static class CallerAuthentication
{
    public static void AddCallers(this WebApplicationBuilder builder)
    {
        builder.Services.AddOptions<AuthOptions>().BindConfiguration(AuthOptions.Section);
        builder.Services.AddSingleton<ApiTokens>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ApiTokens>());
        // In place of the identity tokens that services accept: those are minted here and mean nothing outside.
        builder.Services.AddAuthentication(CallerHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CallerHandler>(CallerHandler.SchemeName, null);
    }

    private sealed class CallerHandler(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ApiTokens apiTokens,
        UserTokens userTokens)
        : ProblemAuthenticationHandler(options, loggers, encoder)
    {
        public const string SchemeName = "caller";

        private bool _fromCookie;

        /// <summary>A header wins: who sends one means it, and a browser sends its cookie with everything.</summary>
        protected override (string? Token, string? Refusal) ReadCredential()
        {
            if (!BrowserRequests.IsByCookie(Request))
                return base.ReadCredential();
            _fromCookie = true;
            return (Request.Cookies[UserCookies.Session], null);
        }

        protected override ValueTask<(ClaimsPrincipal? Principal, string? Refusal)> VerifyAsync(string token) =>
            // A JWT has two dots; an API token has what its maker gave it, so it is looked up first.
            !_fromCookie && apiTokens.Current.Find(token, TimeProvider.GetUtcNow()) is var found && (found.Principal is not null || !IsJwt(token))
                ? ValueTask.FromResult(found)
                : userTokens.VerifyAsync(token);

        private static bool IsJwt(string token) => token.AsSpan().Count('.') == 2;
    }
}
