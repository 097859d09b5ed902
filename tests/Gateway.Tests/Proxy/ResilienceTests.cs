using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.EngineClient;
using Lyceum.Gateway.Limits;
using Lyceum.Gateway.Settings;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy;
using Yarp.ReverseProxy.Model;

namespace Lyceum.Tests.Gateway.Tests.Proxy;

/// <summary>What survives what: connections a changed configuration, callers a dying replica.</summary>
public sealed class ResilienceTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private Backend _sessions = null!;

    public async ValueTask InitializeAsync() => _sessions = await Backend.StartAsync(_identity, "session-api");

    public async ValueTask DisposeAsync()
    {
        await _sessions.DisposeAsync();
        _identity.Dispose();
    }

    private TestGateway Start(params Uri[] chat) => TestGateway.Start(
        _identity, new([.. TestGateway.Reference("chat-api", chat), .. TestGateway.Reference("session-api", _sessions.Address)]));

    [Fact]
    [Trait("Category", "Long")]
    public async Task StreamsAndSockets_OutliveEveryReload()
    {
        await using var chat = await TestService.StartAsync(_identity, "chat-api", map: app =>
        {
            app.UseWebSockets();
            app.Map("/api/conversations/echo", async (HttpContext http) =>
            {
                using var socket = await http.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[100];
                while (await socket.ReceiveAsync(buffer.AsMemory(), http.RequestAborted) is { MessageType: not WebSocketMessageType.Close } received)
                    await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, http.RequestAborted);
            });
        });
        await using var stream = await Backend.StartAsync(_identity);
        await using var socketGateway = Start(chat.Address);
        await using var streamGateway = Start(stream.Address);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {TestGateway.Secret}");
        await socket.ConnectAsync(new UriBuilder(socketGateway.Client.BaseAddress!) { Scheme = "ws", Path = "/api/conversations/echo" }.Uri, TestContext.Current.CancellationToken);
        stream.Stream.Writer.TryWrite("data: 0\n");
        using var response = await streamGateway.GetAsync("/api/conversations/stream");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe("data: 0");

        for (var round = 1; round <= 3; round++)
        {
            // The routes' clusters change with the engines, and so does the configuration.
            _sessions.Engines.Enqueue(new EngineAnnouncement($"engine-{round}", Guid.NewGuid(), new Uri($"http://127.0.0.1:{9000 + round}"), null, 1, 0, null));
            foreach (var gateway in (TestGateway[])[socketGateway, streamGateway])
            {
                gateway.Configure(configuration => configuration["limits"] = new JsonObject { ["default_max_tokens"] = 1000 + round });
                var proxy = gateway.Services.GetRequiredService<IProxyStateLookup>();
                await Eventually.TrueAsync(
                    () => Task.FromResult(proxy.TryGetCluster("gpu-engine", out var cluster) && cluster.Destinations.ContainsKey($"engine-{round}")), "the engine is known");
                await Eventually.TrueAsync(() => Task.FromResult(
                    gateway.Services.GetRequiredService<SettingsMonitor>().Get<LimitsSettings>().DefaultMaxTokens
                        == 1000 + round),
                        "the settings are in force");
            }

            stream.Stream.Writer.TryWrite($"data: {round}\n");
            (await reader.ReadLineAsync(TestContext.Current.CancellationToken)).ShouldBe($"data: {round}");
            await socket.SendAsync(Encoding.UTF8.GetBytes($"{round}"), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
            var buffer = new byte[100];
            var received = await socket.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken);
            Encoding.UTF8.GetString(buffer, 0, received.Count).ShouldBe($"{round}");
        }
    }

    /// <summary>As AppHost's only engine, which has its resource's name.</summary>
    [Fact]
    public async Task Engine_NamedAsItsService_IsOneDestinationAtItsAnnouncedAddress()
    {
        await using var engine = await Backend.StartAsync(_identity, "gpu-engine");
        var announced = new Uri("http://127.0.0.1:9000");
        await using var gateway = TestGateway.Start(
            _identity, new([.. TestGateway.Reference("gpu-engine", engine.Address), .. TestGateway.Reference("session-api", _sessions.Address)]));
        _sessions.Engines.Enqueue(new EngineAnnouncement("gpu-engine", Guid.NewGuid(), announced, null, 1, 0, null));

        var proxy = gateway.Services.GetRequiredService<IProxyStateLookup>();
        await Eventually.TrueAsync(
            () => Task.FromResult(proxy.TryGetCluster("gpu-engine", out var cluster)
                && cluster.Destinations.TryGetValue("gpu-engine", out var found) && new Uri(found.Model.Config.Address) == announced), "the announced address is in force");
        (await gateway.GetAsync("/health")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    /// <summary>It arrived, and what it did is not known: only its sender may repeat it.</summary>
    [Theory]
    [InlineData("before the answer")]
    [InlineData("after its body was read")]
    public async Task RequestThatArrived_IsNotRepeated_WhateverItsReplicaDoes(string when)
    {
        var arrived = 0;
        Task<TestService> Replica() => TestService.StartAsync(_identity, "chat-api", map: app => app.MapPost("/chat", async (HttpContext http) =>
        {
            Interlocked.Increment(ref arrived);
            if (when == "after its body was read")
                await http.Request.Body.CopyToAsync(Stream.Null);
            http.Abort();
        }));
        await using var one = await Replica();
        await using var two = await Replica();
        await using var gateway = Start(one.Address, two.Address);

        for (var i = 1; i <= 5; i++)
        {
            var answer = await gateway.SendAsync(HttpMethod.Post, "/chat", content: new StringContent(new string('x', 200_000)));
            answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
            arrived.ShouldBe(i);
        }
    }

    /// <summary>Its caller may do the same, and a replica that is stopped cuts off what runs there.</summary>
    [Theory]
    [InlineData("GET", "/api/conversations/one", false, 2)]
    [InlineData("POST", "/chat", true, 2)]
    [InlineData("POST", "/api/conversations/one", true, 1)] // nobody there knows the key
    [InlineData("GET", "/api/auth/oidc/callback", false, 1)] // its code is redeemed once
    public async Task RequestThatArrived_IsRepeatedOnce_WhereThatDoesNoHarm(string method, string path, bool keyed, int times)
    {
        var bodies = new System.Collections.Concurrent.ConcurrentQueue<string>();
        Task<TestService> Replica() => TestService.StartAsync(
            _identity, path.StartsWith("/api/auth", StringComparison.Ordinal) ? "session-api" : "chat-api", map: app => app.Map(path, async (HttpContext http) =>
            {
                using var reader = new StreamReader(http.Request.Body);
                bodies.Enqueue(await reader.ReadToEndAsync(http.RequestAborted));
                http.Abort();
            }).AllowAnonymous());
        await using var one = await Replica();
        await using var two = await Replica();
        await using var gateway = path.StartsWith("/api/auth", StringComparison.Ordinal)
            ? TestGateway.Start(_identity, new(TestGateway.Reference("session-api", one.Address, two.Address)))
            : Start(one.Address, two.Address);
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = new("Bearer", TestGateway.Secret);
        if (keyed)
            request.Headers.Add("Idempotency-Key", "one");
        var body = method == "POST" ? new string('x', 100_000) : "";
        if (body.Length > 0)
            request.Content = new StringContent(body);

        using var answer = await gateway.Client.SendAsync(request, TestContext.Current.CancellationToken);

        answer.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        bodies.ShouldBe(Enumerable.Repeat(body, times));
    }

    /// <summary>As a replica does that is stopped while it works. A request that ends its replicas ends two of them at most.</summary>
    [Fact]
    public async Task RequestThatOnlyReads_GoesToOneMoreReplica_WhenTheFirstBrokeOff()
    {
        var (arrived, breaks) = (0, 1);
        Task<TestService> Replica() => TestService.StartAsync(_identity, "chat-api", map: app => app.MapGet("/chat", (HttpContext http) =>
        {
            if (Interlocked.Increment(ref arrived) <= breaks)
                http.Abort();
            return "answered";
        }));
        await using var one = await Replica();
        await using var two = await Replica();
        await using var three = await Replica();
        await using var gateway = Start(one.Address, two.Address, three.Address);

        (await (await gateway.GetAsync("/chat")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("answered");
        arrived.ShouldBe(2);

        (arrived, breaks) = (0, int.MaxValue);
        await using var another = Start(one.Address, two.Address, three.Address);
        (await another.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        arrived.ShouldBe(2);
    }

    [Fact]
    public async Task RequestThatNeverArrived_GoesToTheNextReplica_WithItsWholeBody()
    {
        await using var alive = await Backend.StartAsync(_identity);
        var dead = await Backend.StartAsync(_identity);
        await dead.DisposeAsync();
        for (var i = 0; i < 5; i++)
        {
            await using var gateway = Start(dead.Address, alive.Address); // each new one has the dead one's failure to learn
            var answer = await gateway.SendAsync(HttpMethod.Post, "/api/conversations/length", content: new ByteArrayContent(new byte[300_000]));
            (await answer.JsonAsync()).GetProperty("length").GetInt64().ShouldBe(300_000);
        }
    }

    /// <summary>No request tells it: the probes alone do.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task SickReplica_IsLeftAlone_UntilItsProbesAreWellAgain()
    {
        var sick = false;
        await using var well = await Backend.StartAsync(_identity);
        await using var other = await TestService.StartAsync(_identity, "chat-api", map: app =>
        {
            app.Use((http, next) =>
            {
                if (!sick || http.Request.Path != "/health")
                    return next(http);
                http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return Task.CompletedTask;
            });
            app.MapGet("/chat", () => "other");
        });
        await using var gateway = Start(well.Address, other.Address);
        var proxy = gateway.Services.GetRequiredService<IProxyStateLookup>();
        await Eventually.TrueAsync(() => Task.FromResult(Health() == DestinationHealth.Healthy), "probed");

        sick = true;
        await Eventually.TrueAsync(() => Task.FromResult(Health() == DestinationHealth.Unhealthy), "its probes fail");
        for (var i = 0; i < 30; i++)
            (await (await gateway.GetAsync("/chat")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldNotBe("other");

        sick = false;
        await Eventually.TrueAsync(
            async () => await (await gateway.GetAsync("/chat")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken) == "other", "it serves again", 20);

        DestinationHealth Health() => proxy.TryGetCluster("chat-api", out var cluster) ? cluster.Destinations["chat-api-2"].Health.Active : DestinationHealth.Unknown;
    }

    [Fact]
    public async Task OwnAnswers_CarryTheirTime_AndFailuresTheRequestsId()
    {
        await using var gateway = Start();

        var own = await gateway.GetAsync("/api/usage");
        own.Headers.GetValues("Server-Timing").ShouldHaveSingleItem().ShouldMatch("^gateway;dur=[0-9.]+$");
        var failed = await gateway.SendAsync(
            HttpMethod.Post, "/api/llm/complete", content: new StringContent("{", Encoding.UTF8, "application/json"), headers: ("X-Request-Id", "req-9"));
        await failed.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json"); // thrown, so the answer was begun anew
        failed.Headers.GetValues("X-Request-Id").ShouldBe(["req-9"]);
    }
}
