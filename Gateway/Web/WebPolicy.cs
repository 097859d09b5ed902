namespace Lyceum.Gateway.Web;

/// <summary>
/// What a browser lets the UI do: scripts, styles and pictures of the gateway alone, no inline ones, nothing evaluated,
/// and no string becomes HTML or a script's address except through the policies named here.
/// </summary>
internal static class WebPolicy
{
    /// <summary>
    /// The Trusted Types policies of the UI (<c>Web/src/app/trusted.ts</c>) and of its libraries, which need none.
    /// </summary>
    private static readonly string[] TrustedTypes = ["lyceum"];

    /// <summary>
    /// Microphone and camera for live sessions and photos. No other site's page is embedded, so nobody else gets them.
    /// </summary>
    public const string Permissions =
        "microphone=(self), camera=(self), autoplay=(self), clipboard-write=(self), fullscreen=(self), screen-wake-lock=(self), " +
        "accelerometer=(), bluetooth=(), clipboard-read=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), " +
        "midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()";

    /// <summary>
    /// <c>'self'</c> includes WebSockets of the gateway, in every browser that the UI is built for; sessions of engines
    /// elsewhere are added by <see cref="WebOptions.ConnectTo"/>.
    /// </summary>
    public static string ContentSecurity(IEnumerable<Uri> connectTo) => string.Join("; ",
    [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "font-src 'self'", "manifest-src 'self'", "worker-src 'self'",
        // What a person chose to send, before it is sent, and what a session says.
        "img-src 'self' data: blob:", "media-src 'self' blob:",
        string.Join(' ', ["connect-src 'self'", .. connectTo.Select(Socket).Distinct()]),
        "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'", "trusted-types " + string.Join(' ', TrustedTypes),
    ]);

    private static string Socket(Uri origin) => $"{(origin.Scheme is "https" or "wss" ? "wss" : "ws")}://{origin.Authority}";
}
