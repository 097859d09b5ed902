using Microsoft.Extensions.Primitives;

namespace Lyceum.Gateway;

/// <summary>
/// What every answer tells a browser, whoever made the answer: content is what it says it is, no page frames it, its address is
/// nobody else's business, and a page runs what the gateway serves and nothing else.
/// </summary>
internal static class SecurityHeaders
{
    /// <summary>
    /// The UI's own scripts, styles and fonts; sound and pictures it makes itself; sockets and requests also to engines, which may stand
    /// elsewhere.
    /// </summary>
    private static readonly StringValues Page =
        "default-src 'self'; connect-src 'self' https: wss: ws://localhost:* ws://127.0.0.1:*; img-src 'self' data: blob:; media-src 'self' blob:; " +
        "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private static readonly StringValues Data = "default-src 'none'; frame-ancestors 'none'";
    private static readonly StringValues NoSniff = "nosniff";

    // Not no-referrer: with it a page's own requests say "Origin: null", and the cookie's lock needs their origin.
    private static readonly StringValues SameOrigin = "same-origin";
    private static readonly StringValues Year = "max-age=31536000";

    /// <summary>Before everything that may answer; set last, so that they survive an error and a service's own.</summary>
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
        // What is opened first is a page, whatever it is made of.
        headers.ContentSecurityPolicy = http.Request.Path == "/" || RunsInABrowser(http.Response.ContentType) ? Page : Data;
        if (http.Request.IsHttps && !IsThisMachine(http.Request.Host.Host))
            headers.StrictTransportSecurity = Year;
        return Task.CompletedTask;
    }

    /// <summary>Pages, and scripts: a worker's policy is the one that its script came with.</summary>
    private static bool RunsInABrowser(string? type) => type is not null
        && (type.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) || type.StartsWith("text/javascript", StringComparison.OrdinalIgnoreCase));

    /// <summary>A browser that is told so of localhost speaks https to every program there, for a year.</summary>
    private static bool IsThisMachine(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
