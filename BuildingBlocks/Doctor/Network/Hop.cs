using System.Net.Http.Headers;

namespace Lyceum.Doctor.Network;

/// <summary>A kind of proxy or load balancer, as far as it shows itself, and the names of its settings.</summary>
/// <param name="Timeout">How it is told to wait longer for a response; <c>{0}</c>: seconds.</param>
/// <param name="Buffering">How it is told to pass bytes on as they come.</param>
/// <param name="Sockets">How it is told to keep a socket; <c>{0}</c>: seconds.</param>
internal sealed record Hop(string Name, string Timeout, string Buffering, string Sockets)
{
    /// <summary>Nothing that shows itself.</summary>
    public static readonly Hop Unknown = new(
        "a hop that does not name itself",
        "Raise the timeouts of each proxy and load balancer before the gateway to {0} s: nginx proxy_read_timeout, HAProxy timeout server "
        + "and timeout client, GKE GCPBackendPolicy timeoutSec, Envoy route timeout 0s, ALB idle_timeout",
        "Turn buffering and compression of event streams off in each proxy before the gateway: nginx proxy_buffering off, gzip off",
        "Let each proxy before the gateway pass WebSockets on (Upgrade and Connection), and keep them for {0} s of silence: nginx "
        + "proxy_read_timeout, HAProxy timeout tunnel");

    private static readonly Hop Nginx = new(
        "nginx",
        "Set proxy_read_timeout and proxy_send_timeout to {0}s in nginx, for every location that leads to the gateway",
        "Set proxy_buffering off in nginx, and gzip off for text/event-stream; do not ignore X-Accel-Buffering",
        "In nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and Connection, and proxy_read_timeout {0}s for /ws/");

    private static readonly Hop HaProxy = new(
        "HAProxy",
        "Set timeout server and timeout client to {0}s in HAProxy",
        "Turn the compression filter off for text/event-stream in HAProxy",
        "Set timeout tunnel to {0}s in HAProxy");

    private static readonly Hop Google = new(
        "Google's load balancer",
        "Set spec.default.timeoutSec of the GCPBackendPolicy to {0}: it bounds the complete response",
        "Turn compressionMode off on the backend service, and Cloud CDN for these paths",
        "Set spec.default.timeoutSec of the GCPBackendPolicy to how long a session may last, {0} at least: it bounds sockets too");

    private static readonly Hop Envoy = new(
        "Envoy",
        "Set the route's timeout to 0s and its idle timeout to {0}s (Envoy Gateway: spec.rules.timeouts.request: 0s)",
        "Turn the compressor and buffer filters off for text/event-stream in Envoy",
        "Allow the upgrade websocket in Envoy, and set the route's idle timeout to {0}s");

    private static readonly Hop Cloudflare = new(
        "Cloudflare",
        "Cloudflare gives up after 120 s without a byte, which only its Enterprise plan changes: to {0} s there, else a name without its proxy",
        "Turn response buffering off in Cloudflare",
        "Turn WebSockets on in Cloudflare (Network)");

    private static readonly Hop Alb = new(
        "AWS's load balancer",
        "Set idle_timeout.timeout_seconds of the load balancer to {0}",
        "Put no buffering proxy behind the load balancer",
        "Set idle_timeout.timeout_seconds of the load balancer to {0}");

    private static readonly Hop ApplicationGateway = new(
        "Azure's Application Gateway",
        "Set the request time-out of the backend setting to {0} s",
        "Turn response buffering off in the Application Gateway's global configuration",
        "Set the request time-out of the backend setting to {0} s");

    private static readonly Hop FrontDoor = new(
        "Azure's Front Door",
        "Front Door waits 240 s at most (originResponseTimeoutSeconds): lower Answers:MaxDuration below that, or go without it; {0} s are "
        + "needed",
        "Front Door does not pass event streams on: go without it, or let it serve static pages alone",
        "Allow WebSockets in Front Door");

    private static readonly Hop Caddy = new(
        "Caddy",
        "Remove read_timeout and write_timeout from Caddy's transport, or set them to {0}s",
        "Set flush_interval -1 in Caddy's reverse_proxy, and encode nothing of text/event-stream",
        "Remove stream_timeout from Caddy's reverse_proxy, or set it above {0}s");

    private static readonly Hop Apache = new(
        "Apache",
        "Set ProxyTimeout to {0} in Apache",
        "Set flushpackets=on in Apache's ProxyPass, and SetEnv no-gzip for event streams",
        "Use ProxyPass … upgrade=websocket in Apache, with timeout={0}");

    /// <param name="body">The beginning of the answer's body, where it is the hop's own.</param>
    /// <returns>Null: it looks like Lyceum's own answer.</returns>
    public static Hop? Of(HttpResponseHeaders headers, string body)
    {
        var said = $"{headers.Server} {headers.Via}";
        return Says("nginx") || Says("openresty") ? Nginx
            : Says("cloudflare") ? Cloudflare
            : Says("google") ? Google
            : Says("envoy") || headers.Contains("x-envoy-upstream-service-time") || body.StartsWith("upstream request timeout", StringComparison.Ordinal)
                || body.StartsWith("stream timeout", StringComparison.Ordinal) ? Envoy
            : Says("awselb") ? Alb
            : Says("Microsoft-Azure-Application-Gateway") ? ApplicationGateway
            : headers.Contains("X-Azure-Ref") ? FrontDoor
            : Says("Caddy") ? Caddy
            : Says("Apache") ? Apache
            : body.Contains("<center>nginx", StringComparison.Ordinal) ? Nginx
            : IsHaProxys(body) ? HaProxy
            : null;

        bool Says(string name) => said.Contains(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Its own error pages, which name nobody.</summary>
    private static bool IsHaProxys(string body) =>
        body.Contains("The server didn't respond in time.", StringComparison.Ordinal)
        || body.Contains("Your browser didn't send a complete request in time.", StringComparison.Ordinal)
        || body.Contains("No server is available to handle this request.", StringComparison.Ordinal);
}
