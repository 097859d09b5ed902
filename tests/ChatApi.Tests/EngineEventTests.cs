using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.ChatApi;

public sealed class EngineEventTests
{
    private static EngineEvent? Parse(string json) => EngineStream.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Parse_Delta_Text() =>
        Parse("""{"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi 学"},"finish_reason":null}],"usage":null}""")
            .ShouldBe(new EngineEvent("Hi 学", null, null, null));

    [Fact]
    public void Parse_ContentOutsideTheDelta_Ignored() =>
        Parse("""{"content":"no","choices":[{"content":"no","logprobs":{"content":[{"token":"no"}]},"delta":{"tool":{"content":"no"},"content":"yes"}}]}""")
            !.Value.Text.ShouldBe("yes");

    [Fact]
    public void Parse_FinishAndUsage_Both() =>
        Parse("""{"choices":[{"delta":{},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1}}}""")
            .ShouldBe(new EngineEvent(null, "length", new TokenUsage(3, 4, 7), null));

    [Fact]
    public void Parse_Error_CodeAndMessage() =>
        Parse("""{"error":{"message":"boom","type":"t","code":"upstream_broken","param":null}}""")
            !.Value.Error.ShouldBe(new EngineError(0, "upstream_broken", "boom"));

    [Fact]
    public void Parse_HalfASurrogatePair_KeptForTheOtherHalf() =>
        Parse("""{"choices":[{"delta":{"content":"a\n\ud83d"}}]}""")!.Value.Text.ShouldBe("a\n\uD83D");

    [Fact]
    public void Parse_Done_Null() => Parse("[DONE]").ShouldBeNull();

    [Theory]
    [InlineData("""{"choices":null,"usage":7,"error":null}""")]
    [InlineData("""{"choices":[{"delta":null,"finish_reason":5}]}""")]
    [InlineData("""{"choices":[{"delta":{"content":null}}]}""")]
    public void Parse_WrongTypes_NothingThere(string json) => Parse(json).ShouldBe(default(EngineEvent));

    [Fact]
    public void Parse_NotJson_Throws() =>
        Should.Throw<System.Text.Json.JsonException>(() => Parse("""{"choices": not json"""));
}
