using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>
/// Each way to one gateway, sound or with one fault, examined at the same time: an examination waits more than it works.
/// </summary>
public sealed class NetworkFixture : IAsyncLifetime
{
    private readonly Dictionary<string, Task<Examined>> _examinations = [];
    private readonly List<IAsyncDisposable> _parts = [];
    private Installation _installation = null!;

    private const string Gzip = "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;";

    public const string Expired = "expired", OtherName = "other name", EndsSoon = "ends soon", NobodyTrusts = "nobody trusts";

    public async ValueTask InitializeAsync()
    {
        _installation = await Installation.StartAsync();
        var gateway = _installation.Gateway;
        Begin("gateway", gateway);
        Begin("no token", gateway, token: null);
        Begin("wrong token", gateway, token: "wrong");
        Begin("token without scope", gateway, token: TestGateway.Secret);
        Begin("closed port", new Uri($"http://localhost:{Proxy.FreePort()}"));
        if (Proxy.HasHaProxy)
        {
            Begin("haproxy", await AddAsync(Proxy.HaProxyAsync(gateway)));
            Begin("haproxy 5 s", await AddAsync(Proxy.HaProxyAsync(gateway, "timeout server 5s")), gateway);
            Begin("haproxy tunnel 5 s", await AddAsync(Proxy.HaProxyAsync(gateway, "timeout server 400s\n  timeout tunnel 5s")));
        }
        if (Proxy.HasNginx)
        {
            Begin("nginx", await AddAsync(Proxy.NginxAsync(gateway, "proxy_read_timeout 400s;")));
            Begin("nginx 5 s", await AddAsync(Proxy.NginxAsync(gateway, "proxy_read_timeout 5s;")), gateway);
            // What it passes on uncompressed, nginx does not hold back, with proxy_buffering on either.
            Begin("nginx buffers", await AddAsync(Proxy.NginxAsync(gateway, $"{Gzip} proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")), gateway);
            Begin("nginx compresses", await AddAsync(Proxy.NginxAsync(gateway, Gzip)));
            Begin("nginx without upgrade", await AddAsync(Proxy.NginxAsync(gateway, upgrades: false)));
            Begin("nginx before nothing", await AddAsync(Proxy.NginxAsync(new Uri($"http://127.0.0.1:{Proxy.FreePort()}"))));
            Begin("another server", await AddAsync(Proxy.NginxAsync(gateway, "return 200 'It works!';")));
            var named = await AddAsync(Proxy.NginxAsync(gateway));
            var localhost = new UriBuilder(named.Url) { Host = Installation.Name }.Uri;
            _installation.Told[localhost.Authority] = new { id = "gpu-engine", draining = false, engine_url = "ws://localhost:9000/ws/gpu-engine.none" };
            Begin("engine at localhost", localhost, at: IPAddress.Loopback);
            var refused = await AddAsync(Proxy.NginxAsync(gateway));
            _installation.Told[refused.Url.Authority] = new
            {
                id = "gpu-engine", draining = false, engine_url = (string?)null, code = "public_url_not_configured", detail = "No session was made: set Engine:PublicUrl.",
            };
            Begin("engine without an address", refused);
            var unreachable = await AddAsync(Proxy.NginxAsync(gateway));
            _installation.Told[unreachable.Url.Authority] = new { id = "gpu-engine", draining = false, engine_url = $"ws://localhost:{Proxy.FreePort()}/ws/gpu-engine.none" };
            Begin("engine unreachable", unreachable);

            var (authority, pem) = Certificates.Make("localhost", days: 90);
            Begin("https", await AddAsync(Proxy.NginxAsync(gateway, pem: pem)), roots: authority);
            Begin("https 5 s", await AddAsync(Proxy.NginxAsync(gateway, "proxy_read_timeout 5s;", pem: pem)), roots: authority);
            Begin("https unknown to the gateway", await AddAsync(Proxy.NginxAsync(gateway, passes: false, pem: pem)), roots: authority);
            var insecure = await AddAsync(Proxy.NginxAsync(gateway, pem: pem));
            _installation.Told[insecure.Url.Authority] = new { id = "gpu-engine", draining = false, engine_url = $"ws://{insecure.Url.Authority}/ws/gpu-engine.none" };
            Begin("https with ws", insecure, roots: authority);
            Begin(NobodyTrusts, await AddAsync(Proxy.NginxAsync(gateway, pem: pem)));
            (authority, pem) = Certificates.Make("localhost", days: -1);
            Begin(Expired, await AddAsync(Proxy.NginxAsync(gateway, pem: pem)), roots: authority);
            (authority, pem) = Certificates.Make("localhost", days: 10);
            Begin(EndsSoon, await AddAsync(Proxy.NginxAsync(gateway, pem: pem)), roots: authority);
            (authority, pem) = Certificates.Make("other.example", days: 90);
            Begin(OtherName, await AddAsync(Proxy.NginxAsync(gateway, pem: pem)), roots: authority);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ((Task)Task.WhenAll(_examinations.Values)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var part in _parts)
            await part.DisposeAsync();
        await _installation.DisposeAsync();
    }

    /// <summary>What was found there; the test is skipped where the proxy is not installed.</summary>
    public Task<Examined> ExaminedAsync(string way)
    {
        Assert.SkipWhen(way.Contains("haproxy", StringComparison.Ordinal) && !Proxy.HasHaProxy, "haproxy is not installed (test.sh installs it where it may)");
        Assert.SkipWhen(!_examinations.ContainsKey(way), "nginx is not installed (test.sh installs it where it may)");
        return _examinations[way];
    }

    private async Task<Proxy> AddAsync(Task<Proxy> starting)
    {
        var proxy = await starting;
        _parts.Add(proxy);
        return proxy;
    }

    private void Begin(string way, Proxy proxy, Uri? gateway = null, X509Certificate2Collection? roots = null) =>
        _examinations[way] = Installation.ExamineAsync(proxy.Url, Installation.Token, gateway, roots: roots);

    private void Begin(string way, Uri url, string? token = Installation.Token, IPAddress? at = null) =>
        _examinations[way] = Installation.ExamineAsync(url, token, at: at);
}

/// <summary>Certificates by an authority of the test's own.</summary>
internal static class Certificates
{
    /// <returns>The authority; certificate and key as PEM.</returns>
    public static (X509Certificate2Collection Authority, string Pem) Make(string name, int days)
    {
        var now = DateTimeOffset.UtcNow;
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = new CertificateRequest("CN=a test's authority", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = root.CreateSelfSigned(now.AddDays(-100), now.AddDays(100));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, now.AddDays(-50), now.AddDays(days), RandomNumberGenerator.GetBytes(8));
        return ([X509CertificateLoader.LoadCertificate(authority.RawData)], $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
    }
}
