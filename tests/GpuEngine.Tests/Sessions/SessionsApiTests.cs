using System.Net;
using System.Text.Json;

namespace Lyceum.Tests.GpuEngine.Sessions;

public sealed class SessionsApiTests
{
    [Fact]
    public async Task Session_CreatedReadConnectedDeleted_HasTheDocumentedShapes()
    {
        await using var engine = await SessionEngine.StartAsync();

        var made = await engine.CreateAsync(new { tutor_id = 1, student_id = 999, kb_id = "test" });
        made.SessionId.ShouldStartWith("gpu-engine.");
        made.Raw.GetProperty("status").GetString().ShouldBe("active");
        made.Raw.GetProperty("expires_at").GetDateTimeOffset().ShouldBe(DateTimeOffset.UtcNow.AddSeconds(3600), TimeSpan.FromSeconds(30));
        made.EngineUrl.ToString().ShouldBe($"{engine.WebSocketBase}ws/{made.SessionId}?token={made.EngineToken}");

        using var read = await engine.SendAsync(HttpMethod.Get, $"/v1/sessions/{made.SessionId}");
        var session = await read.JsonAsync();
        session.GetProperty("tutor_id").GetInt64().ShouldBe(1);
        session.GetProperty("student_id").GetString().ShouldBe("999");
        session.GetProperty("kb_id").GetString().ShouldBe("test");
        session.GetProperty("status").GetString().ShouldBe("active");
        session.GetProperty("connected").GetBoolean().ShouldBeFalse();
        session.GetRawText().ShouldNotContain(made.EngineToken);

        using var list = await engine.SendAsync(HttpMethod.Get, "/v1/sessions");
        (await list.JsonAsync()).GetProperty("sessions").EnumerateArray().ShouldHaveSingleItem()
            .GetProperty("session_id").GetString().ShouldBe(made.SessionId);

        var fresh = await engine.FreshAddressAsync(made.SessionId);
        fresh.EngineToken.ShouldNotBe(made.EngineToken);
        fresh.SessionId.ShouldBe(made.SessionId);

        using var deleted = await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{made.SessionId}");
        (await deleted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe("""{"status":"deleted"}""");
        using var gone = await engine.SendAsync(HttpMethod.Get, $"/v1/sessions/{made.SessionId}");
        await gone.ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        engine.Store.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Session_OfAnotherCaller_Is404()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        var path = $"/v1/sessions/{made.SessionId}";

        foreach (var stranger in new[] { engine.Token(tenant: "other"), engine.Token(act: "bob") })
        {
            (await (await engine.SendAsync(HttpMethod.Get, "/v1/sessions", stranger)).JsonAsync()).GetProperty("sessions").GetArrayLength().ShouldBe(0);
            await (await engine.SendAsync(HttpMethod.Get, path, stranger)).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
            await (await engine.SendAsync(HttpMethod.Delete, path, stranger)).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
            await (await engine.PostAsync(path + "/connect", null, stranger)).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        }
        await (await engine.SendAsync(HttpMethod.Get, path, "")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        await (await engine.SendAsync(HttpMethod.Get, path, made.EngineToken)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        engine.Store.Count.ShouldBe(1);
    }

    /// <summary>A person has none of these scopes that would help; not even the one that an API token may have.</summary>
    [Theory]
    [InlineData("user", "sessions")]
    [InlineData("user", "chat llm tutors sessions roadmaps collab graph repo observe tools tools.admin ops engine")]
    [InlineData("token", "sessions llm ops")]
    [InlineData("token", "")]
    public async Task Sessions_ForWhoIsNoService_AreForbidden(string kind, string scope)
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        var token = engine.CallerToken(kind, scope);

        string[] requests =
        [
            "POST /v1/sessions", "GET /v1/sessions", $"GET /v1/sessions/{made.SessionId}",
            $"DELETE /v1/sessions/{made.SessionId}", $"POST /v1/sessions/{made.SessionId}/connect", "GET /v1/engine",
        ];
        foreach (var (method, path) in requests.Select(request => (request.Split(' ')[0], request.Split(' ')[1])))
        {
            using var response = method == "POST"
                ? await engine.PostAsync(path, new { tutor_id = 1, student_id = 1 }, token)
                : await engine.SendAsync(new HttpMethod(method), path, token);
            await response.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        }
        engine.Store.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Session_OfAnApiTokenWithScopeEngine_IsMade()
    {
        await using var engine = await SessionEngine.StartAsync();
        using var response = await engine.TryCreateAsync(token: engine.CallerToken("token", "engine"));
        response.StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("""{"student_id":1}""")]
    [InlineData("""{"tutor_id":"1","student_id":1}""")]
    [InlineData("""{"tutor_id":1,"student_id":null}""")]
    [InlineData("""{"tutor_id":1,"student_id":""}""")]
    [InlineData("""{"tutor_id":1,"student_id":1,"kb_id":"../etc"}""")]
    [InlineData("""{"tutor_id":1,"student_id":1,"retrieval":{"url":"file:///etc/passwd","token":"x"}}""")]
    [InlineData("""{"tutor_id":1,"student_id":1,"history":[{"role":"system","content":"x"}]}""")]
    public async Task Create_InvalidRequest_IsRejected(string body)
    {
        await using var engine = await SessionEngine.StartAsync();
        using var response = await engine.TryCreateAsync(JsonElement.Parse(body));
        response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        engine.Store.Count.ShouldBe(0);
    }

    [Fact]
    public async Task Create_BeyondTheLimit_IsRejectedUntilOneEnds()
    {
        await using var engine = await SessionEngine.StartAsync(("MAX_SESSIONS", "2"), ("Shares:Token", "1"));
        var first = await engine.CreateAsync();
        await engine.CreateAsync(new { tutor_id = 1, student_id = "anna" });

        using var refused = await engine.TryCreateAsync();
        await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "overloaded");
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);

        await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{first.SessionId}");
        await engine.CreateAsync();
    }

    [Theory]
    [InlineData("ws://51.161.130.234:9000", "ws://51.161.130.234:9000/ws/")]
    [InlineData("ws://tutor.example:9000/ws", "ws://tutor.example:9000/ws/")]
    [InlineData("wss://tutor.example/ws/", "wss://tutor.example/ws/")]
    [InlineData("https://tutor.example/engine/", "wss://tutor.example/engine/ws/")]
    public async Task EngineUrl_WithAPublicUrl_IsBelowIt(string configured, string expected)
    {
        await using var engine = await SessionEngine.StartAsync(("WEBSOCKET_URL", configured));
        var made = await engine.CreateAsync();
        made.EngineUrl.ToString().ShouldBe($"{expected}{made.SessionId}?token={made.EngineToken}");
    }

    /// <summary>By which the doctor learns what clients would be given, without making a session.</summary>
    [Fact]
    public async Task EngineAddress_IsWhatASessionWouldGet_AndIsForServices()
    {
        await using var engine = await SessionEngine.StartAsync(("WEBSOCKET_URL", "wss://tutor.example/ws"));

        using var answer = await engine.SendAsync(HttpMethod.Get, "/internal/engine/address");
        (await answer.JsonAsync()).GetProperty("engine_url").GetString().ShouldBe("wss://tutor.example/ws/gpu-engine.none");
        engine.Store.Count.ShouldBe(0);

        using var refused = await engine.SendAsync(HttpMethod.Get, "/internal/engine/address", engine.CallerToken());
        await refused.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task EngineUrl_BehindATrustedProxy_IsThePublicOne()
    {
        await using var engine = await SessionEngine.StartAsync();
        using var response = await engine.PostAsync(
            "/v1/sessions", new { tutor_id = 1, student_id = 1 }, null,
            ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "tutor.example"));
        SessionAddress.Of(await response.JsonAsync()).EngineUrl.ToString().ShouldStartWith("wss://tutor.example/ws/gpu-engine.");
    }

    [Fact]
    public async Task EngineUrl_ForwardedByAnUntrustedProxy_IsIgnored()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:TrustedProxies:0", "192.0.2.1"), ("Engine:TrustedProxies:1", "192.0.2.2"));
        using var response = await engine.PostAsync(
            "/v1/sessions", new { tutor_id = 1, student_id = 1 }, engine.CallerToken(),
            ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"));
        SessionAddress.Of(await response.JsonAsync()).EngineUrl.ToString().ShouldStartWith(engine.WebSocketBase.ToString());
    }

    /// <summary>A service has said who it is: an engine elsewhere needs no list of addresses to believe it.</summary>
    [Fact]
    public async Task EngineUrl_ForwardedByAService_IsUsedFromAnyAddress()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:TrustedProxies:0", "192.0.2.1"));
        using var response = await engine.PostAsync(
            "/v1/sessions", new { tutor_id = 1, student_id = 1 }, null,
            ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "lyceum.example"));
        SessionAddress.Of(await response.JsonAsync()).EngineUrl.ToString().ShouldStartWith("wss://lyceum.example/ws/");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("ws://localhost:9000")]
    public async Task EngineUrl_LoopbackForARemoteClient_IsRejectedAndInHealth(string? configured)
    {
        await using var engine = await SessionEngine.StartAsync(configured is null ? [] : [("WEBSOCKET_URL", configured)]);
        await HealthAsync("healthy", "ok");

        using var refused = await engine.PostAsync(
            "/v1/sessions", new { tutor_id = 1, student_id = 1 }, null, ("X-Forwarded-For", "203.0.113.7, 127.0.0.1"));
        var problem = await refused.ShouldBeProblem(HttpStatusCode.InternalServerError, "public_url_not_configured");
        problem.GetProperty("detail").GetString()!.ShouldContain("WEBSOCKET_URL");
        engine.Store.Count.ShouldBe(0);

        await Eventually.TrueAsync(async () => (await StatusAsync()).Item1 == "degraded", "health says so");
        await HealthAsync("degraded", "degraded");

        // From this machine it works as before.
        await engine.CreateAsync();

        async Task<(string?, string?)> StatusAsync()
        {
            using var response = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            var health = await response.JsonAsync();
            health.GetProperty("service").GetString().ShouldBe("GPU Server");
            return (health.GetProperty("status").GetString(), health.GetProperty("checks").GetProperty("public_url").GetProperty("status").GetString());
        }

        async Task HealthAsync(string status, string check) => (await StatusAsync()).ShouldBe((status, check));
    }
}
