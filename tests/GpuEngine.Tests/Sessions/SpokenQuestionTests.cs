using System.Text.Json;
using Lyceum.Tests.StubModel;
using static Lyceum.Tests.GpuEngine.Sessions.SpeechClient;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Questions that are spoken.</summary>
public sealed class SpokenQuestionTests
{
    private const string Question = "[[stub tokens=2 rate=0 seed=7]]";

    [Fact]
    public async Task PushToTalk_Utterance_IsRecognizedRecordedAndAnswered()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new { tutor_id = 1, student_id = 1, language = "en" }));
        await client.ConfigureAsync(hears: false, speaks: "none");
        await client.SendAsync("""{"type":"audio_start","id":"q1"}""");
        foreach (var frame in StubVoice.Say(Question, InRate).Chunk(640))
        {
            await client.SendAsync(frame);
        }
        await client.SendAsync("""{"type":"audio_end"}""");
        var seen = await client.PlayUntilAsync("latency_report");

        seen.Select(Type).ShouldBe(["speech_started", "speech_stopped", "accepted", "delta", "delta", "text", "latency_report"]);
        seen[1].GetProperty("duration_ms").GetDouble().ShouldBe(10 * Question.Length);
        (seen[2].GetProperty("id").GetString(), Content(seen[2])).ShouldBe(("q1", Question));
        Content(seen[5]).ShouldBe(StubText.Text(7, 2, unicode: false));
        seen[6].GetProperty("total_ms").GetDouble().ShouldBeGreaterThanOrEqualTo(seen[6].GetProperty("asr_ms").GetDouble());
        TranscriptTests.Recorded(engine.Transcripts).Single(turn => turn.Record.Kind == "user").Record.Text.ShouldBe(Question);
        engine.Stub.Speech.LastForm["language"].ShouldBe("en");
        engine.Stub.Speech.LastForm["model"].ShouldBe("whisper-1");
    }

    [Fact]
    public async Task VoiceDetection_EachUtterance_IsATurn()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync(hears: false, speaks: "server_vad");
        await client.SendAsync("""{"type":"audio_start"}""");
        byte[] click = [.. StubVoice.Say("!", InRate), .. StubVoice.Silence(990, InRate)];
        byte[] breath = [.. StubVoice.Say(Question[..9], InRate), .. StubVoice.Silence(400, InRate), .. StubVoice.Say(Question[9..], InRate)];
        foreach (var sound in new[] { StubVoice.Silence(1_000, InRate), click, [.. breath, .. StubVoice.Silence(900, InRate)] })
        {
            foreach (var frame in sound.Chunk(3_000)) // no multiple of what is looked at
            {
                await client.SendAsync(frame);
            }
        }
        var seen = await client.PlayUntilAsync("latency_report");
        seen.Select(Type).ShouldBe(["speech_started", "speech_stopped", "accepted", "delta", "delta", "text", "latency_report"]);
        Content(seen[2]).ShouldBe(Question);

        // The stream ends amid speech: that is an utterance too.
        await client.SendAsync(StubVoice.Say(Question, InRate));
        await client.SendAsync("""{"type":"audio_end"}""");
        Content((await client.PlayUntilAsync("accepted"))[^1]).ShouldBe(Question);
        await client.PlayUntilAsync("latency_report");
    }

    [Fact]
    public async Task Utterances_InARow_AreRecognizedInOrder()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync(hears: false, speaks: "none");
        engine.Stub.Speech.HearingDelay = TimeSpan.FromMilliseconds(50);
        for (var i = 0; i < 3; i++)
        {
            await client.SendAsync($$"""{"type":"audio_start","id":"{{i}}"}""");
            await client.SendAsync(StubVoice.Say($"[[stub tokens=1 rate=0 seed={i}]]", InRate));
            await client.SendAsync("""{"type":"audio_end"}""");
        }
        for (var i = 0; i < 3; i++)
        {
            (await client.UntilAsync("accepted")).GetProperty("id").GetString().ShouldBe(i.ToString());
        }
        await client.UntilAsync("latency_report");
    }

    [Fact]
    public async Task Recognition_Failed_IsAnErrorAndTheSessionGoesOn()
    {
        await using var engine = await SessionEngine.WithSpeechAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync(hears: false, speaks: "none");
        engine.Stub.Speech.HearingStatus = 500;
        await SpeakAsync(StubVoice.Say(Question, InRate));
        var error = await client.UntilAsync("error");
        (error.GetProperty("id").GetString(), error.GetProperty("code").GetString()).ShouldBe(("u", "upstream_error"));
        error.TryGetProperty("seq", out _).ShouldBeTrue("it is an event of the session, kept for a resume");

        engine.Stub.Speech.HearingStatus = 200;
        await SpeakAsync(StubVoice.Silence(500, InRate));
        (await client.UntilAsync("warning")).GetProperty("reason").GetString().ShouldBe("nothing_heard");
        engine.Store.Find(client.Session.GetProperty("session_id").GetString()!)!.Turns.ShouldBe(0);
        await SpeakAsync(StubVoice.Say(Question, InRate));
        Content(await client.UntilAsync("accepted")).ShouldBe(Question);

        async Task SpeakAsync(byte[] pcm)
        {
            await client.SendAsync("""{"type":"audio_start","id":"u"}""");
            await client.SendAsync(pcm);
            await client.SendAsync("""{"type":"audio_end"}""");
        }
    }

    [Fact]
    public async Task Audio_BeyondItsBounds_IsRejected()
    {
        await using var engine = await SessionEngine.WithSpeechAsync(
            ("Engine:Sessions:Audio:MaxUtterance", "00:00:01"), ("Engine:Sessions:Audio:MaxSpeed", "1"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await RefusedAsync("invalid_request", () => client.SendAsync("""{"type":"audio_start"}"""));
        await client.ConfigureAsync(hears: false, speaks: "none");
        await RefusedAsync("invalid_request", () => client.SendAsync(new byte[320]));
        await RefusedAsync("invalid_request", () => client.SendAsync("""{"type":"audio_end"}"""));
        await client.SendAsync("""{"type":"audio_start"}""");
        await RefusedAsync("invalid_request", () => client.SendAsync("""{"type":"audio_start"}"""));
        await RefusedAsync("invalid_request", () => client.SendAsync(new byte[321]));
        // Two seconds' worth may come at once, no more, and no faster afterwards.
        await client.SendAsync(StubVoice.Say(Question, InRate));
        await RefusedAsync("rate_limited", () => client.SendAsync(StubVoice.Silence(2_000, InRate)));
        await client.SendAsync("""{"type":"audio_end"}""");
        Content(await client.UntilAsync("accepted")).ShouldBe(Question);

        async Task RefusedAsync(string code, Func<Task> send)
        {
            await send();
            (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe(code);
        }
    }

    [Fact]
    public async Task Utterance_TooLong_IsCut()
    {
        await using var engine = await SessionEngine.WithSpeechAsync(
            ("Engine:Sessions:Audio:MaxUtterance", "00:00:00.300"), ("Engine:Sessions:Audio:MaxSpeed", "100"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.ConfigureAsync(hears: false, speaks: "none");
        await client.SendAsync("""{"type":"audio_start"}""");
        foreach (var frame in StubVoice.Say("thirty bytes are what is taken, and no more", InRate).Chunk(3_200))
        {
            await client.SendAsync(frame);
        }
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("audio_too_long");
        await client.SendAsync("""{"type":"audio_end"}""");
        Content(await client.UntilAsync("accepted")).ShouldBe("thirty bytes are what is taken");
    }
}
