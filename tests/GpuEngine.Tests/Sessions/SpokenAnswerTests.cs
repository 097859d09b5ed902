using System.Text;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using static Lyceum.Tests.GpuEngine.Sessions.SpeechClient;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Answers that are spoken while they are written.</summary>
public sealed class SpokenAnswerTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 200)]
    public async Task Answer_Spoken_ComesSentenceBySentenceAfterItsText(int unicode, int rate)
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new { tutor_id = 1, student_id = 1, voice = "nova" }));
        await client.ConfigureAsync();

        await client.SayAsync($"[[stub tokens=12 sentence=4 rate={rate} seed=3 unicode={unicode}]]");
        var seen = await client.PlayUntilAsync("latency_report");

        var text = StubText.Text(3, 12, unicode == 1, 4);
        seen.Select(Seq).ShouldBe(Enumerable.Range(2, seen.Count).Select(n => (long)n));
        seen.ShouldAllBe(e => e.GetProperty("turn").GetInt32() == 1);
        Content(seen.Single(e => Type(e) == "text")).ShouldBe(text);
        client.ShouldSay(seen, text);
        var shown = 0;
        foreach (var e in seen)
        {
            shown += Type(e) == "delta" ? Encoding.UTF8.GetByteCount(Content(e)) : 0;
            if (Type(e) == "audio")
            {
                e.GetProperty("text_end").GetInt32().ShouldBeLessThanOrEqualTo(shown);
            }
        }
        seen[^1].GetProperty("first_audio_ms").GetDouble().ShouldBeGreaterThanOrEqualTo(seen[^1].GetProperty("first_delta_ms").GetDouble());
        engine.Stub.Speech.Spoken.ShouldAllBe(spoken => spoken.Format == "pcm" && spoken.Voice == "nova");

        // A client that turns audio off gets text alone.
        await client.ConfigureAsync(hears: false);
        await client.SayAsync("[[stub tokens=4 sentence=2 rate=0]]");
        (await client.PlayUntilAsync("latency_report")).Select(Type).ShouldBe(["accepted", "delta", "delta", "delta", "delta", "text", "latency_report"]);
    }

    [Fact]
    public async Task Speech_LongAnswer_IsMadeOneSentenceAheadAndSentAsItIsPlayed()
    {
        await using var engine = await SessionEngine.WithSpeechAsync(("Engine:Sessions:Audio:Ahead", "00:00:01"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync();
        await client.SayAsync("[[stub tokens=100 sentence=25 rate=0 seed=1]]"); // four sentences of two seconds and more
        await client.PlayedAsync(0); // it says how far it has played: nothing yet
        var seen = new List<JsonElement>();
        while (seen.Count(e => Type(e) == "audio") < 5)
        {
            seen.Add((await client.NextAsync())!.Value);
        }
        await Eventually.TrueAsync(() => Task.FromResult(engine.Stub.Speech.Spoken.Count == 2), "the second is being made");
        seen.Where(e => Type(e) == "audio").ShouldAllBe(e => e.GetProperty("sentence").GetInt32() == 1);
        var session = engine.Store.Find(client.Session.GetProperty("session_id").GetString()!)!;
        if (!seen.Exists(e => Type(e) == "text"))
        {
            await client.UntilAsync("text", seen);
        }
        session.LastEvent.ShouldBe(Seq(seen[^1]), "a second's audio is enough for now");
        engine.Stub.Speech.Spoken.Count.ShouldBe(2);

        await client.PlayedAsync(Seq(seen.Last(e => Type(e) == "audio")));
        seen.AddRange(await client.PlayUntilAsync("latency_report"));
        client.ShouldSay(seen, StubText.Text(1, 100, unicode: false, 25));
        engine.Stub.Speech.Spoken.Count.ShouldBe(4);
    }

    [Fact]
    public async Task Speech_Failed_IsAWarningAndTheTextGoesOn()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync();
        var text = StubText.Text(3, 12, unicode: false, 4);
        engine.Stub.Speech.FailOn = text.Split(". ")[1];

        await client.SayAsync("[[stub tokens=12 sentence=4 rate=100 seed=3]]");
        var seen = await client.PlayUntilAsync("latency_report");
        seen.Count(e => Type(e) == "warning").ShouldBe(1);
        seen.Single(e => Type(e) == "warning").GetProperty("reason").GetString().ShouldBe("speech_unavailable");
        Content(seen.Single(e => Type(e) == "text")).ShouldBe(text);
        seen.Where(e => Type(e) == "audio").ShouldAllBe(e => e.GetProperty("sentence").GetInt32() == 1);

        // The next turn tries again, and breaks amid its audio.
        engine.Stub.Speech.FailAfterBytes = 9_000;
        engine.Stub.Speech.PieceDelay = TimeSpan.FromMilliseconds(50);
        await client.SayAsync("[[stub tokens=12 sentence=4 rate=0 seed=3]]");
        seen = await client.PlayUntilAsync("latency_report");
        seen.Count(e => Type(e) == "warning").ShouldBe(1);
        Content(seen.Single(e => Type(e) == "text")).ShouldBe(text);
        LyceumV1Tests.Messages(engine.Stub.Log.Requests[1])[1].Content.ShouldBe(text);
    }

    [Fact]
    public async Task Socket_KilledAtAnyEventOfASpokenTurn_ResumesWithEachEventAndItsAudioOnce()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        var text = StubText.Text(3, 8, unicode: false, 4);
        const int BeforeTheEnd = 1 + 8 + 4 + 1; // accepted, deltas, two pieces of audio for each sentence, text
        for (var kill = 0; kill <= BeforeTheEnd; kill++)
        {
            var made = await engine.CreateAsync();
            var client = await engine.ConnectAsync(made);
            await client.ConfigureAsync();
            await client.SayAsync("[[stub tokens=8 sentence=4 rate=200 seed=3]]");
            await client.PlayedAsync(0);
            await client.SayAsync(" "); // rejected, after all before was taken
            var seen = new List<JsonElement>();
            var refused = false;
            while (seen.Count < kill || !refused)
            {
                var next = (await client.NextAsync())!.Value;
                if (next.TryGetProperty("seq", out _))
                {
                    seen.Add(next);
                }
                else
                {
                    refused = true;
                }
            }
            client.Kill();
            if (kill % 2 == 1 && seen.Count > 0 && Type(seen[^1]) == "audio")
            {
                // Its event had come, its audio had not.
                client.Audio.Remove(Seq(seen[^1]));
                seen.RemoveAt(seen.Count - 1);
            }
            var last = seen.Count + 1; // "configured" was the first

            await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, last);
            while (seen.Count < BeforeTheEnd)
            {
                seen.Add((await again.NextAsync())!.Value);
            }
            foreach (var (seq, audio) in client.Audio)
            {
                again.Audio.Add(seq, audio); // fails where one came twice
            }
            seen.Select(Seq).ShouldBe(Enumerable.Range(2, BeforeTheEnd).Select(n => (long)n));
            again.ShouldSay(seen, text);
            await again.PlayedAsync(Seq(seen[^1]));
            (await again.UntilAsync("latency_report")).GetProperty("seq").GetInt64().ShouldBe(BeforeTheEnd + 2);
        }
    }

    [Fact]
    public async Task Answer_WithoutASocket_IsNoLongerSpoken()
    {
        await using var engine = await SessionEngine.WithSpeechAsync(
            ("Engine:Sessions:Audio:UnheardFor", "00:00:01"), ("Engine:Sessions:Audio:Ahead", "00:00:01"));
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.ConfigureAsync();
        await client.SayAsync("[[stub tokens=100 sentence=25 rate=0 seed=1]]");
        await client.PlayedAsync(0);
        await client.UntilAsync("audio");
        client.Kill();
        await engine.NoSocketsAsync();

        await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, 0);
        again.Kill();
        await using var later = await engine.ResumeAsync(made.SessionId, client.Handle, 0);
        await later.CloseAsync();
        await Eventually.TrueAsync(
            () => Task.FromResult(TranscriptTests.Recorded(engine.Transcripts).Exists(turn => turn.Record.Kind is "end")), "the turn ended");
        var end = TranscriptTests.Recorded(engine.Transcripts).Single(turn => turn.Record.Kind is "end").Record;
        (end.Status, end.Length).ShouldBe(("complete", StubText.Text(1, 100, unicode: false, 25).Length));
        engine.Stub.Speech.Running.ShouldBe(0);
    }

    [Fact]
    public async Task SimpleProtocol_WithSpeechConfigured_GetsTextWithoutDelay()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.ConfigureAsync();
        await client.SayAsync("[[stub tokens=100 sentence=25 rate=0 seed=1]]");
        await client.PlayedAsync(0);
        await client.UntilAsync("audio");

        await using var simple = await engine.ConnectAsync(await engine.FreshAddressAsync(made.SessionId), subProtocol: null);
        await simple.SayAsync("[[stub tokens=4 sentence=2 rate=0]]");
        string? content;
        do
        {
            content = Content(await simple.UntilAsync("text"));
        }
        while (content != StubText.Text(0, 4, unicode: false, 2));
        await simple.SendAsync(new byte[4]);
        Content(await simple.UntilAsync("error")).ShouldContain("text messages only");
    }

    [Fact]
    public async Task Configure_AudioNotAvailable_IsRejectedByName()
    {
        await using var engine = await SessionEngine.StartAsync(("Tts:Espeak", ""));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SendAsync("""{"type":"configure","audio":{"out":{"format":"pcm16","rate":24000}}}""");
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("tts_not_configured");
        await client.SendAsync("""{"type":"configure","audio":{"in":{"format":"pcm16","rate":16000}}}""");
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("asr_not_configured");
        foreach (var bad in new[]
        {
            """{"type":"configure"}""", """{"type":"configure","audio":{"out":{"format":"mp3","rate":24000}}}""",
            """{"type":"configure","audio":{"out":{"format":"pcm16","rate":96000}}}""",
            """{"type":"configure","audio":{"in":{"format":"pcm16","rate":16000,"turn_detection":"guess"}}}""",
        })
        {
            await client.SendAsync(bad);
            (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("invalid_request");
        }
    }
}
