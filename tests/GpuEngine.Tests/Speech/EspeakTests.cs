using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Lyceum.GpuEngine.Speech;
using Lyceum.ServiceDefaults.Shares;

namespace Lyceum.Tests.GpuEngine.Speech;

/// <summary>The real espeak-ng; skipped where it is not installed.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class EspeakTests
{
    private static readonly string? Program = Espeak.Find("espeak-ng");

    [Fact]
    public async Task Speech_AsWav_IsAWholeFile()
    {
        await using var engine = await StartAsync();
        using var response = await AudioApiTests.SpeakAsync(engine, new { input = "Plants make sugar. They need light.", voice = "alloy" });
        response.Content.Headers.ContentType!.MediaType.ShouldBe("audio/wav");
        var wav = await response.Content.ReadAsByteArrayAsync(AudioApiTests.Cancel);
        Wav.TryReadHeader(wav, out var start, out var rate, out var length).ShouldBeTrue();
        (start, rate, length).ShouldBe((44, 24_000, wav.Length - 44));
        BinaryPrimitives.ReadInt32LittleEndian(wav.AsSpan(4)).ShouldBe(wav.Length - 8);
        ShouldBeSpeech(wav.AsSpan(44), 24_000, 1.5);
    }

    [Theory]
    [InlineData("Plants make sugar out of light.", "en")]
    [InlineData("植物利用阳光制造糖。", "cmn")]
    [InlineData("Растения", "ru")]
    public async Task Speech_AsPcm_IsInTheTextsLanguage(string text, string voice)
    {
        await using var engine = await StartAsync();
        using var response = await AudioApiTests.SpeakAsync(engine, new { input = text, response_format = "pcm" });
        response.Content.Headers.ContentType!.MediaType.ShouldBe("audio/pcm");
        var spoken = await response.Content.ReadAsByteArrayAsync(AudioApiTests.Cancel);
        ShouldBeSpeech(spoken, 24_000, 0.3);
        // It is what that voice says, and what another one does not.
        using var named = await AudioApiTests.SpeakAsync(engine, new { input = text, response_format = "pcm", voice });
        (await named.Content.ReadAsByteArrayAsync(AudioApiTests.Cancel)).ShouldBe(spoken);
        using var other = await AudioApiTests.SpeakAsync(engine, new { input = text, response_format = "pcm", voice = "fr-fr" });
        (await other.Content.ReadAsByteArrayAsync(AudioApiTests.Cancel)).ShouldNotBe(spoken);
    }

    [Fact]
    public async Task Text_LikeArguments_IsSpoken()
    {
        await using var engine = await StartAsync();
        var file = Path.Combine(Path.GetTempPath(), $"espeak-{Guid.NewGuid():n}.wav");
        using var response = await AudioApiTests.SpeakAsync(engine, new { input = $"-w {file} $(touch {file}) hello", response_format = "pcm" });
        ShouldBeSpeech(await response.Content.ReadAsByteArrayAsync(AudioApiTests.Cancel), 24_000, 1);
        File.Exists(file).ShouldBeFalse();
        using var voice = await AudioApiTests.SpeakAsync(engine, new { input = "hello", voice = "../../etc/passwd", response_format = "pcm" });
        voice.IsSuccessStatusCode.ShouldBeTrue("a voice that is none is chosen by the text");
    }

    [Fact]
    public async Task Speech_UnknownFormatOrModel_IsRejectedByName()
    {
        await using var engine = await StartAsync();
        using var mp3 = await AudioApiTests.SpeakAsync(engine, new { input = "Hello", response_format = "mp3" });
        (await mp3.ShouldBeApiError(400, "unsupported_format")).GetProperty("message").GetString()!.ShouldContain("wav and pcm");
        using var model = await AudioApiTests.SpeakAsync(engine, new { input = "Hello", model = "tts-1" });
        await model.ShouldBeApiError(404, "model_not_found");
    }

    [Fact]
    public async Task Process_ClientGone_IsKilled()
    {
        Assert.SkipUnless(Program is not null, "espeak-ng is not installed");
        // Stands for an espeak-ng that hangs: reads its text, and says nothing for an hour.
        var folder = Directory.CreateTempSubdirectory("lyceum-espeak-").FullName;
        var hanging = Path.Combine(folder, "hanging");
        var pid = Path.Combine(folder, "pid");
        await File.WriteAllTextAsync(hanging, $"#!/bin/sh\necho $$ > {pid}\nexec sleep 3600\n", AudioApiTests.Cancel);
        File.SetUnixFileMode(hanging, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            var (who, shares) = (new Sharer("acme", "ada"), new ShareOptions());
            var espeak = new Espeak(hanging, new TtsOptions { EspeakProcesses = 1 }, shares);
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(AudioApiTests.Cancel);
            var speaking = espeak.SpeakAsync(who, "Hello", "en", cancel.Token);
            var waiting = espeak.SpeakAsync(who, "Hello", "en", cancel.Token);
            await Eventually.TrueAsync(async () => File.Exists(pid) && (await File.ReadAllTextAsync(pid, AudioApiTests.Cancel)).EndsWith('\n'), "it runs");
            var id = int.Parse(await File.ReadAllTextAsync(pid, AudioApiTests.Cancel));
            Directory.Exists($"/proc/{id}").ShouldBeTrue();
            await cancel.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(speaking);
            await Should.ThrowAsync<OperationCanceledException>(waiting);
            await Eventually.TrueAsync(() => Task.FromResult(!Directory.Exists($"/proc/{id}")), "the process is gone");

            var impatient = new Espeak(
                hanging, new TtsOptions { EspeakProcesses = 1, Timeout = TimeSpan.FromMilliseconds(300) }, shares);
            var late = await Should.ThrowAsync<Lyceum.GpuEngine.OpenAI.ApiException>(impatient.SpeakAsync(who, "Hello", "en", AudioApiTests.Cancel));
            late.Error.Code.ShouldBe("speech_timeout");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Engine> StartAsync()
    {
        Assert.SkipUnless(Program is not null, "espeak-ng is not installed");
        return await Engine.PrimerAsync();
    }

    private static void ShouldBeSpeech(ReadOnlySpan<byte> pcm, int rate, double leastSeconds)
    {
        var samples = MemoryMarshal.Cast<byte, short>(pcm);
        ((double)samples.Length / rate).ShouldBeGreaterThan(leastSeconds);
        var loudest = 0;
        foreach (var sample in samples)
        {
            loudest = Math.Max(loudest, Math.Abs((int)sample));
        }
        loudest.ShouldBeGreaterThan(3_000);
    }
}
