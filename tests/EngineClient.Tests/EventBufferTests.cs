using System.Net.ServerSentEvents;
using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient.Tests;

public sealed class EventBufferTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("data: a\n\n", "data: a\n\n", "a")]
    [InlineData("data:a\n\ndata: b\n\n", "data:a\n\n", "a")]
    [InlineData("data: a\r\n\r\n", "data: a\r\n\r\n", "a")]
    [InlineData("data: a\r\rdata: b\r\r", "data: a\r\r", "a")]
    [InlineData("event: x\nid: 1\ndata: a\n\n", "event: x\nid: 1\ndata: a\n\n", "a")]
    [InlineData("data: {\ndata: \"a\":1\ndata:}\n\n", "data: {\ndata: \"a\":1\ndata:}\n\n", "{\n\"a\":1\n}")]
    [InlineData("\uFEFFdata: a\n\n", "data: a\n\n", "a")]
    [InlineData(": comment\n\n", ": comment\n\n", "")]
    [InlineData("\n", "\n", "")]
    [InlineData("data: a\n", null, "")]
    [InlineData("data: a", null, "")]
    [InlineData("", null, "")]
    public void TryTake_WholeEvent_GivesItsBytesAndData(string sent, string? taken, string data)
    {
        var buffer = new EventBuffer();
        buffer.Add(Encoding.UTF8.GetBytes(sent));

        buffer.TryTake(out var found).ShouldBe(taken is not null);

        Encoding.UTF8.GetString(found).ShouldBe(data);
        Encoding.UTF8.GetString(buffer.Taken.Span).ShouldBe(taken ?? "");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8192)]
    public async Task TryTake_HoweverTheBytesAreCut_GivesTheSameEvents(int piece)
    {
        var events = Enumerable.Range(0, 500)
            .Select(i => $"data: {{\"n\":\"{new string('é', i * 13 % 700)}{i}\"}}\n\n").ToList();
        var buffer = new EventBuffer(new Trickle(Encoding.UTF8.GetBytes(string.Concat(events)), piece));
        var taken = new List<string>();

        while (await buffer.FillAsync(Cancel))
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
    public async Task TryTake_AnyStream_ReadsAsDotNetsParserDoes()
    {
        string[] lines =
            ["data: x", "data:y", "data:  z ", "data: {\"a\":1}", ": c", "event: e", "id: 1", "", "", "é"];
        string[] ends = ["\n", "\r\n", "\r"];
        var random = new Random(7);
        for (var run = 0; run < 2000; run++)
        {
            var text = new StringBuilder(random.Next(3) == 0 ? "\uFEFF" : "");
            for (var i = random.Next(20); i >= 0; i--)
                text.Append(lines[random.Next(lines.Length)]).Append(ends[random.Next(ends.Length)]);
            var bytes = Encoding.UTF8.GetBytes(text.Append("\n\ndata: last\n\n").ToString());
            var expected = new List<string>();
            await foreach (var item in SseParser.Create(new MemoryStream(bytes)).EnumerateAsync(Cancel))
                expected.Add(item.Data);

            var read = new List<string>();
            var buffer = new EventBuffer(new Trickle(bytes, random.Next(1, 30)));
            while (await buffer.FillAsync(Cancel))
            {
                while (buffer.TryTake(out var data))
                {
                    if (!data.IsEmpty)
                        read.Add(Encoding.UTF8.GetString(data));
                }
            }
            read.ShouldBe(expected, text.ToString());
        }
    }

    [Fact]
    public async Task Fill_EndlessEvent_IsRefused()
    {
        var endless = Encoding.UTF8.GetBytes("data: " + new string('x', 3_000_000));
        var buffer = new EventBuffer(new Trickle(endless, 65_536));

        await Should.ThrowAsync<MalformedStreamException>(async () =>
        {
            while (await buffer.FillAsync(Cancel))
                buffer.TryTake(out _).ShouldBeFalse();
        });

        buffer.Waiting.ShouldBe(EventBuffer.MaxEvent);
    }
}

/// <summary>Gives at most so many bytes a read, and at the end breaks where it is told to.</summary>
/// <param name="first">At most so many in the first read.</param>
internal sealed class Trickle(byte[] bytes, int piece, bool breaks = false, int first = int.MaxValue)
    : MemoryStream(bytes)
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var most = Math.Min(Position == 0 ? first : piece, Math.Min(piece, buffer.Length));
        var read = await base.ReadAsync(buffer[..most], cancellationToken);
        return read > 0 || !breaks ? read : throw new IOException("The connection broke.");
    }
}
