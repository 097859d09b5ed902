using System.Net;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Tools;

public sealed class ExecuteTests(SharedToolGateways shared) : IClassFixture<SharedToolGateways>, IAsyncLifetime
{
    private readonly ToolGateways _gateways = shared.Gateways;

    public async ValueTask InitializeAsync() => await _gateways.PostAsync("/api/config/tools/builtin/activate", "");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("""{"text":"hello","list":[1,2.50,null],"深":{"a":"\u00e9"}}""")]
    [InlineData("[1, 2]")]
    [InlineData("\"text\"")]
    [InlineData("null")]
    [InlineData("9007199254740993.0")]
    public async Task Echo_AnswersWithItsInput_ToTheLetter(string input)
    {
        var response = await _gateways.ExecuteAsync("echo", input);

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldBe($$"""{"status":"ok","output":{{input}}}""");
    }

    [Fact]
    public async Task Input_MayBeLeftOut() =>
        (await (await _gateways.PostAsync("/api/tools/execute", """{"tool":"echo"}""")).JsonAsync()).GetProperty("output").ToString().ShouldBe("{}");

    [Theory]
    [InlineData("", "invalid_json")]
    [InlineData("{", "invalid_json")]
    [InlineData("""{"tool":"echo","input":{"a":1,"a":2}}""", "invalid_json")] // which of the two?
    [InlineData("""{"tool":"echo","tool":"other"}""", "invalid_json")]
    [InlineData("""{"tool":"echo","input":"\ud800"}""", "invalid_json")]
    [InlineData("""{"tool":"echo","input":{"\udc00":1}}""", "invalid_json")]
    [InlineData("[]", "invalid_request")]
    [InlineData("""{"input":{}}""", "invalid_request")]
    [InlineData("""{"tool":7}""", "invalid_request")]
    [InlineData("""{"tool":"echo","digset":"sha256:0"}""", "invalid_request")]
    public async Task Body_ThatIsWrong_Is400(string body, string code) =>
        await (await _gateways.PostAsync("/api/tools/execute", body)).ShouldBeProblem(HttpStatusCode.BadRequest, code);

    [Fact]
    public async Task Body_OfWrongUtf8_TooDeep_OrNotJson_IsRefused()
    {
        var bytes = new ByteArrayContent([.. "{\"tool\":\"echo\",\"input\":\""u8, 0xC3, 0x28, .. "\"}"u8]) { Headers = { ContentType = new("application/json") } };
        await (await _gateways.Gateway.SendAsync(HttpMethod.Post, "/api/tools/execute", ToolGateways.Ada, bytes)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");
        await (await _gateways.ExecuteAsync("echo", new string('[', 100) + new string(']', 100))).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_json");
        await (await _gateways.Gateway.SendAsync(HttpMethod.Post, "/api/tools/execute", ToolGateways.Ada, new StringContent("tool=echo")))
            .ShouldBeProblem(HttpStatusCode.UnsupportedMediaType, "unsupported_media_type");
    }

    [Fact]
    public async Task Tool_ThatIsNotThere_Is404() =>
        await (await _gateways.ExecuteAsync("nope")).ShouldBeProblem(HttpStatusCode.NotFound, "tool_not_found");

    [Fact]
    public async Task Execute_NeedsItsScope()
    {
        await (await _gateways.ExecuteAsync("echo", token: "nobody's")).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        await (await _gateways.Gateway.GetAsync("/api/config/tools", ToolGateways.Cyd)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        await (await _gateways.RegisterAsync("v1", "[]", ToolGateways.Cyd)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
        await (await _gateways.PostAsync("/api/config/tools/builtin/activate", "", ToolGateways.Cyd)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task Input_ThatDoesNotFitTheSchema_Is400_WithEveryFaultAndItsPath()
    {
        await _gateways.OfferAsync("""
            {"name":"echo","kind":"builtin","input_schema":{"type":"object","required":["text"],"additionalProperties":false,
             "properties":{"text":{"type":"string","maxLength":5},"tags":{"type":"array","items":{"enum":["a","b"]}}}}}
            """);

        var problem = await (await _gateways.ExecuteAsync("echo", """{"tags":["a","c",7],"more":true}""")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_input");

        problem.GetProperty("errors").EnumerateObject().Select(error => $"{error.Name}: {error.Value[0]}").ShouldBe(
            ["/input: must have the property text", "/input/tags/1: must be one of \"a\", \"b\"", "/input/tags/2: must be one of \"a\", \"b\"", "/input/more: is not allowed here"],
            ignoreOrder: true);
        (await _gateways.OutputAsync("echo", """{"text":"深い五文字"}""")).GetProperty("text").GetString().ShouldBe("深い五文字");
    }

    [Fact]
    public async Task Input_LargerThanTheToolTakes_Is413()
    {
        await _gateways.OfferAsync("""{"name":"echo","kind":"builtin","max_input_bytes":100}""");

        (await _gateways.ExecuteAsync("echo", $"\"{new string('x', 98)}\"")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await _gateways.ExecuteAsync("echo", $"\"{new string('x', 99)}\"")).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
        await (await _gateways.ExecuteAsync("echo", $"\"{new string('x', 1_100_000)}\"")).ShouldBeProblem(HttpStatusCode.RequestEntityTooLarge, "payload_too_large");
    }

    [Fact]
    public async Task LargeBody_InPieces_IsReadWhole()
    {
        var text = new string('x', 60_000);
        var content = new StreamContent(new Trickle(Encoding.UTF8.GetBytes($$"""{"tool":"echo","input":"{{text}}"}"""))) { Headers = { ContentType = new("application/json") } };
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/tools/execute") { Content = content, Headers = { TransferEncodingChunked = true } };
        request.Headers.Authorization = new("Bearer", ToolGateways.Cyd);

        var response = await _gateways.Gateway.Client.SendAsync(request, TestContext.Current.CancellationToken);

        (await response.JsonAsync()).GetProperty("output").GetString().ShouldBe(text);
    }

    [Fact]
    public async Task Digest_IsPinned()
    {
        var tools = (await (await _gateways.Gateway.GetAsync("/api/tools", ToolGateways.Cyd)).JsonAsync()).GetProperty("tools");
        var digest = tools.EnumerateArray().Single(tool => tool.GetProperty("name").GetString() == "echo").GetProperty("digest").GetString();
        var pinned = $$"""{"tool":"echo","input":1,"digest":"{{digest}}"}""";
        (await _gateways.PostAsync("/api/tools/execute", pinned, ToolGateways.Cyd)).StatusCode.ShouldBe(HttpStatusCode.OK);

        await _gateways.OfferAsync("""{"name":"echo","kind":"builtin","description":"Something else."}""");

        var problem = await (await _gateways.PostAsync("/api/tools/execute", pinned, ToolGateways.Cyd)).ShouldBeProblem(HttpStatusCode.Conflict, "tool_digest_mismatch");
        problem.GetProperty("digest").GetString().ShouldNotBe(digest);
        await _gateways.PostAsync("/api/config/tools/builtin/activate", "");
        (await _gateways.PostAsync("/api/tools/execute", pinned, ToolGateways.Cyd)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Calls_AreMeasured_ByToolAndOutcome_AndNamesThatAreNoTool_AreNot()
    {
        await _gateways.OutputAsync("echo");
        await _gateways.ExecuteAsync("made-up-name");

        var metrics = await (await _gateways.Gateway.GetAsync("/metrics", token: null)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        metrics.ShouldContain("lyceum_tools_duration_seconds_count{outcome=\"ok\",tool=\"echo\"}");
        metrics.ShouldNotContain("made-up-name");
    }

    /// <summary>A stream that gives a few bytes at a time, and does not say how many there are.</summary>
    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1000));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, 1000)], cancellationToken);

        public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) => base.CopyToAsync(destination, 1000, cancellationToken);
    }
}
