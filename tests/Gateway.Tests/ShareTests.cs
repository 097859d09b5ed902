using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.Tests.Gateway.Tests.Auth;
using Lyceum.Tests.Gateway.Tests.Tools;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>One caller takes as much of each bound of the gateway as it gets; another tenant is served beside it.</summary>
public sealed class ShareTests(PostgresFixture postgres) : IAsyncLifetime
{
    private ToolBackend _backend = null!;

    public async ValueTask InitializeAsync() => _backend = await ToolBackend.StartAsync();

    public async ValueTask DisposeAsync() => await _backend.DisposeAsync();

    [Fact]
    public async Task Tools_OneTenantTakesAllItGets_OthersRunTheirs()
    {
        await using var gateways = await StartAsync(tools => tools["max_concurrent_calls"] = 16);
        var held = $$$"""{"name":"held","kind":"http","description":"d","input_schema":true,"max_concurrency":64,"http":{"method":"GET","url":"{{{_backend.Url("/held")}}}"}}""";
        var quick = $$$"""{"name":"quick","kind":"http","description":"d","input_schema":true,"http":{"method":"GET","url":"{{{_backend.Url("/text")}}}"}}""";
        await gateways.OfferAsync($"{held},{quick}");
        await gateways.OfferAsync(quick, ToolGateways.Bob);
        var refused = 0;
        var running = Enumerable.Range(0, 32).Select(async _ =>
        {
            using var response = await gateways.ExecuteAsync("held");
            if (response.StatusCode is HttpStatusCode.ServiceUnavailable)
            {
                response.Headers.RetryAfter.ShouldNotBeNull();
                Interlocked.Increment(ref refused);
            }
        }).ToList();
        await Eventually.TrueAsync(() => refused == 20 && _backend.Seen.Count == 12, "it has three quarters");

        for (var i = 0; i < 5; i++)
        {
            await gateways.OutputAsync("quick", token: ToolGateways.Bob);
            await gateways.OutputAsync("quick", token: ToolGateways.Ada); // of the same tenant
        }
        _backend.Held.Release(12);
        await Task.WhenAll(running);
    }

    [Fact]
    public async Task Tool_OneOfItsCallersTakesAllItGets_AnotherCallsIt()
    {
        await using var gateways = await StartAsync();
        await gateways.OfferAsync($$$"""{"name":"held","kind":"http","description":"d","input_schema":true,"max_concurrency":4,"http":{"method":"GET","url":"{{{_backend.Url("/held")}}}"}}""");
        var refused = 0;
        var running = Enumerable.Range(0, 8).Select(async _ =>
        {
            using var response = await gateways.ExecuteAsync("held");
            if (response.StatusCode is HttpStatusCode.TooManyRequests)
                Interlocked.Increment(ref refused);
        }).ToList();
        await Eventually.TrueAsync(() => refused == 5 && _backend.Seen.Count == 3, "three of four run");

        var other = gateways.ExecuteAsync("held", token: ToolGateways.Ada);
        await Eventually.TrueAsync(() => _backend.Seen.Count == 4, "the fourth is another's");
        _backend.Held.Release(4);
        (await other).StatusCode.ShouldBe(HttpStatusCode.OK);
        await Task.WhenAll(running);
    }

    [Fact]
    public async Task Tools_ConfiguredShare_IsWhatAKeyGets()
    {
        await using var gateways = await StartAsync(
            tools => tools["max_concurrent_calls"] = 8, token => token["share"] = 1);
        await gateways.OfferAsync($$$"""{"name":"held","kind":"http","description":"d","input_schema":true,"max_concurrency":64,"http":{"method":"GET","url":"{{{_backend.Url("/held")}}}"}}""");
        var running = Enumerable.Range(0, 8).Select(_ => gateways.ExecuteAsync("held")).ToList();
        await Eventually.TrueAsync(() => _backend.Seen.Count == 8, "it has all");
        _backend.Held.Release(8);
        foreach (var response in await Task.WhenAll(running))
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task McpSessions_ToAddressesThatAreRefused_TakeNoPlaces()
    {
        await using var gateways = await StartAsync(tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray($"127.0.0.1:{_backend.Port}") });
        var digest = $"sha256:{new string('0', 64)}";
        for (var version = 0; version < 3; version++)
        {
            var manifests = Enumerable.Range(0, 100).Select(i => $$$"""{"name":"t{{{i}}}","kind":"mcp","description":"d","input_schema":true,"mcp":{"url":"http://10.{{{version}}}.0.{{{i}}}/mcp","definition_digest":"{{{digest}}}"}}""");
            await gateways.OfferAsync(string.Join(',', manifests));
            await Parallel.ForAsync(0, 100, TestContext.Current.CancellationToken, async (i, _) =>
            {
                using var response = await gateways.ExecuteAsync($"t{i}");
                await response.ShouldBeProblem(HttpStatusCode.BadGateway, "egress_refused");
            });
        }

        await using var server = await McpBackend.StartAsync();
        gateways.Configure(tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.1") });
        await Eventually.TrueAsync(async () =>
        {
            using var offered = await gateways.RegisterAsync(
                $"v{Guid.NewGuid():N}", $$$"""[{"name":"add","kind":"mcp","mcp":{"url":"{{{server.Url}}}"}}]""", ToolGateways.Bob);
            return offered.StatusCode is HttpStatusCode.Created;
        }, "another tenant's server is asked");
        (await gateways.ExecuteAsync("add", """{"a":1,"b":2}""", ToolGateways.Bob)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task SignedBodies_AnnouncedAndNotSent_TakeNoRoom()
    {
        using var identity = new IdentityFolder("gateway", "chat-api");
        await using var chat = await Backend.StartAsync(identity);
        await using var gateway = TestGateway.Start(
            identity, new(TestGateway.Reference("chat-api", chat.Address).Concat(TestGateway.Reference("gpu-engine", chat.Address)))
            {
                ["ConnectionStrings:gatewaydb"] = await postgres.CreateDatabaseAsync(),
            }, configure: file =>
            {
                SignedGateways.Configure(file);
                file["auth"]!["hmac_keys"]![0]!["scopes"] = new JsonArray("chat", "llm");
            });
        await Eventually.TrueAsync(async () => (await SignedGateways.Bob.Sign("GET", "/chat").SendAsync(gateway.Client)).IsSuccessStatusCode, "database ready");

        var greedy = new List<TcpClient>();
        // As many as would fill all the room by what they announce: 250 MB, then the last few.
        foreach (var megabytes in Enumerable.Repeat(25, 12).Concat(Enumerable.Repeat(1, 12)))
        {
            var parts = SignedGateways.Ada.Sign("POST", "/v1/chat/completions", "x");
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, gateway.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: {parts.Authorization}\r\nx-sb-date: {parts.Date}\r\n"
                + $"x-content-sha256: {parts.Digest}\r\nContent-Type: application/json\r\nContent-Length: {megabytes * 1024 * 1024}\r\n\r\n{{")));
            greedy.Add(client);
        }
        await Task.Delay(500, TestContext.Current.CancellationToken); // they are being read

        for (var i = 0; i < 5; i++)
        {
            using var response = await SignedGateways.Bob.Sign("POST", "/chat", """{"message":"Hello"}""").SendAsync(gateway.Client);
            response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        greedy.ForEach(client => client.Dispose());
    }

    private async Task<ToolGateways> StartAsync(Action<JsonObject>? tools = null, Action<JsonNode>? cyd = null) =>
        await ToolGateways.StartAsync(postgres, section =>
        {
            section["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.1") };
            tools?.Invoke(section);
        }, cyd: cyd);
}
