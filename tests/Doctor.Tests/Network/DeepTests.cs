using System.Net;
using System.Net.Sockets;
using Lyceum.Doctor;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>
/// Bounds that only a wait past the answer limit finds; the limit is 10 s here. All ways are examined at the same time.
/// </summary>
[Trait("Category", "Long")]
public sealed class DeepTests : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _parts = [];
    private Installation _installation = null!;

    public async ValueTask InitializeAsync() => _installation = await Installation.StartAsync(TimeSpan.FromSeconds(10));

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts)
            await part.DisposeAsync();
        await _installation.DisposeAsync();
    }

    [Fact]
    public async Task Bounds_PastTheAnswerLimit_AreFoundByTheirHopAndSeconds()
    {
        Assert.SkipUnless(Proxy.HasNginx && Proxy.HasHaProxy, "nginx and haproxy are not installed (test.sh installs them where it may)");
        var gateway = _installation.Gateway;
        var sound = Installation.ExamineAsync(gateway, deep: true);
        var nginx = Installation.ExamineAsync((await AddAsync(Proxy.NginxAsync(gateway, "proxy_read_timeout 12s;"))).Url, gateway: gateway, deep: true);
        var haproxy = Installation.ExamineAsync((await AddAsync(Proxy.HaProxyAsync(gateway, "timeout server 12s"))).Url, gateway: gateway, deep: true);
        var total = Installation.ExamineAsync((await AddAsync(Task.FromResult(new TotalBound(gateway, TimeSpan.FromSeconds(12))))).Url, deep: true);
        var tunnel = Installation.ExamineAsync(
            (await AddAsync(Proxy.HaProxyAsync(gateway, "timeout server 400s\n  timeout tunnel 12s"))).Url, deep: true);

        var deaf = Installation.ExamineAsync((await AddAsync(Task.FromResult(new DataAlone(gateway, TimeSpan.FromSeconds(10))))).Url, deep: true);

        (await sound).ShouldBeWell();
        (await sound).Findings.Count(finding => finding.Verdict == Verdict.Skipped).ShouldBe(2, (await sound).Text);

        var ofNginx = (await nginx).ShouldHaveOneFailure("LYC-NET-010", "LYC-NET-011");
        ofNginx.Saw.ShouldMatch(@"silent until it came whole was cut after 12\.\d s by nginx \(504\).* directly at the gateway .* it passes");
        ofNginx.Expected.ShouldContain("a trickling answer passed");
        ofNginx.Fix!.ShouldContain("proxy_read_timeout and proxy_send_timeout to 40s");

        var ofHaProxy = (await haproxy).ShouldHaveOneFailure("LYC-NET-010", "LYC-NET-011");
        ofHaProxy.Saw.ShouldMatch(@"cut after 12\.\d s by HAProxy \(504\)");

        var ofTotal = (await total).ShouldHaveOneFailure("LYC-NET-010", "LYC-NET-011");
        ofTotal.Saw.ShouldMatch(@"a silent answer was cut after 12\.\d s, and one that trickled was cut after 12\.\d s by a hop that does not name itself");
        ofTotal.Expected.ShouldContain("bounds the complete response");

        // Data keeps a tunnel open, and ping frames do, since it counts bytes.
        (await tunnel).ShouldBeWell();
        (await deaf).ShouldBeWell("LYC-NET-011");
        (await deaf)["LYC-NET-011"].Saw.ShouldContain("does not count control frames");
    }

    private async Task<T> AddAsync<T>(Task<T> starting)
        where T : IAsyncDisposable
    {
        var part = await starting;
        _parts.Add(part);
        return part;
    }

    /// <summary>Forwards connections.</summary>
    private abstract class Relay : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Uri _server;

        protected Relay(Uri server)
        {
            _server = server;
            _listener.Start();
            Url = new Uri($"http://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}");
            _ = AcceptAsync();
        }

        public Uri Url { get; }

        public ValueTask DisposeAsync()
        {
            _stop.Cancel();
            _listener.Dispose();
            return ValueTask.CompletedTask;
        }

        /// <summary>Both connections are closed when it returns.</summary>
        protected abstract Task CarryAsync(NetworkStream near, NetworkStream far, CancellationToken stop);

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                    _ = RelayAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // It ends.
            }
        }

        private async Task RelayAsync(TcpClient client)
        {
            using (client)
            using (var server = new TcpClient())
            {
                try
                {
                    await server.ConnectAsync(_server.Host, _server.Port, _stop.Token);
                    await CarryAsync(client.GetStream(), server.GetStream(), _stop.Token);
                }
                catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
                {
                    // One side is gone.
                }
            }
        }
    }

    /// <summary>A load balancer that bounds the complete response: it ends each connection so long after it began.</summary>
    private sealed class TotalBound(Uri server, TimeSpan bound) : Relay(server)
    {
        protected override Task CarryAsync(NetworkStream near, NetworkStream far, CancellationToken stop) => Task.WhenAny(
            near.CopyToAsync(far, stop), far.CopyToAsync(near, stop), Task.Delay(bound, stop));
    }

    /// <summary>A load balancer that ends a socket in which no message was sent for so long: it counts no ping frames.</summary>
    private sealed class DataAlone(Uri server, TimeSpan silence) : Relay(server)
    {
        protected override Task CarryAsync(NetworkStream near, NetworkStream far, CancellationToken stop) =>
            Task.WhenAny(near.CopyToAsync(far, stop), WatchAsync(near, far, stop));

        private async Task WatchAsync(NetworkStream near, NetworkStream far, CancellationToken stop)
        {
            using var silent = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var (buffer, isSocket) = (new byte[16 * 1024], false);
            while (await far.ReadAsync(buffer, silent.Token) is var count and > 0)
            {
                // The gateway writes each of these small frames at once; the first byte says what it is: 1 is text, 9 a ping.
                if (!isSocket || (buffer[0] & 0x0f) < 8)
                    silent.CancelAfter(isSocket ? silence : Timeout.InfiniteTimeSpan);
                if (!isSocket && buffer.AsSpan(0, count).StartsWith("HTTP/1.1 101"u8))
                {
                    isSocket = true;
                    silent.CancelAfter(silence);
                }
                await near.WriteAsync(buffer.AsMemory(0, count), stop);
            }
        }
    }
}
