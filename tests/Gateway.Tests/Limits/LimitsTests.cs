using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests.Limits;

/// <summary>Limits as callers meet them.</summary>
public sealed class LimitsTests(LimitsTests.Database databases) : IAsyncLifetime, IClassFixture<LimitsTests.Database>
{
    /// <summary>One for all tests here: each has a tenant of its own.</summary>
    public sealed class Database(PostgresFixture postgres) : IAsyncLifetime
    {
        public string ConnectionString { get; private set; } = "";

        public async ValueTask InitializeAsync() => ConnectionString = await postgres.CreateDatabaseAsync();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private readonly string _tenant = $"school-{Guid.NewGuid():N}";
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private Backend _chat = null!;
    private TestService _engine = null!;
    private Func<HttpContext, Task> _answer = _ => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _chat = await Backend.StartAsync(_identity);
        _engine = await TestService.StartAsync(_identity, "gpu-engine", map: app => app.MapPost("/v1/chat/completions", (HttpContext http) => _answer(http)));
    }

    public async ValueTask DisposeAsync()
    {
        await _chat.DisposeAsync();
        await _engine.DisposeAsync();
        _identity.Dispose();
    }

    private async Task<TestGateway> StartAsync(JsonObject limits, bool database = false)
    {
        var settings = TestGateway.Reference("chat-api", _chat.Address).Concat(TestGateway.Reference("gpu-engine", _engine.Address)).ToDictionary();
        if (database)
            settings["ConnectionStrings:gatewaydb"] = databases.ConnectionString;
        var gateway = TestGateway.Start(_identity, settings, configure: Limits(limits));
        if (database)
            await Eventually.TrueAsync(async () => (await gateway.GetAsync("/api/usage")).StatusCode == HttpStatusCode.OK, "the schema is there");
        return gateway;
    }

    private Action<JsonObject> Limits(JsonObject limits) => configuration =>
    {
        configuration["limits"] = limits.DeepClone();
        configuration["auth"]!["tokens"]![0]!["tenant"] = _tenant;
    };

    private static JsonObject Rates(params (string Route, double Rate, int Burst)[] rules) => new()
    {
        ["rate"] = new JsonArray([.. rules.Select(rule => new JsonObject { ["route"] = rule.Route, ["rate"] = rule.Rate, ["burst"] = rule.Burst })]),
    };

