using System.Net.Http.Headers;
using System.Net.Http.Json;
using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Speech;

public sealed class AudioApiTests
{
    private const int Rate = StubSpeech.Rate;

    [Theory]
    [InlineData(null, """{"text":"What is a cell?"}""")]
    [InlineData("text", "What is a cell?")]
    [InlineData("verbose_json", """{"task":"transcribe","text":"What is a cell?","segments":[]}""")]
    public async Task Transcription_Relayed_EqualsTheServersAnswer(string? format, string expected)
    {
        await using var engine = await WithSpeechAsync(("Asr:Model", "whisper-large"));
        using var response = await TranscribeAsync(engine, StubVoice.Say("What is a cell?", Rate), ("response_format", format), ("language", "en"));
        (await response.Content.ReadAsStringAsync(Cancel)).ShouldBe(expected);
        engine.Stub!.Speech.LastForm["model"].ShouldBe("whisper-large");
        engine.Stub.Speech.LastForm["language"].ShouldBe("en");
        // A model that is named goes on as it is.
        using var named = await TranscribeAsync(engine, StubVoice.Say("Hi", Rate), ("model", "other"));
        engine.Stub.Speech.LastForm["model"].ShouldBe("other");
    }

    [Fact]
    public async Task Transcription_LargeRecording_IsTaken_AndALargerOneRejected()
    {
        await using var engine = await WithSpeechAsync();
        using var large = await TranscribeAsync(engine, new byte[20 * 1024 * 1024]);
        large.IsSuccessStatusCode.ShouldBeTrue();
        using var larger = await TranscribeAsync(engine, new byte[26 * 1024 * 1024]);
        await larger.ShouldBeApiError(413, "payload_too_large");
    }

    [Fact]
    public async Task Transcription_InvalidForm_NamesTheField()
    {
        await using var engine = await WithSpeechAsync();
        using var json = await engine.Client.PostAsJsonAsync("/v1/audio/transcriptions", new { file = "x" }, Cancel);
        await json.ShouldBeApiError(415, "unsupported_media_type");
        using var form = new MultipartFormDataContent { { new StringContent("whisper-1"), "model" } };
        using var empty = await engine.Client.PostAsync("/v1/audio/transcriptions", form, Cancel);
        (await empty.ShouldBeApiError(400, "missing_required_parameter")).GetProperty("param").GetString().ShouldBe("file");
        engine.Stub!.Speech.HearingStatus = 400;
        using var refused = await TranscribeAsync(engine, new byte[100]);
        await refused.ShouldBeApiError(400, "scripted");
        engine.Stub.Speech.HearingStatus = 503;
        using var failed = await TranscribeAsync(engine, new byte[100]);
        await failed.ShouldBeApiError(502, "upstream_error");
    }

    [Fact]
    public async Task Speech_Relayed_IsStreamed()
    {
        await using var engine = await WithSpeechAsync(("Tts:ApiKey", "secret"), ("Tts:Voice", "nova"));
        engine.Stub!.Speech.PieceDelay = TimeSpan.FromSeconds(30); // after the first piece
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var response = await SpeakAsync(engine, new { model = "tts-1-hd", input = new string('a', 100), voice = (string?)null, response_format = "opus" }, leave.Token);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("audio/mpeg");
        await using (var body = await response.Content.ReadAsStreamAsync(leave.Token))
        {
            (await body.ReadAsync(new byte[100], leave.Token)).ShouldBeGreaterThan(0);
        }
        engine.Stub.Speech.Spoken.ShouldBe([new StubSpoken(new string('a', 100), "tts-1-hd", "nova", "opus", "Bearer secret")]);
        // A client that leaves frees the server.
        await leave.CancelAsync();
        response.Dispose();
        await Eventually.TrueAsync(() => Task.FromResult(engine.Stub.Speech.Running == 0), "the server is free");
    }

