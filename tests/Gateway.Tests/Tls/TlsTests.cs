using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.Gateway.Settings;
using Lyceum.Tests.Gateway.Tests.Settings;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests.Tls;

public sealed class TlsTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-tls-");
    private TestService _chat = null!;

    public async ValueTask InitializeAsync() => _chat = await TestService.StartAsync(_identity, "chat-api", map: app =>
    {
        app.UseWebSockets();
        app.Map("/api/conversations/echo", EchoAsync);
        app.MapGet("/api/conversations/scheme", (HttpContext http) => $"{http.Request.Headers["X-Forwarded-Proto"]} {http.Request.Headers["X-Forwarded-Host"]}");
    });

    public async ValueTask DisposeAsync()
    {
        await _chat.DisposeAsync();
        _identity.Dispose();
        _folder.Delete(recursive: true);
    }

    private static async Task EchoAsync(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[1000];
        while (await socket.ReceiveAsync(buffer.AsMemory(), http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } received)
            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, http.RequestAborted);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
    }

    private string PathOf(string file) => Path.Combine(_folder.FullName, file);

    /// <summary>A certificate for localhost, signed by an authority of its own; written as <c>tls.crt</c> and <c>tls.key</c>.</summary>
    private string WriteCertificate(string name, bool key = true)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest($"CN=authority of {name}", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = authority.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(10));
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var leaf = request.Create(root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(PathOf("tls.crt"), $"{leaf.ExportCertificatePem()}\n{root.ExportCertificatePem()}\n");
        if (key)
            File.WriteAllText(PathOf("tls.key"), own.ExportPkcs8PrivateKeyPem());
        using var whole = leaf.CopyWithPrivateKey(own);
        File.WriteAllBytes(PathOf("tls.pfx"), whole.ExportPkcs12(Pkcs12ExportPbeParameters.Pbes2Aes256Sha256, "open sesame"));
        return leaf.Thumbprint;
    }

    private (TestGateway Gateway, Uri Https) Start(Action<JsonObject>? tls = null, string environment = "Production")
    {
        var settings = TestGateway.Reference("chat-api", _chat.Address);
        settings["Tls:Listen"] = "https://127.0.0.1:0";
        var gateway = TestGateway.Start(_identity, settings, environment, configuration =>
        {
            var section = new JsonObject { ["certificate_file"] = PathOf("tls.crt"), ["key_file"] = PathOf("tls.key") };
            tls?.Invoke(section);
            if (section.Count > 0)
                configuration["tls"] = section;
        });
        var https = gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.LastOrDefault(address => address.StartsWith("https:", StringComparison.Ordinal));
        return (gateway, new Uri(https ?? gateway.Client.BaseAddress!.ToString()));
    }

    private static SocketsHttpHandler Handler(Action<X509Certificate2, X509Chain>? seen = null) => new()
    {
        SslOptions =
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                seen?.Invoke((X509Certificate2)certificate!, chain!);
                return true;
            },
        },
    };

    private static async Task<HttpResponseMessage> GetAsync(Uri https, Version version, Action<X509Certificate2, X509Chain>? seen = null)
    {
        using var client = new HttpClient(Handler(seen));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(https, "/api/conversations/scheme")) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Authorization = new("Bearer", TestGateway.Secret);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static async Task<string> ShownAsync(Uri https)
    {
        var thumbprint = "";
        using var response = await GetAsync(https, HttpVersion.Version11, (certificate, _) => thumbprint = certificate.Thumbprint);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return thumbprint;
    }

    [Fact]
    public async Task Https_SpeaksBothVersions_ShowsItsChain_AndTellsTheService()
    {
        var thumbprint = WriteCertificate("both");
        var (gateway, https) = Start();
        await using var _ = gateway;

        foreach (var version in (Version[])[HttpVersion.Version11, HttpVersion.Version20])
        {
            var (shown, chain) = ("", 0);
            var response = await GetAsync(https, version, (certificate, sent) => (shown, chain) = (certificate.Thumbprint, sent.ChainPolicy.ExtraStore.Count));
            response.Version.ShouldBe(version);
            (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe($"https {https.Authority}");
            (shown, chain > 0).ShouldBe((thumbprint, true));
        }
        // Plain addresses go on, with HTTP/1.1.
        (await gateway.GetAsync("/api/conversations/scheme")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await gateway.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).ShouldContain("lyceum_gateway_tls_remaining_seconds");
    }

    [Fact]
    public async Task RenewedCertificate_IsShownToNewConnections_ButNeverHalfOfAPair()
    {
        var first = WriteCertificate("first");
        var (gateway, https) = Start();
        await using var _ = gateway;
        using var standing = new HttpClient(Handler()) { BaseAddress = https };
        (await standing.GetAsync("/health", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await ShownAsync(https)).ShouldBe(first);

        WriteCertificate("half", key: false);
        var settings = gateway.Services.GetRequiredService<SettingsMonitor>();
        await Eventually.TrueAsync(() => Task.FromResult(settings.Errors.Count > 0), "the error is noticed");
        (await ShownAsync(https)).ShouldBe(first);

        var second = WriteCertificate("second");
        await Eventually.TrueAsync(async () => await ShownAsync(https) == second, "the new pair");
        (await standing.GetAsync("/health", TestContext.Current.CancellationToken)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Pfx_OpensWithItsPassword()
    {
        var thumbprint = WriteCertificate("pfx");
        await File.WriteAllTextAsync(PathOf("password"), "open sesame\n", TestContext.Current.CancellationToken);
        var (gateway, https) = Start(tls =>
        {
            tls["certificate_file"] = PathOf("tls.pfx");
            tls.Remove("key_file");
            tls["password_file"] = PathOf("password");
        });
        await using var _ = gateway;

        (await ShownAsync(https)).ShouldBe(thumbprint);
    }

    [Fact]
    public async Task MinVersion_RefusesOlderClients()
    {
        WriteCertificate("new");
        var (gateway, https) = Start(tls => tls["min_version"] = "1.3");
        await using var _ = gateway;

        foreach (var (protocol, accepted) in ((SslProtocols, bool)[])[(SslProtocols.Tls12, false), (SslProtocols.Tls13, true)])
        {
            using var tcp = new TcpClient();
            await tcp.ConnectAsync("127.0.0.1", https.Port, TestContext.Current.CancellationToken);
            await using var tls = new SslStream(tcp.GetStream(), false, (_, _, _, _) => true);
            var options = new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = protocol };
            if (accepted)
                await tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken);
            else
                await Should.ThrowAsync<Exception>(() => tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public void HttpsWithoutACertificate_StopsTheStart() =>
        // The program ends by itself, with an exit status.
        Should.Throw<InvalidOperationException>(() => Start(tls => tls.Clear())).Message.ShouldContain("exited");

    [Fact]
    public void CertificateFiles_ThatDoNotFit_AreErrors()
    {
        WriteCertificate("one");
        File.Copy(PathOf("tls.key"), PathOf("other.key"));
        WriteCertificate("two");

        Errors("""{ "certificate_file": "tls.crt", "key_file": "tls.key" }""").ShouldBeEmpty();
        Errors("""{ "certificate_file": "tls.crt", "key_file": "other.key" }""").ShouldHaveSingleItem()
            .ShouldStartWith("tls.certificate_file: and key_file");
        Errors("""{ "certificate_file": "tls.crt" }""").ShouldHaveSingleItem().ShouldContain("PFX");
        Errors("""{ "certificate_file": "tls.crt", "key_file": "nowhere" }""").ShouldHaveSingleItem()
            .ShouldBe("tls.key_file: file nowhere does not exist");
        Errors("""{ "key_file": "tls.key", "min_version": "1.1" }""").Count.ShouldBe(2);
    }

    private IReadOnlyList<string> Errors(string tls)
    {
        File.WriteAllText(PathOf("gateway.json"), $$"""{ "tls": {{tls}} }""");
        return TestSettings.Load(PathOf("gateway.json")).Errors;
    }

    [Fact]
    public async Task DevelopmentWithoutACertificate_StartsAllTheSame()
    {
        var (gateway, _) = Start(tls => tls.Clear(), "Development");
        await using var __ = gateway;
        (await gateway.GetAsync("/api/conversations/scheme")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task WebSocket_OverTls_GoesThroughToTheService(string version)
    {
        WriteCertificate("sockets");
        var (gateway, https) = Start();
        await using var _ = gateway;
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = Version.Parse(version);
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.SetRequestHeader("Authorization", $"Bearer {TestGateway.Secret}");
        using var invoker = new HttpMessageInvoker(Handler());
        await socket.ConnectAsync(new UriBuilder(https) { Scheme = "wss", Path = "/api/conversations/echo" }.Uri, invoker, TestContext.Current.CancellationToken);

        foreach (var text in (string[])["one", "two", new('x', 900)])
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
            var buffer = new byte[1000];
            var received = await socket.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken);
            Encoding.UTF8.GetString(buffer, 0, received.Count).ShouldBe(text);
        }
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);
        socket.State.ShouldBe(WebSocketState.Closed);
    }
}