    private JsonObject Budget(string unit, long limit, string? key = null, string period = "total") => new()
    {
        ["budgets"] = new JsonArray(new JsonObject { [key is null ? "tenant" : "key"] = key ?? _tenant, [unit] = limit, ["period"] = period }),
    };

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).ShouldHaveSingleItem();

    private static async Task<long> UsedAsync(TestGateway gateway) =>
        (await (await gateway.GetAsync("/api/usage")).JsonAsync()).GetProperty("budgets")[0].GetProperty("used").GetInt64();

    [Fact]
    public async Task WithoutLimits_NothingIsSaidOfThem()
    {
        await using var gateway = await StartAsync([]);

        (await gateway.GetAsync("/chat")).Headers.ShouldNotContain(header => header.Key.StartsWith("RateLimit", StringComparison.OrdinalIgnoreCase));
        (await (await gateway.GetAsync("/api/usage")).JsonAsync()).GetProperty("budgets").GetArrayLength().ShouldBe(0);
        (await gateway.GetAsync("/api/usage", token: null)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        await (await gateway.GetAsync("/api/usage/all")).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    /// <summary>A probe that shows its token neither pays for a look at the gateway's health nor is refused one.</summary>
    [Fact]
    public async Task Operations_ArePartOfNoLimit_WithATokenToo()
    {
        var limits = Budget("requests", 2);
        limits["rate"] = Rates(("*", 0.001, 3))["rate"]!.DeepClone();
        await using var gateway = await StartAsync(limits, database: true);

        foreach (var path in (string[])["/health", "/alive", "/version", "/metrics", "/", "/health", "/version", "/health/db"])
            (await gateway.GetAsync(path)).StatusCode.ShouldBe(HttpStatusCode.OK, path);
        (await UsedAsync(gateway)).ShouldBe(0);
        (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await UsedAsync(gateway)).ShouldBe(1);
    }

    [Fact]
    public async Task RateLimit_Is429_WithTheWaitAndTheUsualHeaders()
    {
        await using var gateway = await StartAsync(Rates(("/chat/**", 0.1, 2), ("*", 100, 200)));

        var first = await gateway.GetAsync("/chat");
        Header(first, "RateLimit-Policy").ShouldBe("\"/chat/**\";q=2;w=20, \"*\";q=200;w=2");
        Header(first, "RateLimit").ShouldMatch("""^"/chat/\*\*";r=1;t=10, "\*";r=199;t=1$""");
        (Header(first, "RateLimit-Limit"), Header(first, "RateLimit-Remaining"), Header(first, "RateLimit-Reset")).ShouldBe(("2", "1", "10"));
        await gateway.GetAsync("/chat/");

        var refused = await gateway.GetAsync("/CHAT/x/stop");
        await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "rate_limited");
        refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 10);
        Header(refused, "RateLimit").ShouldStartWith("\"/chat/**\";r=0;t=");
        _chat.Seen.Count.ShouldBe(2);
        (await gateway.GetAsync("/api/conversations")).StatusCode.ShouldNotBe(HttpStatusCode.TooManyRequests);
        // A stranger takes nothing from anybody.
        await (await gateway.GetAsync("/chat", "wrong")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        (await gateway.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken))
            .ShouldContain("""lyceum_gateway_limits_refused_total{code="rate_limited"} 1""");
    }

    [Fact]
    public async Task ChangedConfiguration_IsFollowed_AndNobodysBucketFilled()
    {
        await using var gateway = await StartAsync(Rates(("/chat/**", 0.001, 1)));
        await gateway.GetAsync("/chat");

        gateway.Configure(Limits(Rates(("/chat/**", 0.002, 500), ("/api/**", 0.001, 1))));
        await Eventually.TrueAsync(async () => (await gateway.GetAsync("/api/conversations")).StatusCode == HttpStatusCode.TooManyRequests, "the new rule");
        (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);

        gateway.Configure(null);
        await Eventually.TrueAsync(async () => (await gateway.GetAsync("/chat")).StatusCode == HttpStatusCode.OK, "no rule any more");
    }

    [Fact]
    public async Task BudgetOfAThousand_With256CallersOnTwoReplicas_AdmitsExactlyAThousand()
    {
        await using var one = await StartAsync(Budget("requests", 1000), database: true);
        await using var two = await StartAsync(Budget("requests", 1000), database: true);
        var statuses = new System.Collections.Concurrent.ConcurrentBag<HttpStatusCode>();

        await Parallel.ForAsync(0, 1500, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (i, _) =>
        {
            using var response = await (i % 2 == 0 ? one : two).GetAsync("/chat");
            statuses.Add(response.StatusCode);
        });

        statuses.CountBy(status => status).ToDictionary().ShouldBe(
            new Dictionary<HttpStatusCode, int> { [HttpStatusCode.OK] = 1000, [HttpStatusCode.TooManyRequests] = 500 }, ignoreOrder: true);
        (_chat.Seen.Count, await UsedAsync(one), await UsedAsync(two)).ShouldBe((1000, 1000, 1000));
    }

    [Fact]
    public async Task SpentBudget_Is429_UntilThePeriodEnds_AndIsShared()
    {
        await using var gateway = await StartAsync(Budget("requests", 1, period: "day"), database: true);
        (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);

        var refused = await gateway.GetAsync("/chat");
        var problem = await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        (problem.GetProperty("budget").GetString(), problem.GetProperty("unit").GetString(), problem.GetProperty("limit").GetInt64()).ShouldBe(($"tenant:{_tenant}", "requests", 1));
        refused.Headers.RetryAfter!.Delta!.Value.ShouldBeInRange(TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Header(refused, "RateLimit-Policy").ShouldBe("\"requests\";q=1;w=86400");
        (Header(refused, "RateLimit-Limit"), Header(refused, "RateLimit-Remaining")).ShouldBe(("1", "0"));

        var usage = (await (await gateway.GetAsync("/api/usage")).JsonAsync()).GetProperty("budgets")[0];
        usage.GetProperty("period").GetString().ShouldBe(DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        (usage.GetProperty("used").GetInt64(), usage.GetProperty("remaining").GetInt64()).ShouldBe((1, 0));
    }

    [Fact]
    public async Task WithoutTheDatabase_OnlyCallersWithABudgetAreRefused()
    {
        await using var gateway = await StartAsync(Budget("requests", 1000, key: "somebody-else"));
        (await gateway.GetAsync("/chat")).StatusCode.ShouldBe(HttpStatusCode.OK);

        await using var budgeted = await StartAsync(Budget("requests", 1000, key: "ada"));
        var refused = await budgeted.GetAsync("/chat");
        await refused.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "database_unavailable");
        refused.Headers.RetryAfter.ShouldNotBeNull();
        _chat.Seen.Count.ShouldBe(1);
    }

    /// <summary>An image is not charged by its bytes, and reaches the engine as it was sent.</summary>
    [Fact]
    public async Task ModelTokens_OfAQuestionWithImages_AreThoseOfImages_AndItsBytesPassUnharmed()
    {
        await using var gateway = await StartAsync(Budget("model_tokens", 20_000), database: true);
        byte[]? seen = null;
        _answer = async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            seen = body.ToArray();
            await http.Response.WriteAsJsonAsync(
                new { choices = Array.Empty<int>(), usage = new { prompt_tokens = 800, completion_tokens = 1, total_tokens = 801 } });
        };
        var image = new byte[600_000]; // the engine here takes a megabyte
        new Random(5).NextBytes(image);
        var sent = Encoding.UTF8.GetBytes(
            $$$"""
            {"model":"m","max_tokens":100,"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},
            {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,{{{Convert.ToBase64String(image)}}}","detail":"low"}}]}]}
            """);

        var content = new ByteArrayContent(sent);
        content.Headers.ContentType = new("application/json");
        var answer = await gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", content: content);

        answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        seen.AsSpan().SequenceEqual(sent).ShouldBeTrue();
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 801, "801 used");
    }

    private static StringContent Completion(string more) =>
        new($$"""{"model":"m","messages":[{"role":"user","content":"{{new string('a', 100)}}"}]{{more}}}""", Encoding.UTF8, "application/json");

    private static Task<HttpResponseMessage> CompleteAsync(TestGateway gateway, string more) =>
        gateway.SendAsync(HttpMethod.Post, "/v1/chat/completions", content: Completion(more));

    [Fact]
    public async Task ModelTokens_AreSettledByWhatTheModelCounted()
    {
        await using var gateway = await StartAsync(Budget("model_tokens", 10_000), database: true);
        string? seen = null;
        _answer = async http =>
        {
            seen = await new StreamReader(http.Request.Body).ReadToEndAsync();
            await http.Response.WriteAsJsonAsync(new { choices = Array.Empty<int>(), usage = new { prompt_tokens = 20, completion_tokens = 80, total_tokens = 100 } });
        };

        var answer = await CompleteAsync(gateway, ",\"max_tokens\":5000");
        (await answer.JsonAsync()).GetProperty("usage").GetProperty("total_tokens").GetInt32().ShouldBe(100);
        seen.ShouldBe(await Completion(",\"max_tokens\":5000").ReadAsStringAsync(TestContext.Current.CancellationToken));
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 100, "100 used");

        // More than is left may not even begin; the next that fits may.
        await (await CompleteAsync(gateway, ",\"max_tokens\":9900")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        // Within a second: what was refused had taken all that was left, and gives it back.
        await Eventually.TrueAsync(
            async () => (await CompleteAsync(gateway, ",\"max_tokens\":9800")).StatusCode == HttpStatusCode.OK, "the next that fits may begin");
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 200, "200 used");
    }

    [Fact]
    public async Task StreamedAnswer_ComesEventByEvent_AndIsSettledAtItsEnd()
    {
        await using var gateway = await StartAsync(Budget("model_tokens", 10_000), database: true);
        var next = System.Threading.Channels.Channel.CreateUnbounded<string>();
        _answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await foreach (var text in next.Reader.ReadAllAsync(http.RequestAborted))
            {
                await http.Response.WriteAsync(text, http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }
        };

        next.Writer.TryWrite("data: {\"choices\":[{\"delta\":{\"content\":\"0123456789");
        using var answer = await CompleteAsync(gateway, ",\"stream\":true,\"max_tokens\":1000");
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var buffer = new char[200];
        (await reader.ReadAsync(buffer, TestContext.Current.CancellationToken)).ShouldBeGreaterThan(0); // half an event: not held back
        next.Writer.TryWrite("0123456789\"}}],\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":12,\"total_tokens\":42}}\n\ndata: [DONE]\n\n");
        next.Writer.Complete();
        (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).ShouldEndWith("[DONE]\n\n");
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 42, "42 used");
    }

    [Theory]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"0123456789012345678901234567890123456789\"}}]}\n\n", 100 / 4 + 3 + 10)]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"01234567", 100 / 4 + 3 + 9)] // broken off: its length
    public async Task StreamThatCountsNothing_IsSettledByItsLength(string events, long used)
    {
        await using var gateway = await StartAsync(Budget("model_tokens", 10_000), database: true);
        _answer = async http =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(events);
        };

        await (await CompleteAsync(gateway, ",\"stream\":true")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) is var now && Math.Abs(now - used) <= 3, "what it probably was");
    }

    [Fact]
    public async Task AnswerThatFailed_CostsNoTokens()
    {
        await using var gateway = await StartAsync(Budget("model_tokens", 10_000), database: true);
        _answer = http =>
        {
            http.Response.StatusCode = 503;
            return http.Response.WriteAsync("{\"usage\":{\"total_tokens\":9}}");
        };

        (await CompleteAsync(gateway, "")).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 0, "nothing used");
    }
}
