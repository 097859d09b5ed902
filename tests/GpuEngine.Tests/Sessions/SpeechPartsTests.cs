using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Hearing;
using Lyceum.GpuEngine.Sessions.Settings;
using Lyceum.GpuEngine.Sessions.Speaking;
using Lyceum.GpuEngine.Speech;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>The parts of spoken sessions by themselves, in their own time.</summary>
public sealed class SpeechPartsTests
{
    private static readonly AudioOutput Output = new(8_000, null); // 16 bytes a millisecond

    [Fact]
    public void Playback_WithoutReports_FollowsTheClockUpToWhatWasSent()
    {
        var time = new FakeTimeProvider();
        var playback = new Playback(16_000, time);
        playback.Until(1).ShouldBe(Timeout.InfiniteTimeSpan);
        playback.Deliver(8_000); // half a second
        time.Advance(TimeSpan.FromMilliseconds(200));
        playback.Position.ShouldBe(3_200);
        playback.Until(4_800).ShouldBe(TimeSpan.FromMilliseconds(101));
        time.Advance(TimeSpan.FromMilliseconds(800));
        playback.Position.ShouldBe(8_000);
        playback.IsPlaying.ShouldBeFalse();
        playback.Deliver(8_000); // after a pause: it begins when it comes
        time.Advance(TimeSpan.FromMilliseconds(100));
        playback.Position.ShouldBe(9_600);
        playback.Report(9_000);
        time.Advance(TimeSpan.FromMilliseconds(1_000));
        playback.Position.ShouldBe(9_000, "whoever reports is believed");
        playback.Report(8_000);
        playback.Position.ShouldBe(9_000, "the position never decreases");
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1_599, "First one ")] // a byte of its audio is missing
    [InlineData(1_600, "First one here. ")]
    [InlineData(2_400, "First one here. 第二")]
    [InlineData(3_200, "First one here. 第二句话。")]
    [InlineData(3_300, "First one here. 第二句话。")] // the third is still being made
    public void SpokenAnswer_Interrupted_KeepsWhatWasPlayed(long played, string expected)
    {
        const string Text = "First one here. 第二句话。[1] Third one.";
        using var spoken = new SpokenAnswer(Output, new LiveSessionOptions(), new FakeTimeProvider());
        spoken.Show(Text);
        spoken.EndText();
        var seq = 10;
        var sentences = new List<Sentence>();
        while (spoken.Sentences.TryRead(out var sentence))
        {
            sentences.Add(sentence);
        }
        sentences.Select(s => s.Text).ShouldBe(["First one here. ", "第二句话。", "[1] Third one."]);
        foreach (var sentence in sentences)
        {
            var frame = new AudioFrame(1, 1, 0, 0, 0, Output.Rate, new byte[1_600], 1_600, IsLast: sentence != sentences[2]);
            spoken.Publish(seq, frame, sentence);
            spoken.Deliver(seq++, frame);
        }
        var at = (int)(played / 1_600);
        spoken.Report(new PlayPosition(10 + at, (played - (at * 1_600)) / 16.0));
        Text[..spoken.Kept(Text)].ShouldBe(expected);
    }

    [Fact]
    public void ReplayBuffer_BeyondItsAudioBytes_DropsTheOldestAudioAndKeepsItsEvents()
    {
        var buffer = new ReplayBuffer(100, 100_000, maxAudioBytes: 1_000);
        for (var i = 0; i < 10; i++)
        {
            buffer.Add(new TextDelta(1, "a"));
            buffer.Add(new AudioFrame(1, 1, 0, 1, 0, 8_000, new byte[300], 300, IsLast: false));
        }
        (buffer.First, buffer.Last).ShouldBe((1, 20));
        Omitted().ShouldBe([.. Enumerable.Repeat(true, 7), false, false, false]);
        buffer.DropThrough(16);
        buffer.Add(new AudioFrame(1, 1, 0, 1, 0, 8_000, new byte[300], 300, IsLast: false)); // there is room for a third one again
        Omitted().ShouldBe([false, false, false]);
        buffer.OmitAudio(20);
        Omitted().ShouldBe([true, true, false]);

        bool[] Omitted() => [.. Enumerable.Range((int)buffer.First, (int)(buffer.Last - buffer.First) + 1)
            .Select(seq => buffer.Find(seq)).OfType<AudioFrame>().Select(frame => frame.IsOmitted)];
    }

    [Fact]
    public void SentenceAudio_OfAnyLength_IsCutIntoEqualPiecesWithTheLastMarked()
    {
        var audio = new SentenceAudio(new Sentence(0, "a"), 0, 1, pieceBytes: 100, maxBytes: 1_000);
        foreach (var length in new[] { 30, 70, 100, 150, 0 })
        {
            audio.Add(new byte[length]);
        }
        audio.Complete();
        var pieces = new List<SentenceAudio.Piece>();
        while (audio.Pieces.TryRead(out var piece))
        {
            pieces.Add(piece);
        }
        pieces.Select(piece => (piece.Pcm.Length, piece.IsLast)).ShouldBe([(100, false), (100, false), (100, false), (50, true)]);
        Should.Throw<Lyceum.GpuEngine.OpenAI.ApiException>(() => audio.Add(new byte[700])).Error.Code.ShouldBe("speech_failed");
    }

    [Fact]
    public void VoiceActivity_SpeechAndSilence_ChangeOnlyAfterTheirTimes()
    {
        var voice = new VoiceActivity(new SessionAudioOptions(), TimeSpan.FromMilliseconds(20));
        Look(-30, 2).ShouldBe([VoiceChange.None, VoiceChange.None]);
        Look(-60, 1).ShouldBe([VoiceChange.None]); // that was a click
        Look(-43, 20).ShouldAllBe(change => change == VoiceChange.None);
        Look(-30, 3).ShouldBe([VoiceChange.None, VoiceChange.None, VoiceChange.Started]);
        Look(-43, 100).ShouldAllBe(change => change == VoiceChange.None); // sinks, and is not cut
        Look(-60, 34).ShouldAllBe(change => change == VoiceChange.None); // breathes
        Look(-30, 1).ShouldBe([VoiceChange.None]);
        Look(-60, 35).ShouldBe([.. Enumerable.Repeat(VoiceChange.None, 34), VoiceChange.Stopped]);
        voice.IsSpeech.ShouldBeFalse();

        VoiceChange[] Look(double level, int frames)
        {
            var samples = Enumerable.Repeat((short)(32_768 * Math.Pow(10, level / 20)), 320).ToArray();
            VoiceActivity.Level(samples).ShouldBe(level, 0.5);
            return [.. Enumerable.Range(0, frames).Select(_ => voice.Analyse(samples))];
        }
    }
}
