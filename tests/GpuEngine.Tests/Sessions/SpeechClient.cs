using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>What a client that hears does: configure, play, and say how far it has played.</summary>
internal static class SpeechClient
{
    public const int OutRate = StubSpeech.Rate;
    public const int InRate = 16_000;

    public static async Task ConfigureAsync(this Client client, bool hears = true, string? speaks = null)
    {
        await client.SendAsync(JsonSerializer.Serialize(new
        {
            type = "configure",
            audio = new
            {
                @in = speaks is null ? null : new { format = "pcm16", rate = InRate, turn_detection = speaks },
                @out = hears ? new { format = "pcm16", rate = OutRate } : null,
            },
        }));
        await client.UntilAsync("configured");
    }

    public static Task PlayedAsync(this Client client, long seq, double? ms = null) =>
        client.SendAsync(JsonSerializer.Serialize(new { type = "played", seq, ms }));

    /// <summary>Reads up to the event of this type, and plays all audio in no time.</summary>
    public static async Task<List<JsonElement>> PlayUntilAsync(this Client client, string type)
    {
        var seen = new List<JsonElement>();
        do
        {
            seen.Add(await client.NextAsync() ?? throw new ShouldAssertException($"closed before '{type}'"));
            if (Type(seen[^1]) == "audio")
            {
                await client.PlayedAsync(Seq(seen[^1]));
            }
        }
        while (Type(seen[^1]) != type);
        return seen;
    }

    /// <summary>The sentence that an audio event belongs to, as text.</summary>
    public static string SentenceOf(JsonElement audio, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Encoding.UTF8.GetString(bytes[audio.GetProperty("text_start").GetInt32()..audio.GetProperty("text_end").GetInt32()]);
    }

    /// <summary>What was heard of each sentence of a turn's audio events is that sentence, whole and in order.</summary>
    public static void ShouldSay(this Client client, IEnumerable<JsonElement> events, string text)
    {
        var sentences = events.Where(e => Type(e) == "audio").GroupBy(e => e.GetProperty("sentence").GetInt32()).ToList();
        sentences.Select(sentence => sentence.Key).ShouldBe(Enumerable.Range(1, sentences.Count));
        foreach (var sentence in sentences)
        {
            var offset = 0;
            foreach (var piece in sentence)
            {
                piece.GetProperty("offset").GetInt32().ShouldBe(offset);
                piece.GetProperty("rate").GetInt32().ShouldBe(OutRate);
                offset += piece.GetProperty("bytes").GetInt32();
            }
            sentence.Select(piece => piece.GetProperty("last").GetBoolean())
                .ShouldBe([.. Enumerable.Repeat(false, sentence.Count() - 1), true]);
            var pcm = sentence.SelectMany(piece => client.Audio[Seq(piece)]).ToArray();
            StubVoice.Hear(pcm, OutRate).ShouldBe(SpokenText.Of(SentenceOf(sentence.First(), text)));
        }
        string.Concat(sentences.Select(sentence => SentenceOf(sentence.First(), text))).ShouldBe(text);
    }

    public static string? Type(JsonElement e) => LyceumV1Tests.Type(e);

    public static string Content(JsonElement e) => LyceumV1Tests.Content(e)!;

    public static long Seq(JsonElement e) => e.GetProperty("seq").GetInt64();
}
