using Lyceum.Gateway.Auth.Credentials;
using Lyceum.Gateway.Auth.Rejections;
using Lyceum.Gateway.Edge;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Auth;

/// <summary>
/// Protection against cross-site request forgery. A browser sends its cookies with every request, whichever page makes
/// it. So a request that may change something, and a WebSocket (for which browsers send no CORS preflight), must have
/// an <c>Origin</c> of the gateway's own pages. The cookie's <c>SameSite=Strict</c> is the second protection.
/// </summary>
internal static class BrowserRequests
{
    /// <summary>Whether the caller would be authenticated by the cookie.</summary>
    public static bool IsByCookie(HttpRequest request) =>
        request.Headers.Authorization.Count == 0 && !request.Headers.ContainsKey(CallerHandler.ApiKeyHeader)
        && (UserCookies.Read(request, UserCookies.Session) ?? UserCookies.Read(request, UserCookies.Refresh)) is not null;

    /// <summary>After authentication, before anything is forwarded: 403 <c>forbidden_origin</c>.</summary>
    public static void UseOriginCheck(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<IOptionsMonitor<AuthOptions>>();
        var settings = app.Services.GetRequiredService<SettingsMonitor>();
        var rejections = app.Services.GetRequiredService<RejectionLog>();
        app.Use((http, next) => IsByCookie(http.Request) && !IsByToken(http.Request) && MayChangeSomething(http.Request)
            && !IsOwn(http.Request, options.CurrentValue, settings.Get<CorsSettings>())
                ? Refuse(http, rejections) : next(http));
    }

    private static Task Refuse(HttpContext http, RejectionLog rejections)
    {
        http.Response.StatusCode = StatusCodes.Status403Forbidden;
        rejections.Record(http, RejectionReason.Origin, keyId: null);
        return Problems.Create(
            StatusCodes.Status403Forbidden, ErrorCodes.ForbiddenOrigin,
            "With a cookie, this takes an Origin header that is this server's own, or one of Auth:AllowedOrigins.").ExecuteAsync(http);
    }

    /// <summary>
    /// A live session's socket is opened by its own token, from any page, and never by a cookie. A socket that asks for a
    /// scope is as every other route.
    /// </summary>
    private static bool IsByToken(HttpRequest request) =>
        request.Path.StartsWithSegments("/ws") && request.HttpContext.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>() is null;

    /// <summary>
    /// Counts any <c>Upgrade</c>, not only a well-formed WebSocket's; over HTTP/2 the method is <c>CONNECT</c>.
    /// </summary>
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
