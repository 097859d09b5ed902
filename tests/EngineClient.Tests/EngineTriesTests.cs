using Lyceum.EngineClient;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.EngineClient.Tests;

/// <summary>Which engines a question goes to, by engines that answer as a test says.</summary>
public sealed class EngineTriesTests : IAsyncLifetime
{
    private static readonly Uri Nobody = new("http://127.0.0.1:9");

    private readonly IdentityFolder _identity = new("gateway", "gpu-engine");
    private readonly List<TestService> _services = [];
    private readonly List<string> _asked = []; // under itself

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services)
            await service.DisposeAsync();
        _identity.Dispose();
    }

    [Theory]
    [InlineData(429, "overloaded")]
    [InlineData(503, "engine_unavailable")]
    [InlineData(502, "upstream_unreachable")]
    public async Task Ask_EngineTakesNothingOn_AnotherIsAskedOnce(int status, string code)
    {
        var client = await ClientAsync(
            await RejectingAsync("a", status, code), await RejectingAsync("b", status, code), await EngineAsync("c"));

        (await AskAsync(client)).ShouldBe("c");

        Asked().Distinct().Count().ShouldBe(Asked().Count);
    }

    [Fact]
    public async Task Ask_EngineUnreachable_AnotherIsAsked()
    {
        var client = await ClientAsync(Nobody, await EngineAsync("b"));

        for (var turn = 0; turn < 2; turn++)
            (await AskAsync(client)).ShouldBe("b");
        Asked().ShouldBe(["b", "b"]);
    }

    [Fact]
    public async Task Ask_ManyEnginesBusy_TwoMoreAreAskedAtMost()
    {
        var engines = new List<Uri>();
        foreach (var name in (string[])["a", "b", "c", "d", "e"])
            engines.Add(await RejectingAsync(name, 429, "overloaded"));
        var client = await ClientAsync([.. engines]);

        var e = await Should.ThrowAsync<EngineException>(() => AskAsync(client));

        (e.Error.Status, e.Error.Code, e.RetryAfter).ShouldBe((429, "overloaded", TimeSpan.FromSeconds(7)));
        Asked().Count.ShouldBe(3);
        Asked().Distinct().Count().ShouldBe(3);
    }

    [Theory]
    [InlineData(400, "invalid_request")]
    [InlineData(404, "model_not_found")]
    [InlineData(500, "internal")]
    [InlineData(502, "upstream_error")]
    [InlineData(504, "first_token_timeout")]
    public async Task Ask_EngineRejectsTheQuestionOrFails_NoOtherIsAsked(int status, string code)
    {
        var client = await ClientAsync(
            await RejectingAsync("a", status, code), await RejectingAsync("b", status, code));

        var e = await Should.ThrowAsync<EngineException>(() => AskAsync(client));
        e.Error.ShouldBe(new EngineError(status, code, "no"));

        Asked().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Ask_ConnectionBreaksAfterTheQuestionWasSent_NoOtherIsAsked()
    {
        var client = await ClientAsync(await BreakingAsync("a"), await BreakingAsync("b"));

        await Should.ThrowAsync<HttpRequestException>(() => AskAsync(client));

        Asked().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Ask_NoEngine_Says503()
    {
        var client = await ClientAsync();

        (await Should.ThrowAsync<EngineException>(() => AskAsync(client))).Error.Status.ShouldBe(503);
    }

    [Fact]
    public async Task Stream_DetachedGeneration_StaysAtItsEngine()
    {
        var engine = await RejectingAsync("a", 503, "engine_unavailable");
        var client = await ClientAsync(engine, await EngineAsync("b"));

        var chunks = new List<CompletionChunk>();
        await foreach (var chunk in client.StreamAsync(engine, Guid.NewGuid(), Question, "dev", "ada", Cancel))
            chunks.Add(chunk);

        chunks.ShouldHaveSingleItem().Error.ShouldBe(new EngineError(503, "engine_unavailable", "no"));
        Asked().ShouldBe(["a"]);
    }

    [Fact]
    public async Task Repeat_OnlyOneEngine_IsAskedOnceMore()
    {
        var client = await ClientAsync(Nobody);
        var tries = client.Tries();

        tries.MoveNext().ShouldBeFalse();
        tries.MoveNextOrRepeat().ShouldBeTrue();
        tries.Current.ShouldBe(Nobody);
        tries.MoveNextOrRepeat().ShouldBeFalse();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static CompletionRequest Question { get; } = new([new("user", "hi")]);

    private static async Task<string?> AskAsync(CompletionsClient client)
    {
        using var response = await client.AskAsync(Question, client.TokenFor("dev", "ada"), Cancel);
        return CompletionReader.ReadWhole(await response.Content.ReadAsByteArrayAsync(Cancel)).Text;
    }

    private List<string> Asked()
    {
        lock (_asked)
            return [.. _asked];
    }

    private Task<Uri> EngineAsync(string name) => EngineAsync(name, http => http.Response.WriteAsJsonAsync(new
    {
        choices = new[] { new { message = new { content = name }, finish_reason = "stop" } },
    }));

    private Task<Uri> BreakingAsync(string name) => EngineAsync(name, http =>
    {
        http.Abort();
        return Task.CompletedTask;
    });

    private Task<Uri> RejectingAsync(string name, int status, string code) => EngineAsync(name, http =>
    {
        http.Response.StatusCode = status;
        http.Response.Headers.RetryAfter = "7";
        return http.Response.WriteAsJsonAsync(new { error = new { code, message = "no" } });
    });

    private async Task<Uri> EngineAsync(string name, RequestDelegate answer)
    {
        RequestDelegate complete = http =>
        {
            lock (_asked)
                _asked.Add(name);
            return answer(http);
        };
        var engine = await TestService.StartAsync(
            _identity, "gpu-engine", map: app => app.MapPost("/v1/chat/completions", complete));
        _services.Add(engine);
        return engine.Address;
    }

    private async Task<CompletionsClient> ClientAsync(params Uri[] engines)
    {
        var service = await TestService.StartAsync(
            _identity, "gateway", builder => builder.AddCompletionsClient(),
            settings: engines.Index().ToDictionary(
                engine => $"services:gpu-engine:http:{engine.Index}", engine => (string?)engine.Item.ToString()));
        _services.Add(service);
        return service.Services.GetRequiredService<CompletionsClient>();
    }
}
