using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Threading.Channels;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary><c>/api/llm/complete</c> before an engine that says what a test says.</summary>
public sealed class LlmTests : IAsyncLifetime
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

    /// <summary>A number is a refusal's status, <c>cut</c> breaks off, anything else is a chunk.</summary>
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

    private const string Finish = """{"model":"m1","choices":[{"delta":{},"finish_reason":"stop"}]}""";
    private const string Counted = """{"model":"m1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}""";

    private Task<HttpResponseMessage> AskAsync(object body, TestGateway? gateway = null) =>
        (gateway ?? _gateway).SendAsync(HttpMethod.Post, "/api/llm/complete", content: JsonContent.Create(body));

    [Fact]
    public async Task Complete_AnswersWithThePromptAndTheText()
    {
        // An emoji in two halves, as some model servers send it.
        Say(Chunk(""), Chunk("Hi "), Chunk("\\ud83d"), Chunk("\\ude00"), Finish, Counted, "[DONE]");
        var answer = await (await AskAsync(new { prompt = "Say hi", system = "Be brief.", model = "m1", max_tokens = 5, temperature = 0.5 })).JsonAsync();
        Guid.TryParse(answer.GetProperty("id").GetString(), out _).ShouldBeTrue();
        answer.GetProperty("prompt").GetString().ShouldBe("Say hi");
        answer.GetProperty("completion").GetString().ShouldBe("Hi 😀");
        answer.GetProperty("model").GetString().ShouldBe("m1");
        answer.GetProperty("finish_reason").GetString().ShouldBe("stop");
        answer.GetProperty("usage").ToString().ShouldBe("""{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}""");

        _askedBy.ShouldBe("acme/ada/Token");
        _asked.ToString().ShouldBe(
            """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say hi"}],"stream":true,"stream_options":{"include_usage":true},"model":"m1","max_tokens":5,"temperature":0.5}""");
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
        Say(Chunk(" there"), Finish, Counted, "[DONE]");
        (await Next(events)).ShouldBe(("delta", " there"));
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
        Say(Chunk("Hi"), "cut");
        await (await AskAsync(new { prompt = "p" })).ShouldBeProblem(HttpStatusCode.BadGateway, "upstream_failed");

        Say(Chunk("Hi"), "[DONE]"); // without a reason
        await (await AskAsync(new { prompt = "p" })).ShouldBeProblem(HttpStatusCode.BadGateway, "upstream_failed");

        Say(Chunk("Hi"), """{"error":{"code":"token_timeout","message":"silent for too long"}}""", "[DONE]");
        using var response = await AskAsync(new { prompt = "p", stream = true });
        var events = Read(response).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        await Next(events);
        await Next(events);
        (await Next(events)).ShouldBe(("error", "timeout"));
        (await events.MoveNextAsync()).ShouldBeFalse();
    }

    [Fact]
    public async Task ClientThatGoesAway_StopsTheEngine()
    {
        Say(Chunk("Hi"));
        using (var response = await AskAsync(new { prompt = "p", stream = true }))
            await Next(Read(response).GetAsyncEnumerator(TestContext.Current.CancellationToken));
        await _left.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task EngineThatIsGone_IsPassedOver_NoneAtAllIs503()
    {
        await using var gateway = Start(Nobody, _engine.Address);
        for (var i = 0; i < 2; i++) // whoever's turn it is
        {
            Say(Chunk("Hi"), Finish, "[DONE]");
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
