using Lyceum.Gateway.Docs;
using Microsoft.Extensions.Primitives;

namespace Lyceum.Gateway.Edge;

/// <summary>
/// Security headers of every response, also of forwarded ones: no guessing of content types, no framing, no
/// <c>Referer</c> to other sites, and a page runs only scripts that the gateway serves.
/// </summary>
internal static class SecurityHeaders
{
    /// <summary>
    /// For pages: the UI's own scripts, styles and fonts; sound and pictures that it makes itself; sockets and requests
    /// also to engines, which may have other origins.
    /// </summary>
    private static readonly StringValues Page =
        "default-src 'self'; connect-src 'self' https: wss: ws://localhost:* ws://127.0.0.1:*; img-src 'self' data: blob:; media-src 'self' blob:; " +
        "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private static readonly StringValues Data = "default-src 'none'; frame-ancestors 'none'";
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
        // The root is opened in a browser, also where the answer to it is JSON.
        headers.ContentSecurityPolicy = ApiDocs.ContentSecurityPolicy(http)
            ?? (http.Request.Path == "/" || RunsInABrowser(http.Response.ContentType) ? Page : Data);
        if (http.Request.IsHttps && !IsThisMachine(http.Request.Host.Host))
            headers.StrictTransportSecurity = Year;
        return Task.CompletedTask;
    }

    /// <summary>Pages, and scripts: a worker's policy is that of its script.</summary>
    private static bool RunsInABrowser(string? type) => type is not null
        && (type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) || type.StartsWith("text/javascript", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// A browser that got the header from localhost would use https for every program on this machine, for a year.
    /// </summary>
    private static bool IsThisMachine(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
