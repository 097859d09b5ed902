using System.Text.Json;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>A broken socket costs nothing: every event of a turn arrives, in order, once.</summary>
public sealed class ResumeTests
{
    private const int Tokens = 6;
    private const int Events = 1 + Tokens + 2; // accepted, the deltas, text, latency_report

    /// <summary>Cut after each event a client may have seen last, before the first one and after the last one included.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    public async Task Socket_KilledAtAnyEventOfATurn_ResumesWithEachEventOnce(int rate)
    {
        await using var engine = await SessionEngine.StartAsync();
        for (var kill = 0; kill <= Events; kill++)
        {
            var made = await engine.CreateAsync();
            var client = await engine.ConnectAsync(made);
            await client.SayAsync($"[[stub tokens={Tokens} rate={rate} seed={kill}]]");
            var seen = new List<JsonElement>();
            while (seen.Count < kill)
            {
                seen.Add((await client.NextAsync())!.Value);
            }
            client.Kill();

            await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, seen.Count);
            again.Session.GetProperty("resumed").GetBoolean().ShouldBeTrue();
            while (seen.Count < Events)
            {
                seen.Add((await again.NextAsync())!.Value);
            }
            ShouldBeTheTurn(seen, kill);
            await ShouldSayNothingMoreAsync(engine, again);
        }
        engine.Stub.Log.Count.ShouldBe(2 * (Events + 1)); // each turn was asked once, and one more turn in each session
    }

    /// <summary>The same turn loses its socket after every single event, and each time the handle of the newest one opens the next.</summary>
    [Fact]
    public async Task Socket_KilledAfterEachEvent_ResumesEveryTime()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        var client = await engine.ConnectAsync(made);
        await client.SayAsync($"[[stub tokens={Tokens} rate=50 seed=9]]");
        var seen = new List<JsonElement>();
        while (seen.Count < Events)
        {
            seen.Add((await client.NextAsync())!.Value);
            client.Kill();
            client = await engine.ResumeAsync(made.SessionId, client.Handle, seen.Count);
        }
        ShouldBeTheTurn(seen, 9);
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Handle_SuccessorUsed_IsSpent_NotBefore()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var first = await engine.ConnectAsync(made);
        first.Kill();

        // The answer to the first resume was lost on the way: the client knows only the old handle.
        await using (var lost = await engine.ResumeAsync(made.SessionId, first.Handle, 0))
        {
            lost.Kill();
        }
        await using var second = await engine.ResumeAsync(made.SessionId, first.Handle, 0);
        second.Handle.ShouldNotBe(first.Handle);
        await second.SayAsync("[[stub tokens=1 rate=0]]");
        await second.UntilAsync("text");
        second.Kill();

        await Should.ThrowAsync<System.Net.WebSockets.WebSocketException>(engine.ResumeAsync(made.SessionId, first.Handle, 0));
        await using var third = await engine.ResumeAsync(made.SessionId, second.Handle, 0);
    }

    private static void ShouldBeTheTurn(List<JsonElement> seen, int seed)
    {
        seen.Select(e => e.GetProperty("seq").GetInt64()).ShouldBe(Enumerable.Range(1, Events).Select(n => (long)n));
        seen.Select(LyceumV1Tests.Type).ShouldBe(["accepted", .. Enumerable.Repeat("delta", Tokens), "text", "latency_report"]);
        var text = StubText.Text(seed, Tokens, unicode: false);
        string.Concat(seen.Skip(1).Take(Tokens).Select(LyceumV1Tests.Content)).ShouldBe(text);
        LyceumV1Tests.Content(seen[^2]).ShouldBe(text);
    }

    private static async Task ShouldSayNothingMoreAsync(SessionEngine engine, Client client)
    {
        await client.SayAsync("[[stub tokens=1 rate=0]]");
        (await client.NextAsync())!.Value.GetProperty("seq").GetInt64().ShouldBe(Events + 1);
        await client.UntilAsync("latency_report");
    }

    /// <summary>A message of a broken connection may arrive late: it must not interrupt what the next one asked.</summary>
    [Fact]
    public async Task Connection_Gone_ItsMessagesCountUntilTheNextOne()
    {
        await using var engine = await SessionEngine.StartAsync();
        var session = engine.Store.Find((await engine.CreateAsync()).SessionId)!;
        var (first, second) = (new Reader(), new Reader());

        session.Attach(first, takesAudio: true);
        session.Detach(first);
        session.Submit(new UserMessage("[[stub tokens=1 rate=0 seed=1]]"), first).ShouldBeNull();
        await EndsAsync(1);

        session.Attach(second, takesAudio: true);
        session.Submit(new UserMessage("[[stub tokens=20 rate=100 seed=1]]"), second).ShouldBeNull();
        session.BeginSpeech(null, first);
        session.Submit(new UserMessage("late"), first).ShouldBeNull();
        session.Acknowledge(session.LastEvent, first);
        (await EndsAsync(2)).ShouldBeOfType<TurnText>();
        session.Turns.ShouldBe(2);

        async Task<SessionEvent> EndsAsync(int turn)
        {
            SessionEvent? end = null;
            await Eventually.TrueAsync(() =>
            {
                for (var seq = 0L; end is null && session.After(seq) is ({ } happened, _); seq++)
                {
                    end = happened is TurnText { Turn: var text } && text == turn || happened is TurnInterrupted { Turn: var broken } && broken == turn ? happened : null;
                }
                return Task.FromResult(end is not null);
            }, $"turn {turn} ends");
            return end!;
        }
    }

    private sealed class Reader : ISessionReader
    {
        public void Wake()
        {
        }

        public void End(string reason)
        {
        }

        public void Tick()
        {
        }
    }
}
