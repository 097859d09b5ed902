using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

public sealed class AccessTests : IAsyncLifetime
{
    private const string EngineToken = "another-web-server";

    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private Backend _chat = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _gateway = Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    private TestGateway Start(
        Dictionary<string, string?>? settings = null, string environment = "Production", Action<JsonObject>? configure = null) =>
        TestGateway.Start(_identity, new([.. TestGateway.Reference("chat-api", _chat.Address), .. settings ?? []]), environment, configure);

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    [InlineData("ada-chats-and-talks-to-model")]
    public async Task MissingOrUnknownToken_Is401(string? token)
    {
        var response = await _gateway.GetAsync("/chat", token);

        await response.ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        response.Headers.WwwAuthenticate.ToString().ShouldStartWith("Bearer");
        _chat.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task IdentityToken_OpensNothingFromOutside() =>
        await (await _gateway.GetAsync("/chat", _identity.Token())).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");

    [Theory]
    [InlineData("/api/tutors")]
    [InlineData("/api/sessions/start")]
    [InlineData("/api/kb/algebra")]
    [InlineData("/api/v1/roadmaps/generate")]
    [InlineData("/api/collab/execute")]
    public async Task MissingScope_Is403(string path) =>
        await (await _gateway.SendAsync(HttpMethod.Post, path)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");

    [Theory]
    [InlineData("/nope")]
    [InlineData("/chatter")]
    [InlineData("/api")]
    [InlineData("/api/v2/roadmaps")]
    [InlineData("/internal/engines")]
    [InlineData("/internal/retrieval/bio")]
    [InlineData("/v1/engine")]
    [InlineData("/v1/whatever")]
    [InlineData("/v1/sessions/1/whatever")]
    [InlineData("/chat/0191/whatever")]
    [InlineData("/api/auth/whatever")]
    public async Task UnknownRoute_Is404_WithAndWithoutToken(string path)
    {
        await (await _gateway.GetAsync(path)).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
        await (await _gateway.GetAsync(path, token: null)).ShouldBeProblem(HttpStatusCode.NotFound, "route_not_found");
    }

    /// <summary>A person may not, whatever the role; an API token only where the configuration says so.</summary>
    [Fact]
    public async Task SessionsOfTheEngine_AreForAnApiTokenWithThatScope()
    {
        Environment.SetEnvironmentVariable("LYCEUM_TEST_ENGINE_TOKEN", EngineToken);
        await using var engine = await Backend.StartAsync(_identity, "gpu-engine");
        await using var gateway = Start(
            TestGateway.Reference("gpu-engine", engine.Address), configure: file => file["auth"]!["tokens"]!.AsArray().Add(
                TestGateway.Token("web", "acme", ["engine"], ("secret_env", "LYCEUM_TEST_ENGINE_TOKEN"))));
        var person = _identity.Token(
            "session-api", aud: "lyceum-user", sub: "ada", tenant: "acme", scope: string.Join(' ', Scopes.All));

        foreach (var path in (string[])["/v1/sessions", "/v1/sessions/e.1", "/v1/sessions/e.1/connect"])
        {
            foreach (var token in (string[])[TestGateway.Secret, person])
            {
                await (await gateway.GetAsync(path, token))
                    .ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
            }
            (await gateway.GetAsync(path, EngineToken)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        }
        (await gateway.GetAsync("/api/conversations", person)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Refusal_ComesBeforeTheBodyIsRead()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", _gateway.Client.BaseAddress!.Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();

        // Promises a body and never sends it.
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"),
            TestContext.Current.CancellationToken);

        using var reader = new StreamReader(stream);
        (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("HTTP/1.1 401 Unauthorized");
    }

    [Fact]
    public async Task OpenRoutes_NeedNoToken()
    {
        foreach (var path in (string[])["/", "/health", "/alive", "/version", "/metrics"])
            (await _gateway.GetAsync(path, token: null)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        var landing = await (await _gateway.GetAsync("/", token: null)).JsonAsync();
        landing.GetProperty("name").GetString().ShouldBe("Lyceum");
        landing.GetProperty("routes")[0].GetProperty("path").GetString().ShouldBe("/chat");
    }

    [Fact]
    public async Task TicketOfAStream_IsLeftToTheServiceToJudge()
    {
        using var response = await _gateway.GetAsync("/chat/0/stream?ticket=t&after=3", token: null);
        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("?ticket=t&after=3 as nobody");
        foreach (var closed in (string[])["/chat/0/stream", "/chat/0/stream?tickets=t", "/chat/0/stop?ticket=t", "/chat?ticket=t"])
            await (await _gateway.GetAsync(closed, token: null)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    [Fact]
    public async Task SignIn_GoesThroughWithoutAnIdentity()
    {
        // session-api is not referenced here: 503 shows that the request was let through.
        await (await _gateway.SendAsync(HttpMethod.Post, "/api/auth/login", token: null))
            .ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service_unavailable");
    }

    [Fact]
    public async Task ReplacedSecret_IsInForceWithinSeconds_OldAndNewTogetherWhileBothAreListed()
    {
        await File.WriteAllTextAsync(_gateway.SecretFile, $"{TestGateway.Secret}\nthe-new-secret\n", TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat", "the-new-secret")).IsSuccessStatusCode, "new secret");
        (await _gateway.GetAsync("/chat")).IsSuccessStatusCode.ShouldBeTrue();

        await File.WriteAllTextAsync(_gateway.SecretFile, "the-new-secret\n", TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.Unauthorized, "old secret out");

        File.Delete(_gateway.SecretFile);
        await Task.Delay(600, TestContext.Current.CancellationToken); // longer than two looks
        (await _gateway.GetAsync("/chat", "the-new-secret")).IsSuccessStatusCode.ShouldBeTrue();
    }

    [Fact]
    public async Task SecretFromEnvironment_AndByHash_AndExpiry()
    {
        Environment.SetEnvironmentVariable("LYCEUM_TEST_TOKEN", "from-the-environment");
        await using var gateway = Start(configure: file =>
        {
            var tokens = file["auth"]!["tokens"]!.AsArray();
            tokens.Add(TestGateway.Token("env", "t", ["chat"], ("secret_env", "LYCEUM_TEST_TOKEN"), ("subject", "bob")));
            tokens.Add(TestGateway.Token("hash", "t", ["chat"],
                ("secret_sha256", Convert.ToHexString(System.Security.Cryptography.SHA256.HashData("by-hash"u8))), ("expires_at", "2020-01-01T00:00:00Z")));
        });

        var bob = await (await gateway.GetAsync("/chat", "from-the-environment")).JsonAsync();
        bob.GetProperty("subject").GetString().ShouldBe("bob");
        var expired = await (await gateway.GetAsync("/chat", "by-hash")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        expired.GetProperty("detail").GetString()!.ShouldContain("expired");
    }

    [Fact]
    public async Task DevToken_OpensEverythingInDevelopment_AndNothingElsewhere()
    {
        var settings = new Dictionary<string, string?> { ["Auth:DevTokenFile"] = _gateway.SecretFile + ".dev" };
        await File.WriteAllTextAsync(settings["Auth:DevTokenFile"]!, "the-dev-token", TestContext.Current.CancellationToken);
        await using var development = Start(settings, "Development");
        await using var production = Start(settings);

        var caller = await (await development.GetAsync("/chat", "the-dev-token")).JsonAsync();
        caller.GetProperty("tenant").GetString().ShouldBe("dev");
        caller.GetProperty("scopes").GetArrayLength().ShouldBe(Scopes.All.Count);
        (await production.GetAsync("/chat", "the-dev-token")).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }
}
