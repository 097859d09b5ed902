using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Upstream;

namespace Lyceum.Tests.GpuEngine;

public sealed class FramingTests
{
    [Theory]
    [InlineData("data: a\n\n", 9, "a")]
    [InlineData("data:a\n\ndata: b\n\n", 8, "a")]
    [InlineData("data: a\r\n\r\n", 11, "a")]
    [InlineData("event: x\nid: 1\ndata: a\n\n", 24, "a")]
    [InlineData(": comment\n\n", 11, "")]
    [InlineData("\n", 1, "")]
    [InlineData("data: a\n", 0, "")]
    [InlineData("data: a", 0, "")]
    [InlineData("", 0, "")]
    public void SseEvents_PartialEvent_IsNotReturned(string buffer, int length, string data)
    {
        SseEvents.Next(Encoding.UTF8.GetBytes(buffer), out var found).ShouldBe(length);
        if (length > 0)
        {
            Encoding.UTF8.GetString(found).ShouldBe(data);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8192)]
    public async Task EventBuffer_BytesInAnyPieces_GivesTheSameWholeEvents(int piece)
    {
        var events = Enumerable.Range(0, 500).Select(i => $"data: {{\"n\":\"{new string('é', i * 13 % 700)}{i}\"}}\n\n").ToList();
        var buffer = new EventBuffer(new Trickle(Encoding.UTF8.GetBytes(string.Concat(events)), piece));
        var taken = new List<string>();

        while (await buffer.FillAsync(TestContext.Current.CancellationToken))
        {
            var before = 0;
            while (buffer.TryTake(out _))
            {
                taken.Add(Encoding.UTF8.GetString(buffer.Taken.Span[before..]));
                before = buffer.Taken.Length;
            }
        }

        taken.ShouldBe(events);
    }

    [Fact]
    public async Task EventBuffer_EndlessEvent_IsRejected()
    {
        var buffer = new EventBuffer(new Trickle(Encoding.UTF8.GetBytes("data: " + new string('x', 3_000_000)), 65_536));

        var e = await Should.ThrowAsync<ApiException>(async () =>
        {
            while (await buffer.FillAsync(TestContext.Current.CancellationToken))
            {
                buffer.TryTake(out _).ShouldBeFalse();
            }
        });

        e.Error.Code.ShouldBe("upstream_broken");
    }

    [Theory]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}""", true, null, "hi")]
    [InlineData("""{"choices": [{"delta": {"content": "hi"}, "index": 0}]}""", true, null, "hi")]
    [InlineData("""{"choices":[{"delta":{"role":"assistant","content":""}}]}""", false, null, null)]
    [InlineData("""{"choices":[{"delta":{"role":"assistant","content":null}}]}""", false, null, null)]
    [InlineData("""{"choices":[{"delta":{"reasoning_content":"hm"}}]}""", true, null, null)]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]}}]}""", true, null, null)]
    [InlineData("""{"choices":[{"delta":{},"finish_reason":"length"}]}""", false, "length", null)]
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}""", false, null, null)]
    [InlineData("""{"error":null,"choices":[{"delta":{"content":"x"}}]}""", true, null, "x")]
    public void ChunkReader_ChunkOfAnyServer_IsRead(string json, bool token, string? finish, string? text)
    {
        var chunk = ChunkReader.Read(Encoding.UTF8.GetBytes(json), TextAs.String);

        (chunk.HasToken, chunk.FinishReason, chunk.Error).ShouldBe((token, finish, null));
        (chunk.Text is "" ? null : chunk.Text).ShouldBe(text);
    }

    [Theory]
    [InlineData("""{"error":{"message":"out of memory","code":500}}""", "out of memory")]
    [InlineData("""{"error":"out of memory"}""", "out of memory")]
    public void ChunkReader_ErrorObject_IsRead(string json, string message) =>
        ChunkReader.Read(Encoding.UTF8.GetBytes(json), TextAs.Nothing).Error.ShouldBe(message);

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{\"choices\": not")]
    [InlineData("{} {}")]
    public void ChunkReader_NotAChunk_Throws(string data) =>
        Should.Throw<JsonException>(() => ChunkReader.Read(Encoding.UTF8.GetBytes(data), TextAs.Nothing));

    /// <summary>Gives at most so many bytes a read.</summary>
    private sealed class Trickle(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
