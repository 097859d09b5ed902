using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

public sealed class ProxyTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine");
    private Backend _chat = null!;
    private Backend _engine = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _engine = await Backend.StartAsync(_identity, "gpu-engine");
        _gateway = TestGateway.Start(_identity, new(
        [
            .. TestGateway.Reference("chat-api", _chat.Address),
            .. TestGateway.Reference("gpu-engine", _engine.Address),
            new("Answers:Ping", "00:00:00.250"),
            new("Answers:MaxDuration", "00:00:05"),
        ]));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        await _engine.DisposeAsync();
        _identity.Dispose();
    }

    [Theory]
    [InlineData("/chat", "chat-api")]
    [InlineData("/chat/0191/stop?x=1", "chat-api")]
    [InlineData("/api/conversations", "chat-api")]
    [InlineData("/api/conversations/0191/messages?limit=2", "chat-api")]
    [InlineData("/v1/models", "gpu-engine")]
    public async Task Path_GoesToItsService_Unchanged(string path, string service)
    {
        var seen = await (await _gateway.GetAsync(path)).JsonAsync();

        seen.GetProperty("service").GetString().ShouldBe(service);
        $"{seen.GetProperty("path").GetString()}{seen.GetProperty("query").GetString()}".ShouldBe(path);
    }

    [Fact]
    public async Task Service_SeesTheMintedIdentity_AndNeverTheCallersToken()
    {
        var response = await _gateway.SendAsync(HttpMethod.Post, "/chat", content: JsonContent.Create(new { message = "hi" }), headers:
            [("Cookie", "session=1"), ("X-Lyceum-Tenant", "root"), ("Forwarded", "for=1.2.3.4")]);

        var seen = await response.JsonAsync();
        seen.GetProperty("tenant").GetString().ShouldBe("acme");
        seen.GetProperty("subject").GetString().ShouldBe("ada");
        seen.GetProperty("kind").GetString().ShouldBe("token");
        seen.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["chat", "llm"], ignoreOrder: true);
        var headers = _chat.Seen.ShouldHaveSingleItem();
        headers.Values.ShouldNotContain(value => value.Contains(TestGateway.Secret));
        headers.Keys.ShouldNotContain("Cookie");
        headers.Keys.ShouldNotContain("X-Lyceum-Tenant");
        headers.Keys.ShouldNotContain("Forwarded");
        headers["X-Forwarded-Host"].ShouldBe(_gateway.Client.BaseAddress!.Authority);
        headers["X-Forwarded-Proto"].ShouldBe("http");
    }

    [Theory]
    [InlineData(null, "203.0.113.7", "https", "lyceum.example")] // this machine's own proxy, unless others are named
    [InlineData("192.0.2.0/24", "127.0.0.1", "http", null)]
    public async Task ForwardedHeaders_AreBelievedFromATrustedProxyAlone(string? trusted, string address, string scheme, string? host)
    {
        var settings = TestGateway.Reference("chat-api", _chat.Address);
        if (trusted is not null)
            settings["Gateway:TrustedProxies:0"] = trusted;
        await using var gateway = TestGateway.Start(_identity, settings);
        await gateway.SendAsync(HttpMethod.Post, "/chat", content: JsonContent.Create(new { message = "hi" }), headers:
            [("X-Forwarded-For", "198.51.100.1, 203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "lyceum.example")]);

        // What comes from beyond the trusted one is hearsay, and left out.
        var headers = _chat.Seen.ShouldHaveSingleItem();
        (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]).ShouldBe((address, scheme));
        headers["X-Forwarded-Host"].ShouldBe(host ?? gateway.Client.BaseAddress!.Authority);
    }

    [Fact]
    public async Task EventStream_ArrivesEventByEvent()
    {
        _chat.Stream.Writer.TryWrite("data: 0\n");
        using var response = await _gateway.GetAsync("/api/conversations/stream");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        response.Content.Headers.ContentType?.MediaType.ShouldBe("text/event-stream");

        for (var number = 0; number < 3; number++)
        {
            (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe($"data: {number}");
            // Only now, after the one before was read here, is the next event produced.
            if (number < 2)
                _chat.Stream.Writer.TryWrite($"data: {number + 1}\n");
        }

        _chat.Stream.Writer.Complete();
        (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBeNull();
    }

    [Fact]
    public async Task SilentStream_IsCutAfterFourPings_NotPassedOffAsWhole()
    {
        _chat.Stream.Writer.TryWrite("data: 1\n");
        using var response = await _gateway.GetAsync("/api/conversations/stream");

        var read = Stopwatch.StartNew();
        await Should.ThrowAsync<Exception>(() => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        read.Elapsed.ShouldBeInRange(TimeSpan.FromSeconds(0.8), TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task SilentService_Is504() =>
        await (await _gateway.GetAsync("/api/conversations/silent")).ShouldBeProblem(HttpStatusCode.GatewayTimeout, "timeout");

    [Fact]
    public async Task WholeAnswer_MayTakeLongerThanAStreamMayBeSilent()
    {
        // 1.5 s is beyond four pings here (1 s), within MaxDuration + 10 s.
        var answer = _gateway.GetAsync("/v1/generations/silent");
        (await Task.WhenAny(answer, Task.Delay(1500, TestContext.Current.CancellationToken))).ShouldNotBe(answer);
    }

    [Fact]
    public async Task ServiceBreakingOff_Is502() =>
        await (await _gateway.GetAsync("/api/conversations/broken")).ShouldBeProblem(HttpStatusCode.BadGateway, "upstream_failed");

    [Fact]
    public async Task ServicesOwnProblem_PassesThrough()
    {
        var response = await _gateway.GetAsync("/api/conversations/conflict");

        await response.ShouldBeProblem(HttpStatusCode.Conflict, "answer_in_progress");
    }

    [Fact]
    public async Task TooLargeBody_Is413_AndTheGatewayUnharmed()
    {
        var response = await _gateway.SendAsync(HttpMethod.Post, "/api/conversations/length", content: new ByteArrayContent(new byte[2 * 1024 * 1024]));

        await response.ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        (await _gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task TooLargeBodyOfUnknownLength_Is413()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/conversations/length") { Content = new ByteArrayContent(new byte[2 * 1024 * 1024]) };
        request.Headers.TransferEncodingChunked = true;
        request.Headers.Authorization = new("Bearer", TestGateway.Secret);

        var response = await _gateway.Client.SendAsync(request, TestContext.Current.CancellationToken);

        await response.ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
    }

    [Fact]
    public async Task Upload_IsAcceptedWhereARouteSaysSo()
    {
        var response = await _gateway.SendAsync(HttpMethod.Post, "/v1/audio/speech", content: new ByteArrayContent(new byte[5 * 1024 * 1024]));

        (await response.JsonAsync()).GetProperty("length").GetInt64().ShouldBe(5 * 1024 * 1024);
    }

    [Fact]
    public async Task RequestId_IsTakenOver_SentOn_AndReturned()
    {
        var given = await _gateway.SendAsync(HttpMethod.Get, "/chat", headers: [("X-Request-Id", "req-7")]);
        var ugly = await _gateway.SendAsync(HttpMethod.Get, "/chat", headers: [("X-Request-Id", "a b\"<script>")]);

        given.Headers.GetValues("X-Request-Id").ShouldBe(["req-7"]);
        var made = ugly.Headers.GetValues("X-Request-Id").ShouldHaveSingleItem();
        Guid.TryParse(made, out _).ShouldBeTrue();
        _chat.Seen.Select(headers => headers["X-Request-Id"]).ShouldBe(["req-7", made]);
    }

    [Fact]
    public async Task Traceparent_FlowsThrough()
    {
        const string trace = "0af7651916cd43dd8448eb211c80319c";

        await _gateway.SendAsync(HttpMethod.Get, "/chat", headers: [("traceparent", $"00-{trace}-b7ad6b7169203331-01")]);

        _chat.Seen.ShouldHaveSingleItem()["traceparent"].ShouldContain(trace);
    }

    [Fact]
    public async Task ServerTiming_SaysWhatTheGatewayAdded()
    {
        var response = await _gateway.GetAsync("/chat");

        response.Headers.GetValues("Server-Timing").ShouldHaveSingleItem().ShouldMatch(@"^gateway;dur=[0-9.]+, upstream;dur=[0-9.]+$");
        response.Headers.Contains("Server").ShouldBeFalse();
        (await _gateway.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken))
            .ShouldContain("lyceum_gateway_added_duration_seconds_count");
    }

    [Fact]
    public async Task ServiceNobodyReferenced_Is503()
    {
        await using var alone = TestGateway.Start(_identity);

        var response = await alone.GetAsync("/chat");

        await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service_unavailable");
        response.Headers.RetryAfter?.Delta.ShouldBe(TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task DeadService_Is503_AndServesAgainWhenItIsBack()
    {
        var address = _chat.Address;
        await _chat.DisposeAsync();

        var response = await _gateway.GetAsync("/chat");
        await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service_unavailable");
        response.Headers.RetryAfter.ShouldNotBeNull();

        _chat = await Backend.StartAsync(_identity, at: address);
        (await _gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task DeadReplica_CostsNoRequest()
    {
        var second = await Backend.StartAsync(_identity);
        await using var gateway = TestGateway.Start(
            _identity, TestGateway.Reference("chat-api", _chat.Address, second.Address));
        var ports = new HashSet<int>();
        for (var i = 0; i < 40; i++)
            ports.Add((await (await gateway.GetAsync("/chat")).JsonAsync()).GetProperty("port").GetInt32());
        ports.ShouldBe([_chat.Address.Port, second.Address.Port], ignoreOrder: true);

        await second.DisposeAsync();

        for (var i = 0; i < 40; i++)
        {
            var response = await gateway.SendAsync(HttpMethod.Post, "/chat", content: JsonContent.Create(new { message = "hi" }));
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            (await response.JsonAsync()).GetProperty("port").GetInt32().ShouldBe(_chat.Address.Port);
        }
    }

    [Fact]
    public async Task Health_IsDegradedByADeadReplica_NotBroken()
    {
        (await HealthOf("chat-api")).ShouldBe("ok");
        await _chat.DisposeAsync();
        await _gateway.GetAsync("/chat");

        await Eventually.TrueAsync(async () => await HealthOf("chat-api") == "degraded", "chat-api degraded");
        (await _gateway.GetAsync("/health", token: null)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private async Task<string?> HealthOf(string service)
    {
        var health = await (await _gateway.GetAsync("/health", token: null)).JsonAsync();
        return health.GetProperty("checks").GetProperty(service).GetProperty("status").GetString();
    }
}
