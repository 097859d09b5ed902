using Lyceum.Gateway.Docs;
using Lyceum.Gateway.Web;
using Microsoft.Extensions.Primitives;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// Security headers of every response, also of forwarded ones: no guessing of content types, no framing, no
/// <c>Referer</c> to other sites. The gateway's own pages say what they may do; any other response may do nothing.
/// </summary>
internal static class SecurityHeaders
{
    private const string Data = "default-src 'none'; frame-ancestors 'none'";
    private static readonly StringValues NoSniff = "nosniff";

    // Not no-referrer: with it a page's own requests send "Origin: null", and the check of cookie requests needs their
    // origin.
    private static readonly StringValues SameOrigin = "same-origin";
    private static readonly StringValues Year = "max-age=31536000";

    /// <summary>
    /// Before everything that may answer. Set when the response starts, so that they survive an exception and replace a
    /// service's own.
    /// </summary>
    public static void UseSecurityHeaders(this WebApplication app) => app.Use((http, next) =>
    {
        http.Response.OnStarting(static state => Set((HttpContext)state), http);
        return next(http);
    });

    private static Task Set(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = NoSniff;
        headers["Referrer-Policy"] = SameOrigin;
        headers.ContentSecurityPolicy = ApiDocs.ContentSecurityPolicy(http) ?? WebPages.ContentSecurityPolicy(http) ?? Data;
        if (http.Request.IsHttps && !IsThisMachine(http.Request.Host.Host))
            headers.StrictTransportSecurity = Year;
        return Task.CompletedTask;
    }

    /// <summary>
    /// A browser that got the header from localhost would use https for every program on this machine, for a year.
    /// </summary>
    private static bool IsThisMachine(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
