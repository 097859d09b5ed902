using Lyceum.ServiceDefaults.Auth;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Sets and clears <see cref="UserCookies"/>: on https under their prefixed names, which ask for the path <c>/</c>.</summary>
internal static class BrowserCookies
{
    public static void Set(HttpContext http, string access, string refresh, AccountOptions options)
    {
        Set(http, UserCookies.Session, access, "/", options.AccessLifetime);
        Set(http, UserCookies.Refresh, refresh, UserCookies.RefreshPath, options.RefreshLifetime);
    }

    public static void Clear(HttpContext http)
    {
        Clear(http, UserCookies.Session, "/");
        Clear(http, UserCookies.Refresh, UserCookies.RefreshPath);
    }

    public static void SetOidc(HttpContext http, string state, TimeSpan lifetime) =>
        Set(http, UserCookies.Oidc, state, UserCookies.OidcPath, lifetime, SameSiteMode.Lax);

    public static void ClearOidc(HttpContext http) => Clear(http, UserCookies.Oidc, UserCookies.OidcPath, SameSiteMode.Lax);

    private static void Set(
        HttpContext http, string name, string value, string path, TimeSpan lifetime, SameSiteMode sameSite = SameSiteMode.Strict)
    {
        if (!IsHttps(http.Request))
        {
            http.Response.Cookies.Append(name, value, Options(path, isHttps: false, lifetime, sameSite));
            return;
        }
        http.Response.Cookies.Append(UserCookies.HostPrefix + name, value, Options("/", isHttps: true, lifetime, sameSite));
        // Of before there was the prefix.
        if (http.Request.Cookies.ContainsKey(name))
            http.Response.Cookies.Delete(name, Options(path, isHttps: true, null, sameSite));
    }

    private static void Clear(HttpContext http, string name, string path, SameSiteMode sameSite = SameSiteMode.Strict)
    {
        var isHttps = IsHttps(http.Request);
        http.Response.Cookies.Delete(name, Options(path, isHttps, null, sameSite));
        if (isHttps)
            http.Response.Cookies.Delete(UserCookies.HostPrefix + name, Options("/", isHttps: true, null, sameSite));
    }

    private static CookieOptions Options(string path, bool isHttps, TimeSpan? lifetime, SameSiteMode sameSite) => new()
    {
        HttpOnly = true,
        SameSite = sameSite,
        Secure = isHttps,
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
