using Microsoft.AspNetCore.Http;

namespace Lyceum.ServiceDefaults.Auth;

/// <summary>
/// How a browser is signed in: HttpOnly, SameSite=Strict cookies that SessionApi sets and the gateway reads. Scripts
/// cannot read them. On https their names get <see cref="HostPrefix"/>, so that no other host of the site, and no page by plain
/// http, can set one.
/// </summary>
public static class UserCookies
{
    /// <summary>Browsers take a cookie of such a name only from https, for this host alone, and for every path.</summary>
    public const string HostPrefix = "__Host-";

    /// <summary>The user's JWT (<see cref="UserTokens"/>), for every path.</summary>
    public const string Session = "lyceum_session";

    /// <summary>The refresh token; the gateway forwards it below <see cref="RefreshPath"/> alone.</summary>
    public const string Refresh = "lyceum_refresh";

    public const string RefreshPath = "/api/auth";

    /// <summary>
    /// A sign-in by an external provider that has begun; forwarded below <see cref="OidcPath"/> alone. SameSite=Lax: the way back from the
    /// provider is another site's navigation. It is no sign-in by itself.
    /// </summary>
    public const string Oidc = "lyceum_oidc";

    public const string OidcPath = "/api/auth/oidc";

    /// <summary>The cookie that a request carries: the prefixed one, if there are both. Null: none.</summary>
    public static string? Read(HttpRequest request, string name)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Cookies[HostPrefix + name] is { Length: > 0 } prefixed ? prefixed : request.Cookies[name];
    }
}
