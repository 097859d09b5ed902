using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// A browser sends its cookies whoever made the request. So what changes something, and a WebSocket (which no browser asks
/// leave for), must come from this house's own pages, as the <c>Origin</c> header says; the cookie's <c>SameSite=Strict</c> is the
/// other half of the same lock.
/// </summary>
internal static class BrowserRequests
{
    /// <summary>Whether the cookie is what the caller would be known by.</summary>
    public static bool IsByCookie(HttpRequest request) =>
        request.Headers.Authorization.Count == 0 && !request.Headers.ContainsKey(CallerHandler.ApiKeyHeader)
        && (request.Cookies.ContainsKey(UserCookies.Session) || request.Cookies.ContainsKey(UserCookies.Refresh));

    /// <summary>After authentication, before anything is forwarded: 403 <c>forbidden_origin</c>.</summary>
    public static void UseOriginCheck(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<IOptionsMonitor<AuthOptions>>();
        var settings = app.Services.GetRequiredService<SettingsMonitor>();
        var refusals = app.Services.GetRequiredService<RefusalLog>();
        app.Use((http, next) => IsByCookie(http.Request) && !IsByToken(http.Request) && MayChangeSomething(http.Request)
            && !IsOwn(http.Request, options.CurrentValue, settings.Current.Cors) ? Refuse(http, refusals) : next(http));
    }

    private static Task Refuse(HttpContext http, RefusalLog refusals)
    {
        http.Response.StatusCode = StatusCodes.Status403Forbidden;
        refusals.Record(http, Refusals.Origin, keyId: null);
        return Problems.Create(
            StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenOrigin,
            "With a cookie, this takes an Origin header that is this server's own, or one of Auth:AllowedOrigins.").ExecuteAsync(http);
    }

    /// <summary>A live session's socket: its own token opens it, whoever's page it is on, and no cookie does.</summary>
    private static bool IsByToken(HttpRequest request) => request.Path.StartsWithSegments("/ws");

    /// <summary>Any <c>Upgrade</c>, not only a well-formed WebSocket's; over HTTP/2 that is <c>CONNECT</c>.</summary>
    private static bool MayChangeSomething(HttpRequest request) =>
        !(HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
        || request.Headers.Upgrade.Count > 0;

    private static bool IsOwn(HttpRequest request, AuthOptions options, CorsSettings cors)
    {
        if (request.Headers.Origin is not [{ } text] || !Uri.TryCreate(text, UriKind.Absolute, out var origin))
            return false; // none, or "null": a sandboxed page, a file
        return Same(origin, $"{request.Scheme}://{request.Host}") || options.AllowedOrigins.Any(allowed => Same(origin, allowed))
            || (cors.Credentials && cors.Origins.Any(allowed => Same(origin, allowed)));
    }

    /// <summary>Scheme, host and port; a default port is the same as none.</summary>
    private static bool Same(Uri origin, string other) =>
        Uri.TryCreate(other, UriKind.Absolute, out var uri)
        && Uri.Compare(origin, uri, UriComponents.SchemeAndServer, UriFormat.UriEscaped, StringComparison.OrdinalIgnoreCase) == 0;
}
