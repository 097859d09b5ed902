using System.Text;
using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.Tests.GpuEngine;

public sealed class GenerationTextTests
{
    [Fact]
    public void Append_InAnyPiecesAndEscapes_EqualsTheWholeText()
    {
        string[] units = ["a", "é", "学", "\ud83d", "\ude80", "🚀", "\0", "\n", "\"", "\\", "plain words ", "\u001f"];
        for (var seed = 0; seed < 400; seed++)
        {
            var random = new Random(seed);
            var whole = string.Concat(Enumerable.Range(0, 40).Select(_ => units[random.Next(units.Length)]));
            // The reference: .NET's own replacement of lone halves, over the whole at once.
            var expected = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(whole)).Replace('\0', '\ufffd');
            var change = 0;
            var text = new GenerationText(int.MaxValue, resized => change += resized);

            for (var rest = whole.AsSpan(); !rest.IsEmpty;)
            {
                var piece = rest[..random.Next(1, Math.Min(9, rest.Length + 1))];
                rest = rest[piece.Length..];
                var asJson = random.Next(3) > 0;
                var json = Json(piece, escapeAll: random.Next(2) == 0);
                (asJson ? text.AppendJson(Encoding.UTF8.GetBytes(json), json.Contains('\\')) : text.Append(piece)).ShouldBeTrue();
            }
            text.Complete();

            Encoding.UTF8.GetString(text.Slice(0, int.MaxValue).Span).ShouldBe(expected, $"seed {seed}");
            change.ShouldBe(text.Length, "spare room is given back and all of it accounted for");
        }
    }

    [Fact]
    public void Append_InvalidUtf8_IsReplaced()
    {
        var text = new GenerationText(100, _ => { });

        text.AppendJson([(byte)'a', 0xff, (byte)'b'], escaped: false).ShouldBeTrue();

        Encoding.UTF8.GetString(text.Slice(0, 100).Span).ShouldBe("a\ufffdb");
    }

    [Theory]
    [InlineData(5, "学a", false)]
    [InlineData(6, "学a", false)]
    [InlineData(7, "学a学", true)]
    public void Append_BeyondTheLimit_CutsAtACharacter(int max, string kept, bool fits)
    {
        var text = new GenerationText(max, _ => { });

        text.AppendJson("学a学"u8, escaped: false).ShouldBe(fits);

        Encoding.UTF8.GetString(text.Slice(0, max).Span).ShouldBe(kept);
    }

    [Fact]
    public void Slice_ShorterThanTheText_EndsAtACharacter()
    {
        var text = new GenerationText(100, _ => { });
        text.AppendJson("a🚀é学b"u8, escaped: false);

        string[] slices = [.. Enumerable.Range(4, 8).Select(most => Encoding.UTF8.GetString(text.Slice(0, most).Span))];

        slices.ShouldBe(["a", "a🚀", "a🚀", "a🚀é", "a🚀é", "a🚀é", "a🚀é学", "a🚀é学b"]);
    }

    /// <summary>A JSON string's inside: what must be escaped is, and of the rest what cannot stand in UTF-8, or all.</summary>
    private static string Json(ReadOnlySpan<char> text, bool escapeAll)
    {
        var json = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            if (!escapeAll && (pair || (!char.IsSurrogate(text[i]) && text[i] is >= ' ' and not ('"' or '\\'))))
            {
                json.Append(text.Slice(i, pair ? 2 : 1));
                i += pair ? 1 : 0;
            }
            else
            {
                json.Append(text[i] switch { '\n' => "\\n", '"' => "\\\"", '\\' => "\\\\", var c => $"\\u{(int)c:X4}" });
            }
        }
        return json.ToString();
    }
}
