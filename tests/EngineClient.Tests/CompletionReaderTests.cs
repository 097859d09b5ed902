using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient.Tests;

public sealed class CompletionReaderTests
{
    private static CompletionChunk Read(string json, TextAs text = TextAs.Decoded) =>
        new CompletionReader(text).Read(Encoding.UTF8.GetBytes(json));

    private static CompletionChunk ReadDelta(string delta) => Read($$"""{"choices":[{"delta":{{delta}}}]}""");

    [Theory]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}""", true, null, "hi")]
    [InlineData("""{"choices": [{"delta": {"content": "hi"}, "index": 0}]}""", true, null, "hi")]
    [InlineData("""{"id":"x","choices":[{"delta":{"content":"Hi 学"}}],"usage":null}""", true, null, "Hi 学")]
    [InlineData("""{"choices":[{"delta":{},"finish_reason":"length"}]}""", false, "length", null)]
    [InlineData("""{"choices":[{"delta":{},"finish_reason":""}]}""", false, null, null)]
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}""", false, null, null)]
    [InlineData("""{"error":null,"choices":[{"delta":{"content":"x"}}]}""", true, null, "x")]
    [InlineData("""{"content":"no","choices":[{"text":"no","delta":{"a":{"content":"no"}}}]}""", false, null, null)]
    [InlineData("""{"choices":null,"usage":7,"error":null}""", false, null, null)]
    [InlineData("""{"choices":[{"delta":null,"finish_reason":5}]}""", false, null, null)]
    [InlineData("""{"choices":[null,7,{"delta":[]}]}""", false, null, null)]
    public void Read_ChunkOfAnyServer_IsUnderstood(string json, bool token, string? finish, string? text)
    {
        var chunk = Read(json);

        (chunk.HasToken, chunk.FinishReason, chunk.Text, chunk.Error).ShouldBe((token, finish, text, null));
    }

    [Theory]
    [InlineData("""{"role":"assistant","content":""}""", false, null)]
    [InlineData("""{"role":"assistant","content":null}""", false, null)]
    [InlineData("""{"content":"","tool_calls":[],"reasoning_content":null}""", false, null)]
    [InlineData("""{"reasoning_content":"hm"}""", true, null)]
    [InlineData("""{"reasoning":"hm","content":""}""", true, null)]
    [InlineData("""{"refusal":"no"}""", true, "no")]
    [InlineData("""{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}""", true, null)]
    [InlineData("""{"function_call":{"name":"f","arguments":"{"}}""", true, null)]
    public void Read_Delta_GivesTextAndSaysWhetherItIsAToken(string delta, bool token, string? text)
    {
        var chunk = ReadDelta(delta);

        (chunk.HasToken, chunk.Text).ShouldBe((token, text));
    }

    [Theory]
    [InlineData("""{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1}}""", "3 4 7")]
    [InlineData("""{"prompt_tokens":3,"completion_tokens":4,"total_tokens":9}""", "3 4 9")]
    [InlineData("""{"prompt_tokens":3.0,"completion_tokens":1.2e1,"total_tokens":null}""", "3 12 15")]
    [InlineData("""{"prompt_tokens":null,"completion_tokens":4}""", "0 4 4")]
    [InlineData("""{"prompt_tokens":-3,"completion_tokens":99999999999}""", "0 2147483647 2147483647")]
    [InlineData("""{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null}""", null)]
    [InlineData("""{"prompt_tokens":"many","completion_tokens":{},"total_tokens":[1]}""", null)]
    [InlineData("{}", null)]
    [InlineData("[1,2]", null)]
    [InlineData("\"none\"", null)]
    public void Read_Usage_TakesNumbersAlone(string usage, string? counts)
    {
        var json = $$"""{"choices":[],"usage":{{usage}}}""";
        var expected = counts?.Split(' ').Select(int.Parse).ToArray() is [var prompt, var completion, var total]
            ? new TokenUsage(prompt, completion, total) : null;

        Read(json).Usage.ShouldBe(expected);
        CompletionReader.ReadWhole(Encoding.UTF8.GetBytes(json)).Usage.ShouldBe(expected);
    }

    [Theory]
    [InlineData("""{"error":{"message":"boom","code":"upstream_broken"}}""", "upstream_broken", "boom")]
    [InlineData("""{"error":{"message":"out of memory","code":500}}""", "engine_error", "out of memory")]
    [InlineData("""{"error":"out of memory"}""", "engine_error", "out of memory")]
    [InlineData("""{"error":{"reason":7}}""", "engine_error", """{"reason":7}""")]
    [InlineData("""{"object":"error","message":"boom","type":"t","code":400}""", "engine_error", "boom")]
    [InlineData("""[{"error":{"code":429,"message":"boom","status":"RESOURCE_EXHAUSTED"}}]""", "engine_error", "boom")]
    [InlineData("""{"choices":[{"finish_reason":"error","error":{"message":"boom"}}]}""", "engine_error", "boom")]
    [InlineData("""{"text":"boom","error_code":50001}""", "engine_error", "boom")]
    [InlineData("""{"error":{"message":"\ud83d or \u0000","code":"c\u0000"}}""", "c\uFFFD", "\uFFFD or \uFFFD")]
    [InlineData("""{"error":{"c\ud800":7}}""", "engine_error", """{"c\ud800":7}""")]
    public void Read_Error_IsTold(string json, string code, string message)
    {
        foreach (var text in Enum.GetValues<TextAs>())
            Read(json, text).Error.ShouldBe(new EngineError(0, code, message));
    }

    [Theory]
    [InlineData("error")]
    [InlineData("abort")]
    [InlineData("insufficient_system_resource")]
    public void Read_FinishReasonOfAFailure_IsAnError(string reason)
    {
        var chunk = Read($$"""{"choices":[{"delta":{},"finish_reason":"{{reason}}"}]}""");

        (chunk.FinishReason, chunk.Error!.Message).ShouldBe((null, $"The answer ended with the reason '{reason}'."));
    }

    [Fact]
    public void Read_Done_IsTheEnd() => Read("[DONE]").IsDone.ShouldBeTrue();

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{\"choices\": not")]
    [InlineData("{} {}")]
    [InlineData("""{"c\ud800":[]}""")]
    public void Read_NoObject_Throws(string data) => Should.Throw<MalformedStreamException>(() => Read(data));

    [Fact]
    public void Read_RawText_AllocatesNothing()
    {
        var reader = new CompletionReader(TextAs.Raw);
        var data = """{"id":"x","choices":[{"index":0,"delta":{"content":"a\nb"},"finish_reason":null}]}"""u8.ToArray();
        reader.Read(data);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var chunk = reader.Read(data);

        GC.GetAllocatedBytesForCurrentThread().ShouldBe(before);
        (Encoding.UTF8.GetString(data[chunk.Raw]), chunk.IsRawEscaped, chunk.Text).ShouldBe(("a\\nb", true, null));
    }

    [Fact]
    public void ReadWhole_Completion_HasAllOfIt()
    {
        var whole = CompletionReader.ReadWhole("""
            {"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",
            "reasoning_content":"hm","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            "finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}
            """u8);

        (whole.Text, whole.Model, whole.FinishReason, whole.TokenBytes).ShouldBe(("ab", "m", "stop", 4));
        whole.Usage.ShouldBe(new TokenUsage(1, 2, 3));
    }
}
