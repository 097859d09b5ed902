using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary><c>/api/llm/complete</c> before an engine that says what a test says.</summary>
public sealed class LlmTests(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly Uri Nobody = new("http://127.0.0.1:9");

    private readonly IdentityFolder _identity = new("gateway", "gpu-engine");
    private readonly Channel<string> _says = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _left = new();
    private TestService _engine = null!;
    private TestGateway _gateway = null!;
    private JsonElement _asked;
    private string _askedBy = "";

    public async ValueTask InitializeAsync()
    {
        _engine = await TestService.StartAsync(_identity, "gpu-engine", map: app => app.MapPost("/v1/chat/completions", AnswerAsync));
        _gateway = Start(_engine.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _engine.DisposeAsync();
        _identity.Dispose();
    }

    private TestGateway Start(params Uri[] engines) =>
        TestGateway.Start(_identity, new([.. TestGateway.Reference("gpu-engine", engines), new("Answers:Ping", "00:00:00.05")]));

    /// <summary>
    /// A number is a rejection's status, <c>cut</c> breaks off, anything else is a chunk, or the whole.
    /// </summary>
    private async Task AnswerAsync(HttpContext http, Caller caller)
    {
        _asked = await JsonSerializer.DeserializeAsync<JsonElement>(http.Request.Body);
        _askedBy = $"{caller.Tenant}/{caller.Subject}/{caller.Kind}";
        try
        {
            await foreach (var text in _says.Reader.ReadAllAsync(http.RequestAborted))
            {
                if (int.TryParse(text, out var status))
                {
                    http.Response.StatusCode = status;
                    http.Response.Headers.RetryAfter = "7";
                    await http.Response.WriteAsJsonAsync(new { error = new { code = status == 404 ? "model_not_found" : "some_code", message = "no" } });
                    return;
                }
                if (text == "cut")
                {
                    http.Abort();
                    return;
                }
                if (!_asked.TryGetProperty("stream", out _))
                {
                    http.Response.ContentType = "application/json";
                    await http.Response.WriteAsync(text);
                    return;
                }
                if (!http.Response.HasStarted)
                    http.Response.ContentType = "text/event-stream";
                await http.Response.WriteAsync($"data: {text}\n\n", http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
                if (text == "[DONE]")
                    return;
            }
        }
        catch (OperationCanceledException)
        {
            _left.TrySetResult();
        }
    }

    private void Say(params string[] chunks)
    {
        foreach (var chunk in chunks)
            _says.Writer.TryWrite(chunk);
    }

    private static string Chunk(string content) => $$$"""{"model":"m1","choices":[{"delta":{"content":"{{{content}}}"}}]}""";

    private static string Whole(string content, string more = "") =>
        $$$"""{"model":"m1","choices":[{"message":{"role":"assistant","content":"{{{content}}}"},"finish_reason":"stop"}]{{{more}}}}""";

    private const string Finish = """{"model":"m1","choices":[{"delta":{},"finish_reason":"stop"}]}""";
    private const string Counted = """{"model":"m1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""";

    private Task<HttpResponseMessage> AskAsync(object body, TestGateway? gateway = null) =>
        (gateway ?? _gateway).SendAsync(HttpMethod.Post, "/api/llm/complete", content: JsonContent.Create(body));

    [Fact]
    public async Task Complete_AnswersWithThePromptAndTheText()
    {
        Say(Whole("Hi 😀", ""","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{}}"""));
        var answer = await (await AskAsync(new { prompt = "Say hi", system = "Be brief.", model = "m1", max_tokens = 5, temperature = 0.5 })).JsonAsync();
        Guid.TryParse(answer.GetProperty("id").GetString(), out _).ShouldBeTrue();
        answer.GetProperty("prompt").GetString().ShouldBe("Say hi");
        answer.GetProperty("completion").GetString().ShouldBe("Hi 😀");
        answer.GetProperty("model").GetString().ShouldBe("m1");
        answer.GetProperty("finish_reason").GetString().ShouldBe("stop");
        answer.GetProperty("usage").ToString().ShouldBe("""{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}""");

        _askedBy.ShouldBe("acme/ada/Token");
        _asked.ToString().ShouldBe(
            """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say hi"}],"model":"m1","max_tokens":5,"temperature":0.5}""");
    }

    [Fact]
    public async Task Stream_TellsEachPartAsItComes()
    {
        Say(Chunk("Hi"));
        using var response = await AskAsync(new { prompt = "Say hi", stream = true });
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        var events = Read(response).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        (await Next(events)).ShouldBe(("start", "Say hi"));
        (await Next(events)).ShouldBe(("delta", "Hi"));
        (await Next(events, pings: true)).Type.ShouldBe("ping"); // the model is silent
        // An emoji in two halves, as some model servers send it.
        Say(Chunk(" there"), Chunk("\\ud83d"), Chunk("\\ude00"), Finish, Counted, "[DONE]");
        (await Next(events)).ShouldBe(("delta", " there"));
        (await Next(events)).ShouldBe(("delta", "😀"));
        (await Next(events)).ShouldBe(("end", "stop"));
        (await events.MoveNextAsync()).ShouldBeFalse();
    }

    [Theory]
    [InlineData(400, HttpStatusCode.BadRequest, "invalid_request")]
    [InlineData(404, HttpStatusCode.NotFound, "model_not_found")]
    [InlineData(429, HttpStatusCode.TooManyRequests, "overloaded")]
    [InlineData(503, HttpStatusCode.ServiceUnavailable, "engine_unavailable")]
    [InlineData(500, HttpStatusCode.BadGateway, "upstream_failed")]
    public async Task Refusal_HasAStatus_StreamedOrNot(int engineSays, HttpStatusCode status, string code)
    {
        foreach (var stream in (bool[])[false, true])
        {
            Say($"{engineSays}");
            using var response = await AskAsync(new { prompt = "p", stream });
            await response.ShouldBeProblem(status, code);
            if (engineSays is 429 or 503)
                response.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(7));
        }
    }

    [Fact]
    public async Task AnswerThatBreaksOff_IsAnError_NotAnEnd()
    {
        foreach (var half in (string[])["cut", "{}", """{"choices":"""])
        {
            Say(half);
            await (await AskAsync(new { prompt = "p" })).ShouldBeProblem(HttpStatusCode.BadGateway, "upstream_failed");
        }
        foreach (var (end, code) in ((string, string)[])[
            ("cut", "upstream_failed"), ("[DONE]", "upstream_failed"), ("""{"error":{"code":"token_timeout","message":"silent for too long"}}""", "timeout")])
        {
            Say(Chunk("Hi"));
            using var response = await AskAsync(new { prompt = "p", stream = true });
            var events = Read(response).GetAsyncEnumerator(TestContext.Current.CancellationToken);
            await Next(events);
            (await Next(events)).ShouldBe(("delta", "Hi"));
            Say(end);
            (await Next(events)).ShouldBe(("error", code));
            (await events.MoveNextAsync()).ShouldBeFalse();
        }
    }

    [Fact]
    public async Task ClientThatGoesAway_StopsTheEngine()
    {
        Say(Chunk("Hi"));
        using (var response = await AskAsync(new { prompt = "p", stream = true }))
            await Next(Read(response).GetAsyncEnumerator(TestContext.Current.CancellationToken));
        await _left.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task EngineThatIsGone_IsPassedOver_NoneAtAllIs503()
    {
        await using var gateway = Start(Nobody, _engine.Address);
        for (var i = 0; i < 2; i++) // whoever's turn it is
        {
            Say(Whole("Hi"));
            var answer = await (await AskAsync(new { prompt = "p" }, gateway)).JsonAsync();
            answer.GetProperty("completion").GetString().ShouldBe("Hi");
            answer.GetProperty("usage").ValueKind.ShouldBe(JsonValueKind.Null);
        }
        foreach (var engines in (Uri[][])[[], [Nobody]])
        {
            await using var alone = Start(engines);
            using var response = await AskAsync(new { prompt = "p", stream = true }, alone);
            await response.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "engine_unavailable");
            response.Headers.RetryAfter.ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task BudgetOfModelTokens_IsChargedWhatTheModelCounted_AndElseByLength()
    {
        await using var gateway = TestGateway.Start(
            _identity, new([.. TestGateway.Reference("gpu-engine", _engine.Address), new("ConnectionStrings:gatewaydb", await postgres.CreateDatabaseAsync())]),
            configure: configuration => configuration["limits"] =
                JsonNode.Parse("""{"budgets": [{"tenant": "acme", "model_tokens": 10000, "period": "total"}], "default_max_tokens": 1000}"""));
        async Task<long?> UsedAsync() => (await gateway.GetAsync("/api/usage")) is { IsSuccessStatusCode: true } usage
            ? (await usage.JsonAsync()).GetProperty("budgets")[0].GetProperty("used").GetInt64() : null;
        await Eventually.TrueAsync(async () => await UsedAsync() == 0, "nothing used");

        Say(Whole("Hi", ""","usage":{"prompt_tokens":30,"completion_tokens":10,"total_tokens":40}"""));
        await AskAsync(new { prompt = "p" }, gateway);
        await Eventually.TrueAsync(async () => await UsedAsync() == 40, "40 used");

        Say(Chunk("Hi"), Finish, Counted, "[DONE]");
        await (await AskAsync(new { prompt = "p", stream = true }, gateway)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => await UsedAsync() == 45, "45 used");

        Say(Chunk("0123456789012345678901234567890123456789"), "[DONE]"); // broken off at 40 bytes, and 20 were asked
        await (await AskAsync(new { prompt = new string('p', 20), stream = true }, gateway)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => await UsedAsync() == 60, "60 used");

        Say("503");
        await AskAsync(new { prompt = "p" }, gateway);
        await Eventually.TrueAsync(async () => await UsedAsync() == 60, "nothing more");
        using var refused = await AskAsync(new { prompt = "p", max_tokens = 9_990 }, gateway);
        await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "budget_exhausted");
        refused.Headers.RetryAfter.ShouldNotBeNull();
    }

    [Fact]
    public async Task Complete_ThatIsWrong_ReportsEveryFault()
    {
        var problem = await (await AskAsync(new { prompt = " ", system = new string('x', 20_001), model = "", max_tokens = 0, temperature = 2.1 }))
            .ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).ShouldBe(["max_tokens", "model", "prompt", "system", "temperature"]);
        await (await _gateway.SendAsync(HttpMethod.Post, "/api/llm/complete", token: null, JsonContent.Create(new { prompt = "p" })))
            .ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
    }

    private static IAsyncEnumerable<SseItem<string>> Read(HttpResponseMessage response) =>
        SseParser.Create(response.Content.ReadAsStream(TestContext.Current.CancellationToken)).EnumerateAsync(TestContext.Current.CancellationToken);

    /// <summary>The next event that is no ping, and what matters of it.</summary>
    private static async Task<(string Type, string? Says)> Next(IAsyncEnumerator<SseItem<string>> events, bool pings = false)
    {
        do
            (await events.MoveNextAsync()).ShouldBeTrue();
        while (events.Current.EventType == "ping" && !pings);
        var data = JsonElement.Parse(events.Current.Data);
        return (events.Current.EventType, events.Current.EventType switch
        {
            "start" => data.GetProperty("prompt").GetString(),
            "delta" => data.GetProperty("text").GetString(),
            "end" => data.GetProperty("finish_reason").GetString(),
            "error" => data.GetProperty("code").GetString(),
            _ => null,
        });
    }
}
