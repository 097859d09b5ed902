using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Lyceum.EngineClient;
using Lyceum.Tests.Support;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests.Limits;

/// <summary>What engines charge for what the gateway does not see, and the budgets that owners set.</summary>
public sealed class OwnersBudgetsTests(LimitsTests.Database databases) : IAsyncLifetime, IClassFixture<LimitsTests.Database>
{
    private readonly string _tenant = $"school-{Guid.NewGuid():N}";
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "gpu-engine", "session-api");
    private Backend _chat = null!;

    public async ValueTask InitializeAsync() => _chat = await Backend.StartAsync(_identity);

    public async ValueTask DisposeAsync()
    {
        await _chat.DisposeAsync();
        _identity.Dispose();
    }

    private async Task<TestGateway> StartAsync(JsonObject? limits = null)
    {
        var settings = TestGateway.Reference("chat-api", _chat.Address);
        settings["ConnectionStrings:gatewaydb"] = databases.ConnectionString;
        var gateway = TestGateway.Start(_identity, settings, configure: configuration =>
        {
            configuration["limits"] = (limits ?? []).DeepClone();
            var token = configuration["auth"]!["tokens"]![0]!;
            token["tenant"] = _tenant;
            token["scopes"] = new JsonArray("chat", "llm", "budgets", "roadmaps", "collab", "sessions");
        });
        await Eventually.TrueAsync(async () => (await gateway.GetAsync("/api/usage")).StatusCode == HttpStatusCode.OK, "the schema is there");
        return gateway;
    }

    private JsonObject Budget(long limit, string? key = null) => new()
    {
        ["budgets"] = new JsonArray(new JsonObject { [key is null ? "tenant" : "key"] = key ?? _tenant, ["model_tokens"] = limit, ["period"] = "total" }),
        ["prices"] = new JsonObject
        {
            ["currency"] = "EUR",
            ["models"] = new JsonObject { ["large"] = new JsonObject { ["prompt"] = 2, ["completion"] = 10 } },
        },
    };

    private string Service => _identity.Token("gpu-engine", sub: "gpu-engine", kind: "service", tenant: "lyceum", scope: "");

    private Task<HttpResponseMessage> ReserveAsync(TestGateway gateway, long maxTokens, string person = "eve", string? token = null) =>
        gateway.SendAsync(HttpMethod.Post, "/internal/charges/reserve", token ?? Service, JsonContent.Create(
            new { tenant = _tenant, person, prompt_bytes = 400, max_tokens = maxTokens }));

    private async Task<HttpStatusCode> SettleAsync(
        TestGateway gateway, IEnumerable<object> taken, long prompt, long completion, string person = "eve", string model = "large") =>
        (await gateway.SendAsync(HttpMethod.Post, "/internal/charges/settle", Service, JsonContent.Create(new[]
        {
            new { tenant = _tenant, person, model, prompt_tokens = prompt, completion_tokens = completion, taken },
        }))).StatusCode;

    private static async Task<List<ChargedUnits>> TakenAsync(HttpResponseMessage granted)
    {
        granted.StatusCode.ShouldBe(HttpStatusCode.OK);
        return [.. (await granted.JsonAsync()).GetProperty("taken").EnumerateArray().Select(one => new ChargedUnits(
            one.GetProperty("account").GetString()!, one.GetProperty("period").GetString()!, one.GetProperty("units").GetInt64()))];
    }

    private static IEnumerable<object> Shown(IEnumerable<ChargedUnits> taken) =>
        taken.Select(one => new { account = one.Account, period = one.Period, units = one.Units });

    /// <summary>Until it is stored: a database that is busy may be away for a moment.</summary>
    private static Task SetAsync(TestGateway gateway, object budget) => Eventually.TrueAsync(
        async () => (await gateway.SendAsync(HttpMethod.Put, "/api/budgets", content: JsonContent.Create(budget))).StatusCode == HttpStatusCode.NoContent,
        "the budget is set");

    private static async Task<long> UsedAsync(TestGateway gateway) =>
        (await (await gateway.GetAsync("/api/usage")).JsonAsync()).GetProperty("budgets")[0].GetProperty("used").GetInt64();

    [Fact]
    public async Task Charges_AreForServicesAlone()
    {
        await using var gateway = await StartAsync();

        (await ReserveAsync(gateway, 10, token: TestGateway.Secret)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await ReserveAsync(gateway, 10, token: _identity.Token(scope: "llm"))).StatusCode.ShouldBe(HttpStatusCode.Forbidden);
        (await gateway.SendAsync(HttpMethod.Post, "/internal/charges/settle", null, JsonContent.Create(Array.Empty<int>())))
            .StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await (await ReserveAsync(gateway, 10)).JsonAsync()).GetProperty("is_limited").GetBoolean().ShouldBeFalse();
    }

    [Fact]
    public async Task Charge_IsTakenBefore_AndSettledAtAnyReplica()
    {
        await using var gateway = await StartAsync(Budget(10_000));
        await using var other = await StartAsync(Budget(10_000));

        var taken = await TakenAsync(await ReserveAsync(gateway, 5_000));
        taken.ShouldHaveSingleItem().Units.ShouldBe(5_200); // and half the prompt's bytes
        await (await ReserveAsync(other, 9_000)).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");

        (await SettleAsync(other, Shown(taken), 20, 80)).ShouldBe(HttpStatusCode.NoContent);
        await Eventually.TrueAsync(async () => await UsedAsync(gateway) == 100, "100 used");
        await TakenAsync(await ReserveAsync(gateway, 9_600));
    }

    [Fact]
    public async Task Budget_OfALaterVersionsPeriod_CountsForGood_AndTheOthersAreReadAllTheSame()
    {
        await using (await StartAsync()) { } // the schema
        await using (var source = NpgsqlDataSource.Create(databases.ConnectionString))
        await using (var later = source.CreateCommand(
            "INSERT INTO tenant_budgets (tenant, person, model_tokens, period, updated_at, updated_by) VALUES "
            + "($1, 'eve', 1000, 'semester', now(), 'x'), ($1, 'kim', 1000, 'day', now(), 'x')"))
        {
            later.Parameters.Add(new() { Value = _tenant });
            (await later.ExecuteNonQueryAsync(TestContext.Current.CancellationToken)).ShouldBe(2);
        }
        await using var gateway = await StartAsync();

        await Eventually.TrueAsync(
            async () => (await ReserveAsync(gateway, 5_000, person: "kim")).StatusCode == HttpStatusCode.TooManyRequests, "kim's is read");
        await (await ReserveAsync(gateway, 5_000)).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        (await TakenAsync(await ReserveAsync(gateway, 100))).ShouldHaveSingleItem().Period.ShouldBe("total");
    }

    [Fact]
    public async Task Student_HasADailyBudgetByDefault_AtEveryReplica_UnlessAnOwnerSetsOne()
    {
        var limits = new JsonObject { ["student_daily_tokens"] = 10_000 };
        await using var gateway = await StartAsync(limits);
        await using var other = await StartAsync(limits);
        string User(string role, string sub = "kim") =>
            _identity.Token("session-api", aud: "lyceum-user", sub: sub, tenant: _tenant, kind: "user", scope: "chat", role: role);

        (await TakenAsync(await ReserveAsync(gateway, 100_000, person: "kim"))).ShouldBeEmpty(); // nobody knows what they are
        (await gateway.GetAsync("/chat", User("student"))).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await gateway.GetAsync("/chat", User("teacher", "noether"))).StatusCode.ShouldBe(HttpStatusCode.OK);

        // At the replica that they asked, and at another one.
        await (await ReserveAsync(gateway, 100_000, person: "kim")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        await (await ReserveAsync(other, 100_000, person: "kim")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        var taken = (await TakenAsync(await ReserveAsync(other, 1_000, person: "kim"))).ShouldHaveSingleItem();
        taken.Account.ShouldBe($"set:person:{_tenant}/kim");
        taken.Period.Length.ShouldBe("2026-11-30".Length);
        (await TakenAsync(await ReserveAsync(gateway, 100_000, person: "noether"))).ShouldBeEmpty();

        // They see it, and so do owners.
        var seen = (await (await gateway.GetAsync("/api/usage", User("student"))).JsonAsync()).GetProperty("budgets")[0];
        (seen.GetProperty("limit").GetInt64(), seen.GetProperty("unit").GetString()).ShouldBe((10_000, "model_tokens"));
        (await (await gateway.GetAsync("/api/budgets")).JsonAsync()).GetProperty("student_daily_tokens").GetInt64().ShouldBe(10_000);

        // What an owner sets goes before.
        (await gateway.SendAsync(HttpMethod.Put, "/api/budgets", TestGateway.Secret, JsonContent.Create(
            new { person = "*", model_tokens = 1_000_000, period = "month" }))).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await TakenAsync(await ReserveAsync(gateway, 100_000, person: "kim"))).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Charge_OfAnApiToken_IsItsKeysBudget()
    {
        await using var gateway = await StartAsync(Budget(10_000, key: "ada"));

        (await TakenAsync(await ReserveAsync(gateway, 100, person: "ada"))).ShouldHaveSingleItem().Account.ShouldBe("key:ada");
        (await TakenAsync(await ReserveAsync(gateway, 100, person: "eve"))).ShouldBeEmpty();
    }

    [Fact]
    public async Task Owner_SetsBudgets_AndSeesThem_AndTheirUse()
    {
        await using var gateway = await StartAsync(Budget(1_000_000));
        Task<HttpResponseMessage> PutAsync(object body) => gateway.SendAsync(HttpMethod.Put, "/api/budgets", content: JsonContent.Create(body));

        (await PutAsync(new { model_tokens = 8_000, period = "total" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await PutAsync(new { model_tokens = 3_000, period = "total", person = "*" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        (await PutAsync(new { model_tokens = 6_000, period = "total", person = "eve" })).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await PutAsync(new { period = "day" })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        await (await PutAsync(new { model_tokens = -1 })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        await (await PutAsync(new { model_tokens = 1, person = "a\0b" })).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        await (await ReserveAsync(gateway, 4_000, person: "bob")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        var taken = await TakenAsync(await ReserveAsync(gateway, 4_000, person: "eve"));
        taken.Select(one => one.Account).ShouldBe([$"tenant:{_tenant}", $"set:tenant:{_tenant}", $"set:person:{_tenant}/eve"]);
        await (await ReserveAsync(gateway, 4_000, person: "eve")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        await SettleAsync(gateway, Shown(taken), 1_000, 200);
        await SettleAsync(gateway, [], 10, 20, "bob", "small");

        var set = (await (await gateway.GetAsync("/api/budgets")).JsonAsync()).GetProperty("budgets").EnumerateArray().ToList();
        set.Select(one => one.TryGetProperty("person", out var person) ? person.GetString() : null).ShouldBe([null, "*", "eve"]);
        await Eventually.TrueAsync(
            async () => (await (await gateway.GetAsync("/api/budgets")).JsonAsync()).GetProperty("budgets")[2].GetProperty("used").GetInt64() == 1_200,
            "what eve used");

        await Eventually.TrueAsync(
            async () => (await (await gateway.GetAsync("/api/budgets/use")).JsonAsync()).GetProperty("use").GetArrayLength() == 2, "use is written");
        (await (await gateway.GetAsync("/api/budgets/use?from=yesterday")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request"))
            .GetProperty("detail").GetString().ShouldBe("from must be a day such as 2026-01-31.");
        var use = await (await gateway.GetAsync("/api/budgets/use")).JsonAsync();
        use.GetProperty("currency").GetString().ShouldBe("EUR");
        var first = use.GetProperty("use")[0];
        (first.GetProperty("person").GetString(), first.GetProperty("calls").GetInt64()).ShouldBe(("eve", 1));
        first.GetProperty("cost").GetDecimal().ShouldBe(0.004m); // 1,000 at 2 and 200 at 10 a million
        use.GetProperty("use")[1].GetProperty("cost").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);

        (await gateway.SendAsync(HttpMethod.Delete, "/api/budgets?person=eve")).StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await (await gateway.SendAsync(HttpMethod.Delete, "/api/budgets?person=eve")).ShouldBeProblem(HttpStatusCode.NotFound, "not_found");
        await (await ReserveAsync(gateway, 3_000, person: "eve")).ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
    }

    [Fact]
    public async Task OtherTenants_AndTheirBudgets_AreNotSeen()
    {
        await using var gateway = await StartAsync();
        await SetAsync(gateway, new { model_tokens = 5, period = "total" });
        var stranger = JsonContent.Create(new { tenant = "another", person = "eve", prompt_bytes = 400, max_tokens = 100 });

        (await (await gateway.SendAsync(HttpMethod.Post, "/internal/charges/reserve", Service, stranger)).JsonAsync())
            .GetProperty("is_limited").GetBoolean().ShouldBeFalse();
    }

    [Theory]
    [InlineData("/chat")]
    [InlineData("/chat/")]
    [InlineData("/api/v1/roadmaps/generate")]
    [InlineData("/api/collab/execute")]
    [InlineData("/api/tutors/7/sessions")]
    public async Task Work_ThatAsksAModel_IsNotAcceptedWhereTheBudgetIsUsedUp(string path)
    {
        await using var gateway = await StartAsync();
        var before = await gateway.SendAsync(HttpMethod.Post, path, content: JsonContent.Create(new { message = "hi" }));
        before.StatusCode.ShouldNotBe(HttpStatusCode.TooManyRequests);
        await SetAsync(gateway, new { model_tokens = 0, period = "total" });

        var after = await gateway.SendAsync(HttpMethod.Post, path, content: JsonContent.Create(new { message = "hi" }));

        await after.ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        after.Headers.RetryAfter.ShouldNotBeNull();
    }
}
