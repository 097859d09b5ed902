using System.Net;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Addressing;

/// <summary>
/// Where a client reaches this engine: the configured public URL, else the address at which the session was asked for,
/// as a trusted proxy forwarded it. A loopback address is never given to a client on another machine: the request is
/// rejected with an error that names the setting, and <c>/health</c> reports it.
/// </summary>
internal sealed class PublicAddress(IOptions<EngineAddressOptions> options, IServer server, TimeProvider time) : IHealthCheck
{
    private const string Advice =
        "the address clients would be given is this machine's own: set Engine:PublicUrl (WEBSOCKET_URL) to one that they can reach";

    private static readonly TimeSpan Reported = TimeSpan.FromMinutes(10);

    private readonly IPNetwork[] _trusted = options.Value.Trusted;
    private readonly Uri? _configured = Configured(options.Value.PublicUrl);
    private long _rejectedAt; // the time provider's timestamp; 0: never

    /// <summary><c>ws[s]://host[:port]/ws/{session}?token=…</c></summary>
    /// <exception cref="ProblemException">500 <c>public_url_not_configured</c>.</exception>
    public string For(HttpContext http, Caller caller, string session, string token) =>
        $"{For(http, caller, session)}?token={token}";

    /// <summary>The same without a token.</summary>
    /// <exception cref="ProblemException">500 <c>public_url_not_configured</c>.</exception>
    public string For(HttpContext http, Caller caller, string session)
    {
        // A service forwards its caller's headers; it is trusted by its identity, not by its address.
        var isBehind = caller.Kind == CallerKind.Service || IsTrusted(http.Connection.RemoteIpAddress);
        var url = _configured ?? FromRequest(http.Request, isBehind);
        if (url.IsLoopback && !IsLocal(http, isBehind))
        {
            Interlocked.Exchange(ref _rejectedAt, time.GetTimestamp());
            throw new ProblemException(
                StatusCodes.Status500InternalServerError, ErrorCodes.PublicUrlNotConfigured, $"No session was made: {Advice}.");
        }
        return $"{url.GetLeftPart(UriPartial.Path).TrimEnd('/')}/ws/{session}";
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var rejected = Interlocked.Read(ref _rejectedAt);
        var isRejecting = rejected != 0 && time.GetElapsedTime(rejected) < Reported;
        var isShut = _configured is { IsLoopback: true } && IsOpenToOthers();
        return Task.FromResult(isRejecting || isShut
            ? HealthCheckResult.Degraded($"{ErrorCodes.PublicUrlNotConfigured}: {Advice}")
            : HealthCheckResult.Healthy(_configured?.ToString() ?? "as each session is asked for"));
    }

    private static Uri? Configured(string? url)
    {
        if (string.IsNullOrWhiteSpace(url))
            return null;
        var given = new UriBuilder(url) { Query = "", Fragment = "" };
        // UriBuilder keeps the port it found, 80 for http, which is also ws's.
        given.Scheme = given.Scheme is "https" or "wss" ? "wss" : "ws";
        given.Path = given.Path.TrimEnd('/');
        if (given.Path.EndsWith("/ws", StringComparison.Ordinal))
            given.Path = given.Path[..^"/ws".Length];
        return given.Uri;
    }

    private static Uri FromRequest(HttpRequest request, bool isBehind)
    {
        var host = isBehind ? Last(request, "X-Forwarded-Host") : null;
        var scheme = isBehind ? Last(request, "X-Forwarded-Proto") : null;
        var secure = scheme is null ? request.IsHttps : string.Equals(scheme, "https", StringComparison.OrdinalIgnoreCase);
        return Uri.TryCreate($"{(secure ? "wss" : "ws")}://{host ?? request.Host.Value}", UriKind.Absolute, out var url)
            ? url
            : throw new ProblemException(StatusCodes.Status400BadRequest, ErrorCodes.InvalidRequest, "The Host header is no host.");
    }

    /// <summary>
    /// Whether the caller is on this machine: the nearest address that is not a trusted proxy's is loopback.
    /// </summary>
    private bool IsLocal(HttpContext http, bool isBehind)
    {
        var client = http.Connection.RemoteIpAddress;
        if (isBehind)
        {
            var hops = http.Request.Headers["X-Forwarded-For"].SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)).Reverse();
            foreach (var hop in hops.Where(hop => hop.Length > 0))
            {
                if (!IPEndPoint.TryParse(hop, out var end))
                    return false;
                client = end.Address;
                if (!IsTrusted(client))
                    break;
            }
        }
        return client is null || IPAddress.IsLoopback(client);
    }

    private bool IsTrusted(IPAddress? address)
    {
        if (address is null)
            return false;
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return _trusted.Any(network => network.Contains(plain));
    }

    private bool IsOpenToOthers() =>
        (server.Features.Get<IServerAddressesFeature>()?.Addresses ?? []).Any(
            address => !(BindingAddress.Parse(address).Host is "localhost" or "127.0.0.1" or "[::1]"));

    // Each proxy appends its own value: the last one is from the nearest proxy, which is the one that is trusted.
    private static string? Last(HttpRequest request, string header) =>
        request.Headers[header].LastOrDefault()?.Split(',', StringSplitOptions.TrimEntries).LastOrDefault(value => value.Length > 0);
}
