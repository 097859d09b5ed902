using Lyceum.GpuEngine.Speech;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Clients killed amid speech leave nothing behind: no request, process, task or socket.</summary>
public sealed class SpeechCyclesTests
{
    private const int Sessions = 20;

    [Fact]
    public Task Sockets_KilledAmidAudioFiveHundredTimes_LeaveNothingBehind() => CycleAsync(500, espeak: false);

    [Fact]
    public Task Sockets_KilledAmidEspeaksAudio_LeaveNothingBehind() => CycleAsync(60, espeak: true);

    [Fact, Trait("Category", "Long")]
    public Task Sockets_KilledAmidEspeaksAudioFiveHundredTimes_LeaveNothingBehind() => CycleAsync(500, espeak: true);

    private static async Task CycleAsync(int cycles, bool espeak)
    {
        Assert.SkipUnless(!espeak || Espeak.Find("espeak-ng") is not null, "espeak-ng is not installed");
        await using var engine = espeak
            ? await SessionEngine.StartAsync(("Asr:Endpoint", "{stub}"))
            : await SessionEngine.WithSpeechAsync();
        engine.Stub.Speech.PieceDelay = TimeSpan.FromMilliseconds(5);
        var made = new List<SessionAddress>();
        for (var i = 0; i < Sessions; i++)
        {
            made.Add(await engine.CreateAsync());
        }
        await Parallel.ForEachAsync(
            made,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken },
            async (session, _) =>
            {
                for (var cycle = 0; cycle < cycles / Sessions; cycle++)
                {
                    await using var client = await engine.ConnectAsync(await engine.FreshAddressAsync(session.SessionId));
                    await client.ConfigureAsync(speaks: "none");
                    await client.SayAsync("[[stub tokens=400 sentence=20 rate=0 seed=1]]");
                    // Amid the audio it hears, or amid what it says itself.
                    await client.UntilAsync("audio");
                    if (cycle % 2 == 1)
                    {
                        await client.SendAsync("""{"type":"audio_start"}""");
                        await client.SendAsync(new byte[3_200]);
                    }
                    client.Kill();
                }
            });

        await engine.NoSocketsAsync();
        foreach (var session in made)
        {
            // Returns when its turn, its speech and what it hears occupy nothing any more.
            (await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{session.SessionId}")).EnsureSuccessStatusCode().Dispose();
        }
        // Of an end the runtime takes note a moment later; and other tests of this process let it speak, too.
        await Eventually.TrueAsync(() => Task.FromResult(Processes() == 0), "no espeak-ng is left");
        engine.Store.Count.ShouldBe(0);
        await Eventually.TrueAsync(
            () => Task.FromResult(engine.Stub.Speech.Running == 0 && engine.Stub.Log.Running == 0), "the stub has nothing to do");
    }

    /// <summary>espeak-ng processes that are children of this one, zombies included.</summary>
    private static int Processes() => Directory.EnumerateDirectories("/proc").Count(folder =>
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return stat.Contains("(espeak-ng)", StringComparison.Ordinal) && fields[1] == Environment.ProcessId.ToString();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // no process, or one that just ended
        }
    });
}
