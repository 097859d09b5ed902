using System.Text;

namespace Lyceum.Tests.GpuEngine;

public sealed class ValidationTests
{
    /// <summary>Body, status, code, offending field.</summary>
    public static TheoryData<string, int, string, string?> BadRequests { get; } = new()
    {
        { "", 400, "invalid_json", null },
        { "hello", 400, "invalid_json", null },
        // Who reads the first and who reads the last differ: a budget would be asked for one, the model for a thousand.
        { """{"messages":[{"role":"user","content":"hi"}],"max_tokens":1,"max_tokens":1000}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}],"max_tokens":1,"max_token\u0073":1000}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi","content":"ho"}]}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}],"n":1,"n":128}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}]""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"\ud800"}]}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}],"user":"\ud800"}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}],"\udc00":1}""", 400, "invalid_json", null },
        { """{"messages":[{"role":"user","content":"hi"}],"metadata":{"a":["x\udfff"]}}""", 400, "invalid_json", null },
        { "[]", 400, "invalid_type", null },
        { "{}", 400, "missing_required_parameter", "messages" },
        { """{"messages":null}""", 400, "missing_required_parameter", "messages" },
        { """{"messages":"hi"}""", 400, "invalid_type", "messages" },
        { """{"messages":[]}""", 400, "empty_array", "messages" },
        { """{"messages":["hi"]}""", 400, "invalid_type", "messages[0]" },
        { """{"messages":[{"content":"hi"}]}""", 400, "missing_required_parameter", "messages[0].role" },
        { """{"messages":[{"role":7,"content":"hi"}]}""", 400, "invalid_type", "messages[0].role" },
        { """{"messages":[{"role":"boss","content":"hi"}]}""", 400, "invalid_value", "messages[0].role" },
        { """{"messages":[{"role":"user"}]}""", 400, "missing_required_parameter", "messages[0].content" },
        { """{"messages":[{"role":"user","content":5}]}""", 400, "invalid_type", "messages[0].content" },
        { """{"messages":[{"role":"user","content":["hi"]}]}""", 400, "invalid_type", "messages[0].content[0]" },
        { """{"messages":[{"role":"user","content":[{"type":"text"}]}]}""", 400, "missing_required_parameter", "messages[0].content[0].text" },
        { """{"model":5,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "model" },
        { """{"model":"","messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_value", "model" },
        { """{"model":"gpt-9","messages":[{"role":"user","content":"hi"}]}""", 404, "model_not_found", "model" },
        { """{"stream":"yes","messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "stream" },
        { """{"stream_options":{},"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_value", "stream_options" },
        { """{"stream":true,"stream_options":{"include_usage":1},"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "stream_options.include_usage" },
        { """{"temperature":"hot","messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "temperature" },
        { """{"temperature":3,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_value", "temperature" },
        { """{"max_tokens":0,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_value", "max_tokens" },
        { """{"max_tokens":1.5,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "max_tokens" },
        { """{"n":0,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_value", "n" },
        { """{"n":2,"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_request", "n" },
        { """{"stop":[1],"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_type", "stop[0]" },
        { """{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"hi"}]}""", 400, "invalid_request", "response_format" },
        { """{"lyceum":{"passages":[{"title":"no text"}]},"messages":[{"role":"user","content":"hi"}]}""", 400, "missing_required_parameter", "lyceum.passages[0].text" },
    };

    [Fact]
    public async Task ChatCompletion_BadRequest_NamesTheFieldAndError()
    {
        // One engine for the whole matrix: it also shows that no bad request harms the next.
        await using var engine = await Engine.PrimerAsync();
        foreach (var (body, status, code, param) in BadRequests.Select(row => row.Data))
        {
            using var response = await engine.SendAsync(new StringContent(body, Encoding.UTF8, "application/json"));
            var error = await response.ShouldBeApiError(status, code);
            error.GetProperty("param").GetString().ShouldBe(param, body);
            error.GetProperty("type").GetString().ShouldBe("invalid_request_error");
        }
        using var good = await engine.AskAsync("hello", stream: false);
        good.IsSuccessStatusCode.ShouldBeTrue();
    }

    /// <summary>Of a field that only the model server reads: the body is written again for it.</summary>
    [Theory]
    [InlineData("\"user\":\"\\ud800\"")]
    [InlineData("\"metadata\":{\"\\udc00\":1}")]
    [InlineData("\"user\":\"\\ud83d\",\"model\":\"stub\"")]
    public async Task ChatCompletion_HalfACharacterForTheModelServer_Returns400(string field)
    {
        await using var engine = await Engine.BeforeStubAsync();
        var body = $$"""{"messages":[{"role":"user","content":"hi"}],{{field}}}""";

        using var response = await engine.SendAsync(new StringContent(body, Encoding.UTF8, "application/json"));

        await response.ShouldBeApiError(400, "invalid_json");
    }

    [Fact]
    public async Task ChatCompletion_WithAByteOrderMark_IsAnswered()
    {
        await using var engine = await Engine.PrimerAsync();
        byte[] body = [0xEF, 0xBB, 0xBF, .. """{"messages":[{"role":"user","content":"hi"}]}"""u8];

        using var response = await engine.SendAsync(new ByteArrayContent(body));

        response.IsSuccessStatusCode.ShouldBeTrue();
    }

    [Fact]
    public async Task ChatCompletion_InvalidUtf8_Returns400()
    {
        await using var engine = await Engine.PrimerAsync();
        var body = Encoding.Latin1.GetBytes("""{"messages":[{"role":"user","content":"caf\xE9"}]}""".Replace("\\xE9", "\u00e9", StringComparison.Ordinal));

        using var response = await engine.SendAsync(new ByteArrayContent(body));

        await response.ShouldBeApiError(400, "invalid_utf8");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ChatCompletion_BodyOfTenMegabytes_Returns413(bool lengthKnown)
    {
        await using var engine = await Engine.PrimerAsync();
        var body = Encoding.UTF8.GetBytes($$"""{"messages":[{"role":"user","content":"{{new string('x', 10_000_000)}}"}]}""");
        using HttpContent content = lengthKnown ? new ByteArrayContent(body) : new StreamContent(new Unsized(body));

        using var response = await engine.SendAsync(content);

        await response.ShouldBeApiError(413, "payload_too_large");
    }

    [Fact]
    public async Task ChatCompletion_ThreeMegabyteMessage_IsTaken()
    {
        await using var engine = await Engine.PrimerAsync();

        using var response = await engine.AskAsync(string.Concat(Enumerable.Repeat("spacing ", 390_000)), stream: false);

        response.IsSuccessStatusCode.ShouldBeTrue();
    }

    [Fact]
    public async Task V1_WithoutTokenOrScope_IsRejected()
    {
        await using var engine = await Engine.PrimerAsync();
        engine.Client.DefaultRequestHeaders.Authorization = null;

        using var response = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);

        await response.ShouldBeProblem(System.Net.HttpStatusCode.Unauthorized, "unauthorized");
    }

    /// <summary>A body that is sent in chunks, its length unknown beforehand.</summary>
    private sealed class Unsized(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
