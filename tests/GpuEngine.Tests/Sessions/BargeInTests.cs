using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using static Lyceum.Tests.GpuEngine.Sessions.SpeechClient;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>After a barge-in nothing of the answer follows, and what stays of it is what was played.</summary>
public sealed class BargeInTests
{
    private const int Seed = 3;
    private const string Next = "[[stub tokens=1 rate=0 seed=5]]";
    private static readonly string Answer = StubText.Text(Seed, 12, unicode: false, 4);

    /// <summary>At each event a client may have seen last; three sentences, each of two pieces of audio.</summary>
    [Theory]
    [InlineData("text")]
    [InlineData("push_to_talk")]
    [InlineData("server_vad")]
    public async Task BargeIn_AtAnyEventOfASpokenTurn_KeepsWhatWasPlayed(string by)
    {
        await using var engine = await SessionEngine.WithSpeechAsync(("Engine:Sessions:Max", "1000"), ("Shares:Token", "1"));
        const int Events = 1 + 12 + 1 + 6 + 1; // accepted, deltas, text, audio, latency_report
        for (var at = 0; at <= Events; at++)
        {
            var made = await engine.CreateAsync();
            await using var client = await engine.ConnectAsync(made);
            await client.ConfigureAsync(speaks: by switch { "text" => null, "server_vad" => by, _ => "none" });
            if (by == "server_vad")
            {
                await client.SendAsync("""{"type":"audio_start"}""");
            }
            await client.SayAsync($"[[stub tokens=12 sentence=4 rate={(at % 2 == 0 ? 0 : 400)} seed={Seed}]]");
            await client.PlayedAsync(0);
            var seen = new List<JsonElement>();
            while (seen.Count < at)
            {
                seen.Add((await client.NextAsync())!.Value);
                if (Type(seen[^1]) == "audio")
                {
                    await client.PlayedAsync(Seq(seen[^1]));
                }
            }
            await BreakInAsync(client, by, seen.LastOrDefault(e => Type(e) == "audio"));

            var rest = await client.PlayUntilAsync("latency_report");
            while (rest[^1].GetProperty("turn").GetInt32() == 1)
            {
                rest.AddRange(await client.PlayUntilAsync("latency_report"));
            }
            var all = seen.Concat(rest).ToList();
            ShouldSayNothingAfter(all, by);
            var kept = all.Find(e => Type(e) == "interrupted") is { ValueKind: JsonValueKind.Object } interrupted ? Content(interrupted) : Answer;
            ShouldBeWhatWasPlayed(kept, seen, at);

            // The model's history and the stored transcript are the same.
            var asked = LyceumV1Tests.Messages(engine.Stub.Log.Requests[^1]);
            asked[^1].Content.ShouldEndWith(Next);
            asked.Where(message => message.Role == "assistant").Select(message => message.Content).ShouldBe(kept.Length == 0 ? [] : [kept]);
            var recorded = TranscriptTests.Recorded(engine.Transcripts).Where(turn => turn.SessionId == made.SessionId && turn.Record.Turn == 1).ToList();
            var end = recorded.Single(turn => turn.Record.Kind == "end").Record;
            end.Length.ShouldBe(Encoding.UTF8.GetByteCount(kept));
            string.Concat(recorded.Where(turn => turn.Record.Kind == "delta").Select(turn => turn.Record.Text)).ShouldStartWith(kept);
        }
        await Eventually.TrueAsync(() => Task.FromResult(engine.Stub.Speech.Running == 0), "nothing is spoken any more");
    }

    [Fact]
    public async Task BargeIn_WithinASentence_KeepsTheWordsThatWerePlayed()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync();
        await client.SayAsync($"[[stub tokens=12 sentence=4 rate=0 seed={Seed}]]");
        await client.PlayedAsync(0);
        var audio = new List<JsonElement>();
        while (audio.Count < 6)
        {
            audio.Add(await client.UntilAsync("audio"));
        }
        // The first sentence, and of the second's first piece one half.
        await client.SendAsync(JsonSerializer.Serialize(new
        {
            type = "text", content = Next, played = new { seq = Seq(audio[2]), ms = 100 },
        }));
        var kept = Content(await client.UntilAsync("interrupted"));

        var first = SentenceOf(audio[0], Answer);
        var second = SentenceOf(audio[2], Answer);
        var bytes = audio.Where(e => e.GetProperty("sentence").GetInt32() == 2).Sum(e => e.GetProperty("bytes").GetInt32());
        var part = second.Length * 4_800 / bytes; // 100 ms
        part.ShouldBeInRange(5, second.Length - 5);
        kept.ShouldBe(first + second[..(second.LastIndexOf(' ', part - 1) + 1)]);
    }

    private static async Task BreakInAsync(Client client, string by, JsonElement lastPlayed)
    {
        var played = new { seq = lastPlayed.ValueKind is JsonValueKind.Object ? Seq(lastPlayed) : 0 };
        switch (by)
        {
            case "text":
                await client.SendAsync(JsonSerializer.Serialize(new { type = "text", content = Next, played }));
                break;
            case "push_to_talk":
                await client.SendAsync(JsonSerializer.Serialize(new { type = "audio_start", played }));
                await client.SendAsync(StubVoice.Say(Next, InRate));
                await client.SendAsync("""{"type":"audio_end"}""");
                break;
            default:
                byte[] sound = [.. StubVoice.Silence(200, InRate), .. StubVoice.Say(Next, InRate), .. StubVoice.Silence(900, InRate)];
                foreach (var frame in sound.Chunk(1_600))
                {
                    await client.SendAsync(frame);
                }
                break;
        }
    }

    private static void ShouldSayNothingAfter(List<JsonElement> all, string by)
    {
        var interrupted = all.FindIndex(e => Type(e) == "interrupted");
        if (interrupted >= 0)
        {
            all.Skip(interrupted + 1).ShouldAllBe(e => !IsOfTurn(e, 1));
        }
        if (by != "text" && all.FindIndex(e => Type(e) == "speech_started") is >= 0 and var started)
        {
            // Only its acceptance, its end and, where it was over before, its latency report.
            all.Skip(started + 1).ShouldAllBe(e => !IsOfTurn(e, 1) || (Type(e) != "delta" && Type(e) != "audio"));
        }
        all.Select(Seq).ShouldBe(Enumerable.Range(2, all.Count).Select(n => (long)n));
    }

    private static bool IsOfTurn(JsonElement e, int turn) => e.TryGetProperty("turn", out var of) && of.GetInt32() == turn;

    private static void ShouldBeWhatWasPlayed(string kept, List<JsonElement> seen, int at)
    {
        Answer.ShouldStartWith(kept, Case.Sensitive, $"at {at}");
        var played = seen.Where(e => Type(e) == "audio").ToList();
        var whole = played.LastOrDefault(e => e.GetProperty("last").GetBoolean()) is { ValueKind: JsonValueKind.Object } last
            ? last.GetProperty("text_end").GetInt32()
            : 0;
        if (played.Count == 0 || played[^1].GetProperty("last").GetBoolean())
        {
            kept.Length.ShouldBe(whole, $"at {at}");
            return;
        }
        // One of two pieces, 200 ms of it: whole words of that part, or none while the sentence was still being made.
        var sentence = SentenceOf(played[^1], Answer);
        var part = sentence.Length * 200 / (10 * (sentence.Length - 1));
        kept.Length.ShouldBeInRange(whole, whole + part, $"at {at}");
        (kept.Length == whole || kept.EndsWith(' ')).ShouldBeTrue(kept);
    }
}
