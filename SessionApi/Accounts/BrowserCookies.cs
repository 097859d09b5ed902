using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Sets and clears <see cref="UserCookies"/>.</summary>
internal static class BrowserCookies
{
    public static void Set(HttpContext http, string access, string refresh, AccountOptions options)
    {
        http.Response.Cookies.Append(UserCookies.Session, access, Options(http, "/", options.AccessLifetime));
        http.Response.Cookies.Append(UserCookies.Refresh, refresh, Options(http, UserCookies.RefreshPath, options.RefreshLifetime));
    }

    public static void Clear(HttpContext http)
    {
        http.Response.Cookies.Delete(UserCookies.Session, Options(http, "/", null));
        http.Response.Cookies.Delete(UserCookies.Refresh, Options(http, UserCookies.RefreshPath, null));
    }

    public static void SetOidc(HttpContext http, string state, TimeSpan lifetime) =>
        http.Response.Cookies.Append(UserCookies.Oidc, state, Options(http, UserCookies.OidcPath, lifetime, SameSiteMode.Lax));

    public static void ClearOidc(HttpContext http) =>
        http.Response.Cookies.Delete(UserCookies.Oidc, Options(http, UserCookies.OidcPath, null, SameSiteMode.Lax));

    private static CookieOptions Options(HttpContext http, string path, TimeSpan? lifetime, SameSiteMode sameSite = SameSiteMode.Strict) => new()
    {
        HttpOnly = true,
        SameSite = sameSite,
        Secure = IsHttps(http.Request),
        Path = path,
        MaxAge = lifetime,
        IsEssential = true,
    };

    /// <summary>
    /// As the gateway was reached, or as the browser says its page was: TLS may end before the gateway. (Who lies here spoils
    /// his own cookie.)
    /// </summary>
    private static bool IsHttps(HttpRequest request) =>
        request.IsHttps
        || string.Equals(request.Headers["X-Forwarded-Proto"], "https", StringComparison.OrdinalIgnoreCase)
        || request.Headers.Origin.ToString().StartsWith("https://", StringComparison.OrdinalIgnoreCase);
}
