using System.Text;
using Lyceum.EngineClient;

namespace Lyceum.Tests.EngineClient.Tests;

/// <summary>
/// What the reader makes of each stream of the table: as a relay reads it, as a detached generation, and as chat or a
/// live turn, in pieces of several sizes, and cut in two at every byte. All must agree.
/// </summary>
public sealed class DialectTests
{
    private const int Short = 1500; // bytes

    public static TheoryData<string> Names { get; } = [.. DialectTable.All.Keys];

    [Fact]
    public void Table_HasTheWorldsDialects() => DialectTable.All.Count.ShouldBeGreaterThan(120);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Stream_OfAnyServer_IsReadAlikeByAll(string name)
    {
        var dialect = DialectTable.All[name];
        var bytes = dialect.Bytes;
        var pieces = bytes.Length < Short ? [1, 2, 7, bytes.Length + 1] : (int[])[61, bytes.Length + 1];
        foreach (var textAs in Enum.GetValues<TextAs>())
        {
            foreach (var piece in pieces)
                await CheckAsync(dialect, textAs, new Trickle(bytes, piece, dialect.Breaks), $"pieces of {piece}");
        }
        for (var at = 1; at < bytes.Length && bytes.Length < Short; at++)
            await CheckAsync(dialect, TextAs.Decoded, new Trickle(bytes, bytes.Length, dialect.Breaks, at), $"cut at {at}");
    }

    private static async Task CheckAsync(Dialect dialect, TextAs textAs, Stream stream, string how)
    {
        var (text, thinking, end, usage) = await ReadAsync(stream, textAs, dialect.BeginsThinking);
        var expected = dialect.Cause is null ? dialect.End : $"error: {dialect.Cause}";
        end.ShouldBe(expected, $"{dialect.Name}, {textAs}, {how}");
        usage.ShouldBe(dialect.Usage, $"{dialect.Name}, {textAs}, {how}");
        if (textAs is TextAs.Nothing)
            return; // a relay's text is in the bytes
        text.ShouldBe(dialect.Text, $"{dialect.Name}, {textAs}, {how}");
        thinking.ShouldBe(dialect.Thinking, $"{dialect.Name}, {textAs}, {how}");
    }

    private static async Task<(string Text, string Thinking, string End, string Usage)> ReadAsync(
        Stream stream, TextAs textAs, bool beginsThinking)
    {
        var answer = new CompletionStream(stream, textAs, beginsThinking ? ThinkingIn.OpenTag : ThinkingIn.Tags);
        var (text, thinking) = (new StringBuilder(), new StringBuilder());
        var half = default(CutCharacter); // as a generation's buffer keeps it
        string? error = null;
        var isCut = false;
        try
        {
            while (error is null && await answer.FillAsync(TestContext.Current.CancellationToken))
            {
                while (error is null && answer.TryRead(out var chunk, out var data))
                {
                    text.Append(JsonText.Read(data[chunk.Raw], ref half)).Append(chunk.Text);
                    thinking.Append(chunk.Thinking);
                    error = chunk.Error?.Message;
                }
            }
            var rest = answer.Rest();
            text.Append(half.Take()).Append(rest.Text);
            thinking.Append(rest.Thinking);
        }
        catch (Exception e) when (e is MalformedStreamException or IOException)
        {
            isCut = true;
        }
        var end = error is not null ? $"error: {error}" : isCut ? Dialect.Cut : answer.End ?? Dialect.Cut;
        var usage = answer.Usage is var (prompt, completion, total) ? $"{prompt}/{completion}/{total}" : "";
        return (text.ToString(), thinking.ToString(), end, usage);
    }
}