    [Fact]
    public async Task Speech_Broken_AbortsTheResponse()
    {
        await using var engine = await WithSpeechAsync();
        engine.Stub!.Speech.FailOn = "broken";
        using var refused = await SpeakAsync(engine, new { input = "broken" });
        await refused.ShouldBeApiError(502, "upstream_error");
        engine.Stub.Speech.FailAfterBytes = 9_000;
        engine.Stub.Speech.PieceDelay = TimeSpan.FromMilliseconds(50); // an abort takes back what was not sent
        using var cut = await SpeakAsync(engine, new { input = $"broken {new string('a', 200)}" });
        await Should.ThrowAsync<HttpRequestException>(cut.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("""{}""", "missing_required_parameter", "input")]
    [InlineData("""{"input":7}""", "invalid_type", "input")]
    [InlineData("""{"input":"a","response_format":"midi"}""", "invalid_value", "response_format")]
    [InlineData("""{"input":"a","speed":9}""", "invalid_value", "speed")]
    [InlineData("""nonsense""", "invalid_json", null)]
    public async Task Speech_InvalidRequest_NamesTheField(string body, string code, string? param)
    {
        await using var engine = await WithSpeechAsync();
        using var content = new StringContent(body, MediaTypeHeaderValue.Parse("application/json"));
        using var response = await engine.Client.PostAsync("/v1/audio/speech", content, Cancel);
        (await response.ShouldBeApiError(400, code)).GetProperty("param").GetString().ShouldBe(param);
    }

    [Fact]
    public async Task Speech_InputTooLong_IsRejected()
    {
        await using var engine = await WithSpeechAsync(("Tts:MaxRunning", "1"));
        using var response = await SpeakAsync(engine, new { input = new string('a', 4_097) });
        await response.ShouldBeApiError(400, "string_above_max_length");
        engine.Stub!.Speech.FirstDelay = TimeSpan.FromSeconds(30);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var first = SpeakAsync(engine, new { input = "a" }, leave.Token);
        await Eventually.TrueAsync(() => Task.FromResult(engine.Stub.Speech.Running == 1), "the first is spoken");
        using var second = await SpeakAsync(engine, new { input = "b" });
        await second.ShouldBeApiError(429, "overloaded");
        await leave.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(first);
    }

    [Fact]
    public async Task Audio_NothingConfigured_NamesTheSettings()
    {
        await using var engine = await Engine.PrimerAsync(("Tts:Espeak", ""));
        using var speech = await SpeakAsync(engine, new { input = "Hello" });
        (await speech.ShouldBeApiError(501, "tts_not_configured")).GetProperty("message").GetString()!.ShouldContain("Tts:Endpoint");
        using var hearing = await TranscribeAsync(engine, new byte[100]);
        (await hearing.ShouldBeApiError(501, "asr_not_configured")).GetProperty("message").GetString()!.ShouldContain("Asr:Endpoint");
        (await HealthAsync(engine, "tts")).ShouldStartWith("none");
        (await HealthAsync(engine, "asr")).ShouldStartWith("none");
    }

    [Fact]
    public async Task Health_AsrAndTts_ShowWhatIsConfigured()
    {
        await using var engine = await WithSpeechAsync();
        (await HealthAsync(engine, "tts")).ShouldBe("configured: tts-1");
        (await HealthAsync(engine, "asr")).ShouldBe("configured: whisper-1");
    }

    [Fact]
    public async Task Audio_WithoutScope_Is403()
    {
        await using var engine = await WithSpeechAsync();
        engine.Client.DefaultRequestHeaders.Authorization = null;
        using var response = await SpeakAsync(engine, new { input = "Hello" });
        response.StatusCode.ShouldBe(System.Net.HttpStatusCode.Unauthorized);
    }

    internal static CancellationToken Cancel => TestContext.Current.CancellationToken;

    internal static async Task<Engine> WithSpeechAsync(params (string Key, string Value)[] settings)
    {
        var stub = await StubModelServer.StartAsync(cancel: Cancel);
        return await Engine.StartAsync(
            stub, [("Llm:Endpoint", stub.Endpoint), ("Asr:Endpoint", stub.Endpoint), ("Tts:Endpoint", stub.Endpoint), .. settings]);
    }

    internal static async Task<HttpResponseMessage> SpeakAsync(Engine engine, object body, CancellationToken? cancel = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/audio/speech") { Content = JsonContent.Create(body) };
        return await engine.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel ?? Cancel);
    }

    private static async Task<HttpResponseMessage> TranscribeAsync(Engine engine, byte[] pcm, params (string Name, string? Value)[] fields)
    {
        using var form = new MultipartFormDataContent { { new ByteArrayContent(Wav.File(pcm, Rate)), "file", "question.wav" } };
        foreach (var (name, value) in fields.Where(field => field.Value is not null))
        {
            form.Add(new StringContent(value!), name);
        }
        return await engine.Client.PostAsync("/v1/audio/transcriptions", form, Cancel);
    }

    private static async Task<string> HealthAsync(Engine engine, string check)
    {
        using var health = await engine.Client.GetAsync("/health", Cancel);
        return (await health.JsonAsync()).GetProperty("checks").GetProperty(check).GetProperty("detail").GetString()!;
    }
}
