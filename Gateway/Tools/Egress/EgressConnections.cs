using System.Net;
using System.Net.Sockets;
using Lyceum.Gateway.Settings;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Tools.Egress;

/// <summary>
/// The connections of all tools' requests. Each is checked when it is made, by the address that it is made to; when the
/// allowed addresses change, no earlier connection is used again. No redirects, proxies, cookies, decompression or
/// trace headers.
/// </summary>
internal sealed class EgressConnections(SettingsMonitor settings, IOptions<AnswersOptions> answers) : HttpMessageHandler
{
    private readonly Lock _replacing = new();

    // Replaced under the lock when the settings change.
    private volatile Pool? _pool;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Http.SendAsync(request, cancellationToken);

    /// <summary>For one request; the next may need another.</summary>
    public HttpMessageInvoker Http => Current.Http;

    private Pool Current
    {
        get
        {
            // Every reading of the file makes new settings, also if another section has changed.
            var wanted = settings.Get<EgressSettings>();
            var pool = _pool;
            if (pool is not null && (ReferenceEquals(pool.Settings, wanted) || pool.Settings.Allow.SequenceEqual(wanted.Allow)))
                return pool;
            lock (_replacing)
            {
                if (ReferenceEquals(pool, _pool))
                {
                    _pool = new Pool(wanted, answers.Value.Connect);
                    pool?.Dispose(); // requests in flight are not affected
                }
                return _pool!;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _pool?.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Pool : IDisposable
    {
        private readonly EgressPolicy _policy;

        public Pool(EgressSettings settings, TimeSpan connectTimeout)
        {
            (Settings, _policy) = (settings, new EgressPolicy(settings.Allow));
            Http = new HttpMessageInvoker(new SocketsHttpHandler
            {
                ConnectCallback = ConnectAsync,
                ConnectTimeout = connectTimeout,
                PooledConnectionLifetime = TimeSpan.FromMinutes(2),
                PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
                MaxResponseHeadersLength = 32, // KB
                MaxResponseDrainSize = 0, // an answer that is not needed is not read to its end
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                UseCookies = false,
                UseProxy = false,
                PreAuthenticate = false,
                ActivityHeadersPropagator = null,
            });
        }

        public EgressSettings Settings { get; }

        public HttpMessageInvoker Http { get; }

        private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
        {
            var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
            var addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellationToken);
            // Connects to the addresses that were checked: the name is not resolved again.
            var allowed = addresses.Where(address => _policy.Allows(host, address, port)).ToArray();
            if (allowed.Length == 0)
                throw new EgressRefusedException(host);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(allowed, port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        public void Dispose() => Http.Dispose();
    }
}

/// <summary>The name resolves to no address that tools may connect to.</summary>
internal sealed class EgressRefusedException(string host)
    : Exception($"{host} leads to no public address, and tools.egress.allow does not name it")
{
    /// <summary>Anywhere in the chain: HttpClient and others wrap it.</summary>
    public static bool IsCauseOf(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is EgressRefusedException)
                return true;
        }
        return false;
    }
}
