using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lyceum.EngineClient;
using Lyceum.Tests.GpuEngine.Sessions;
using Lyceum.Tests.Support.Services;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.GpuEngine;

/// <summary>What an engine charges to budgets, before a keeper of budgets that a test plays.</summary>
public sealed class ChargingTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "gpu-engine");
    private readonly ConcurrentQueue<ChargeRequest> _reserved = [];
    private readonly ConcurrentQueue<ChargeSettlement> _settled = [];
    private TestService _keeper = null!;
    private Func<IResult> _grant = () => Results.Json(
        new { is_limited = true, taken = new[] { new { account = "tenant:dev", period = "total", units = 5000 } } });

    public async ValueTask InitializeAsync() => _keeper = await TestService.StartAsync(_identity, "gateway", map: app =>
    {
        app.MapPost($"{Charges.Path}/reserve", (ChargeRequest request) =>
        {
            _reserved.Enqueue(request);
            return _grant();
        }).AllowAnonymous();
        app.MapPost($"{Charges.Path}/settle", (List<ChargeSettlement> settlements) =>
        {
            foreach (var one in settlements)
                _settled.Enqueue(one);
            return Results.NoContent();
        }).AllowAnonymous();
    });

    public async ValueTask DisposeAsync()
    {
        await _keeper.DisposeAsync();
        _identity.Dispose();
    }

    private Task<Engine> StartAsync() => Engine.BeforeStubAsync(("Engine:ChargeTo:0", _keeper.Address.ToString()));

    private static async Task<HttpStatusCode> AskAsync(Engine engine, string more, bool asService = false, Guid? detached = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(
                $$"""{"messages":[{"role":"user","content":"What is a heron? {{new string('x', 400)}}"}]{{more}}}""", Encoding.UTF8,
                "application/json"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", asService ? engine.Token(act: "eve") : engine.Token());
        if (detached is { } id)
            request.Headers.Add("Generation-Id", id.ToString());
        using var response = await engine.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        if (detached is not null)
            text.Contains("\"prompt_tokens\"", StringComparison.Ordinal).ShouldBe(more.Contains("include_usage", StringComparison.Ordinal));
        return response.StatusCode;
    }

    private async Task<ChargeSettlement> SettledAsync()
    {
        await Eventually.TrueAsync(() => Task.FromResult(!_settled.IsEmpty), "it is settled");
        return _settled.ShouldHaveSingleItem();
    }

    public static TheoryData<string, bool, bool> Charged => new()
    {
        { ",\"max_tokens\":700", true, false },
        { ",\"max_tokens\":700,\"stream\":true,\"stream_options\":{\"include_usage\":true}", true, false },
        { ",\"max_tokens\":700,\"stream\":true,\"stream_options\":{\"include_usage\":true}", true, true },
        { ",\"max_tokens\":700,\"stream\":true", true, true },
        { ",\"max_tokens\":700,\"stream\":true", false, true }, // a person's, through the gateway, which does not see it
    };

    [Theory]
    [MemberData(nameof(Charged))]
    public async Task Answer_IsReservedBefore_AndSettledByWhatTheModelCounted(string more, bool asService, bool detached)
    {
        await using var engine = await StartAsync();

        (await AskAsync(engine, more, asService, detached ? Guid.NewGuid() : null)).ShouldBe(HttpStatusCode.OK);

        var reserved = _reserved.ShouldHaveSingleItem();
        (reserved.Tenant, reserved.Person, reserved.MaxTokens).ShouldBe(("dev", asService ? "eve" : "ada", 700L));
        reserved.PromptBytes.ShouldBeInRange(400, 600);
        var settled = await SettledAsync();
        (settled.Tenant, settled.Person).ShouldBe(("dev", asService ? "eve" : "ada"));
        settled.Taken.ShouldHaveSingleItem().ShouldBe(new ChargedUnits("tenant:dev", "total", 5000));
        settled.PromptTokens.ShouldBeGreaterThan(0);
        settled.CompletionTokens.ShouldBeGreaterThan(0);
        settled.Model.ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"stream\":true")]
    [InlineData(",\"stream\":true,\"stream_options\":{\"include_usage\":true}")]
    public async Task PersonsOwnCompletion_IsTheGatewaysToCharge_AndIsCounted(string more)
    {
        await using var engine = await StartAsync();

        (await AskAsync(engine, more)).ShouldBe(HttpStatusCode.OK);

        var settled = await SettledAsync();
        settled.Taken.ShouldBeEmpty();
        (settled.PromptTokens + settled.CompletionTokens).ShouldBeGreaterThan(0);
        _reserved.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ExhaustedBudget_Is429_AndTheModelIsNotAsked(bool detached)
    {
        _grant = () => Results.Json(
            new { code = "budget_exhausted", detail = "Too little is left of the budget." }, statusCode: 429, contentType: "application/problem+json");
        await using var engine = await StartAsync();

        (await AskAsync(engine, ",\"stream\":true", asService: true, detached ? Guid.NewGuid() : null)).ShouldBe(HttpStatusCode.TooManyRequests);

        engine.Stub!.Log.Requests.ShouldAllBe(request => !request.Body.Contains("heron"));
        _settled.ShouldBeEmpty();
    }

    [Fact]
    public async Task LiveTurn_IsCharged_ToWhomTheSessionBelongs()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:ChargeTo:0", _keeper.Address.ToString()));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);

        await client.SayAsync("hello");

        var settled = await SettledAsync();
        (settled.Tenant, settled.Person).ShouldBe(("dev", "ada"));
        settled.Taken.ShouldHaveSingleItem().Units.ShouldBe(5000);
        settled.CompletionTokens.ShouldBeGreaterThan(0);
        _reserved.ShouldHaveSingleItem().Person.ShouldBe("ada");
    }

    [Fact]
    public async Task WhoHasNoBudget_IsNotAskedAboutEachTime_AndGoesOnWithoutItsKeeper()
    {
        _grant = () => Results.Json(new { is_limited = false, taken = Array.Empty<int>() });
        await using var engine = await StartAsync();

        for (var i = 0; i < 3; i++)
            (await AskAsync(engine, "", asService: true)).ShouldBe(HttpStatusCode.OK);

        _reserved.ShouldHaveSingleItem();
        await Eventually.TrueAsync(() => Task.FromResult(_settled.Count == 3), "all are counted");
    }

    [Fact]
    public async Task KeeperThatIsAway_LetsNobodyUnknownAsk()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:ChargeTo:0", "http://127.0.0.1:9"));

        (await AskAsync(engine, "", asService: true)).ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await AskAsync(engine, "")).ShouldBe(HttpStatusCode.OK); // the gateway has asked already
    }
}
