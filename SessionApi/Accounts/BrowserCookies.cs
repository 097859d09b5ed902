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

    private static CookieOptions Options(HttpContext http, string path, TimeSpan? lifetime) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
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
