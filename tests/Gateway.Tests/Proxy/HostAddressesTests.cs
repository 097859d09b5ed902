using System.Net;
using System.Net.Sockets;
using Lyceum.Gateway.Proxy;
using Lyceum.Tests.Support;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.ServiceDiscovery;
using Microsoft.Extensions.Time.Testing;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Configuration;

namespace Lyceum.Tests.Gateway.Tests.Proxy;

/// <summary>Replicas behind one name, as a headless Service of Kubernetes has them.</summary>
public sealed class HostAddressesTests : IDisposable
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly FakeTimeProvider _time = new();

    // What the name server says next; null: it does not answer.
    private volatile string[]? _addresses = [];
    private volatile SocketError _error = SocketError.HostNotFound;
    private int _asked;

    public void Dispose() => _identity.Dispose();

    [Fact]
    public async Task ReplicasBehindAName_AreBalanced_AndFollowed()
    {
        await using var first = await Backend.StartAsync(_identity);
        await using var second = await Backend.StartAsync(_identity, at: At(2, first));
        await using var third = await Backend.StartAsync(_identity, at: At(3, first));
        _addresses = ["127.0.0.2", "127.0.0.1"];
        await using var gateway = TestGateway.Start(
            _identity, TestGateway.Reference("chat-api", new Uri($"http://chat.cluster:{first.Address.Port}")),
            services: services => services.AddSingleton<HostLookup>(LookUpAsync));

        await AskUntilAsync(gateway, () => !first.Seen.IsEmpty && !second.Seen.IsEmpty);

        _addresses = ["127.0.0.1", "127.0.0.3"];
        await AskUntilAsync(gateway, () => !third.Seen.IsEmpty);
        second.Seen.Clear();
        for (var i = 0; i < 30; i++)
            (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);
        second.Seen.ShouldBeEmpty("its address is gone");
        gateway.Services.GetRequiredService<IProxyStateLookup>().TryGetCluster("chat-api", out var cluster).ShouldBeTrue();
        cluster!.Destinations.Keys.ShouldBe(["chat-api[127.0.0.1]", "chat-api[127.0.0.3]"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("http://chat.cluster:8080", new[] { "10.0.0.7" }, new[] { "http://chat.cluster:8080/" })] // one: the name says the same
    [InlineData("http://chat.cluster:8080", new string[0], new[] { "http://chat.cluster:8080/" })]
    [InlineData("http://chat.cluster:8080", new[] { "10.0.0.7", "fd00::7", "10.0.0.8", "fd00::8" }, new[] { "http://10.0.0.7:8080/", "http://10.0.0.8:8080/" })]
    [InlineData("http://chat.cluster:8080", new[] { "fd00::8", "fd00::7" }, new[] { "http://[fd00::7]:8080/", "http://[fd00::8]:8080/" })]
    [InlineData("https://chat.cluster", new[] { "10.0.0.7", "10.0.0.8" }, new[] { "https://chat.cluster/" })] // its certificate has the name
    [InlineData("http://localhost:8080", new[] { "127.0.0.1", "127.0.0.2" }, new[] { "http://localhost:8080/" })]
    [InlineData("http://10.0.0.7:8080", new[] { "10.0.0.8", "10.0.0.9" }, new[] { "http://10.0.0.7:8080/" })]
    public async Task Name_StandsForItsAddresses_WhereItHasSeveral(string address, string[] behind, string[] expected)
    {
        _addresses = behind;

        (await ResolveAsync(address)).Values.ShouldBe(expected, ignoreOrder: true);
    }

    [Fact]
    public async Task EnginesBehindAName_AreThoseThatAnnouncedThemselves()
    {
        _addresses = ["10.0.0.7", "10.0.0.8"];

        var resolved = await ResolveAsync("http://chat.cluster:8080", ("chat-0", "http://chat-0.chat.cluster:8080/"));

        resolved.ShouldBe(new Dictionary<string, string> { ["chat-0"] = "http://chat-0.chat.cluster:8080/" });
    }

    [Fact]
    public async Task ChangedAddresses_AreTold_AndANameServerThatIsAway_ChangesNothing()
    {
        _addresses = ["10.0.0.7", "10.0.0.8"];
        using var hosts = new HostAddresses(LookUpAsync, _time, NullLogger<HostAddresses>.Instance);
        await hosts.StartAsync(TestContext.Current.CancellationToken);
        var (addresses, changed) = await hosts.FindAsync("chat", TestContext.Current.CancellationToken);
        addresses.ShouldBe([IPAddress.Parse("10.0.0.7"), IPAddress.Parse("10.0.0.8")]);

        (_addresses, _error) = (null, SocketError.TryAgain);
        await RefreshedAsync();
        (_addresses, _error) = (["10.0.0.8", "10.0.0.7"], default); // in another order
        await RefreshedAsync();
        changed.HasChanged.ShouldBeFalse();

        (_addresses, _error) = (null, SocketError.HostNotFound);
        await RefreshedAsync();
        await Eventually.TrueAsync(() => Task.FromResult(changed.HasChanged), "told");
        (await hosts.FindAsync("chat", TestContext.Current.CancellationToken)).Addresses.ShouldBeEmpty();
        await hosts.StopAsync(TestContext.Current.CancellationToken);
    }

    private async Task RefreshedAsync()
    {
        // Twice: the second look begins when the first has ended.
        for (var i = 0; i < 2; i++)
        {
            var before = Volatile.Read(ref _asked);
            await Eventually.TrueAsync(
                () =>
                {
                    _time.Advance(TimeSpan.FromSeconds(2));
                    return Task.FromResult(Volatile.Read(ref _asked) > before);
                },
                "looked up");
        }
    }

    private Task<IPAddress[]> LookUpAsync(string host, CancellationToken cancellationToken)
    {
        var (addresses, error) = (_addresses, _error);
        Interlocked.Increment(ref _asked);
        return addresses is null
            ? Task.FromException<IPAddress[]>(new SocketException((int)error))
            : Task.FromResult(addresses.Select(IPAddress.Parse).ToArray());
    }

    private async Task<Dictionary<string, string>> ResolveAsync(string address, params (string Id, string Address)[] announced)
    {
        await using var services = new ServiceCollection().AddLogging().AddServiceDiscovery()
            .AddSingleton<IConfiguration>(new ConfigurationBuilder()
                .AddInMemoryCollection(new Dictionary<string, string?> { ["services:chat:http:0"] = address }).Build()).BuildServiceProvider();
        using var hosts = new HostAddresses(LookUpAsync, _time, NullLogger<HostAddresses>.Instance);
        var resolver = new ReplicaResolver(services.GetRequiredService<ServiceEndpointResolver>(), hosts);
        var resolved = await resolver.ResolveDestinationsAsync(
            announced.Append((ReplicaResolver.Configured, "http+https://chat")).ToDictionary(it => it.Item1, it => new DestinationConfig { Address = it.Item2 }),
            TestContext.Current.CancellationToken);
        return resolved.Destinations.ToDictionary(it => it.Key, it => it.Value.Address);
    }

    private static Task AskUntilAsync(TestGateway gateway, Func<bool> done) => Eventually.TrueAsync(
        async () =>
        {
            (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);
            return done();
        },
        "each replica was asked");

    private static Uri At(int host, Backend like) => new($"http://127.0.0.{host}:{like.Address.Port}");
}
