using System.Text;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Upstream;

namespace Lyceum.Tests.GpuEngine.Upstream;

public sealed class PairedEventsTests
{
    /// <summary>Events as sent, events as read; <c>|</c> is the blank line between two.</summary>
    public static MatrixTheoryData<(string Sent, string Read), int> Streams { get; } = new(
        [
            ("""data: {"a":"学🚀"}|: comment|data: [DONE]|""", """data: {"a":"学🚀"}|: comment|data: [DONE]|"""),
            (@"data: ""\ud83d\ude80""|", @"data: ""\ud83d\ude80""|"),
            (@"data: ""a\uD83D""|data: ""\uDE80b""|", @"data: ""a""|data: ""\ud83d\ude80b""|"),
            (@"data: ""1""|data: ""a\ud83d""|data: ""\ude80\ud83d""|data: ""\ude81""|data: ""2""|",
                @"data: ""1""|data: ""a""|data: ""\ud83d\ude80""|data: ""\ud83d\ude81""|data: ""2""|"),
            (@"data: ""\ude80""|", @"data: ""\ufffd""|"),
            (@"data: ""a\ud83d""|data: ""b""|data: ""\ude80""|", @"data: ""a""|data: ""b""|data: ""\ufffd""|"),
            (@"data: ""\\ud83d \n \u00e9""|", @"data: ""\\ud83d \n \u00e9""|"),
            (@"data: ""\ud83dx""|data: not whole", @"data: ""x""|"),
        ],
        [1, 5, 4096]);

    [Theory]
    [MemberData(nameof(Streams))]
    public async Task SurrogateHalves_InTwoEvents_AreJoinedInTheSecond((string Sent, string Read) stream, int piece)
    {
        await using var events = new PairedEvents(new Trickle(Encoding.UTF8.GetBytes(stream.Sent.Replace("|", "\n\n", StringComparison.Ordinal)), piece));
        using var reader = new StreamReader(events);

        var read = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        read.Replace("\n\n", "|", StringComparison.Ordinal).ShouldBe(stream.Read);
    }

    [Fact]
    public async Task Event_WithoutEnd_IsRejected()
    {
        await using var events = new PairedEvents(new MemoryStream(new byte[3_000_000]));

        await Should.ThrowAsync<MalformedStreamException>(
            () => events.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken));
    }

    /// <summary>Gives at most so many bytes a read.</summary>
    private sealed class Trickle(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
