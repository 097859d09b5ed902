using System.Runtime.InteropServices;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Speech;

public sealed class PcmTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void Decoder_AnyFormatInAnyPieces_GivesTheSamples(int piece)
    {
        var pcm = StubVoice.Say("Hello, 世界", 24_000);
        Decode(pcm, piece, 24_000, bareRate: 24_000).ShouldBe(pcm);
        Decode(Wav.File(pcm, 24_000), piece, 24_000, bareRate: 8_000).ShouldBe(pcm);
        // As a streaming server writes it: with an unknown length.
        var streamed = Wav.File(pcm, 24_000);
        streamed.AsSpan(40, 4).Fill(0xFF);
        Decode(streamed, piece, 24_000, bareRate: 8_000).ShouldBe(pcm);
        // What stands behind the samples is none.
        Decode([.. Wav.File(pcm, 24_000), .. "LIST    "u8], piece, 24_000, bareRate: 8_000).ShouldBe(pcm);
    }

    [Theory]
    [InlineData(22_050, 24_000)]
    [InlineData(24_000, 16_000)]
    [InlineData(8_000, 48_000)]
    public void Resampler_InAnyPieces_KeepsTheSound(int from, int to)
    {
        var pcm = StubVoice.Say("Resampled.", from);
        var whole = Decode(pcm, pcm.Length, to, bareRate: from);
        ((double)whole.Length / pcm.Length).ShouldBe((double)to / from, 0.01);
        StubVoice.Hear(whole, to).ShouldStartWith("Resampled");
        Decode(pcm, 333, to, bareRate: from).ShouldBe(whole);
        Decode(pcm, 3, to, bareRate: from).ShouldBe(whole);
    }

    [Fact]
    public void Resampler_StraightLine_IsKept()
    {
        var line = Enumerable.Range(0, 1_000).Select(i => (short)(i * 20)).ToArray();
        var result = MemoryMarshal.Cast<byte, short>(new Resampler(10_000, 20_000).Process(line)).ToArray();
        result.ShouldBe(Enumerable.Range(0, result.Length).Select(i => (short)(i * 10)));
        result.Length.ShouldBe(1_998);
    }

    [Fact]
    public void Decoder_NotPcm16Mono_Throws()
    {
        var stereo = Wav.File(new byte[64], 24_000);
        stereo[22] = 2;
        Should.Throw<ApiException>(() => new PcmDecoder(24_000, 24_000).Decode(stereo)).Error.Code.ShouldBe("upstream_broken");
    }

    private static byte[] Decode(byte[] bytes, int piece, int rate, int bareRate)
    {
        var decoder = new PcmDecoder(bareRate, rate);
        return [.. bytes.Chunk(piece).SelectMany(chunk => decoder.Decode(chunk).ToArray())];
    }
}
