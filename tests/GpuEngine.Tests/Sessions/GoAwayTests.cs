using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Lyceum.Contracts;
using Lyceum.GpuEngine.Sessions.Transcripts;
using Lyceum.GpuEngine.Sessions.Turns;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>A stopping engine's sessions end between turns, and their clients are told to go on elsewhere.</summary>
public sealed class GoAwayTests
{
    /// <summary>Runs until its session is deleted: while it does, the engine drains.</summary>
    private const string Endless = "[[stub tokens=5 stall_after=1 rate=0]]";

    [Fact]
    public async Task Sessions_OfADrainingEngine_EndBetweenTurns()
    {
        await using var engine = await SessionEngine.StartAsync(("Drain:Answers", "00:02:00"), ("Drain:Notice", "00:00:00"));
        var kept = await engine.CreateAsync();
        await using var keeper = await engine.ConnectAsync(kept);
        await keeper.SayAsync(Endless);
        await keeper.UntilAsync("delta");
        await using var idle = await engine.ConnectAsync(await engine.CreateAsync());
        var asking = await engine.CreateAsync();
        await using var talking = await engine.ConnectAsync(asking);
        await talking.SayAsync("[[stub tokens=50 rate=50 seed=1]]");
        await talking.UntilAsync("delta");
        await using var simple = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);
        await simple.SayAsync("[[stub tokens=50 rate=50 seed=2]]");
        await engine.Stub.UntilAsync(log => log.Count == 3);

        engine.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var stopped = engine.Services.GetRequiredService<IHost>().StopAsync(TestContext.Current.CancellationToken);

        await ShouldGoAwayAsync(idle);
        using (var rejected = await engine.TryCreateAsync())
            await rejected.ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "draining");
        using (var engines = await engine.SendAsync(HttpMethod.Get, "/v1/engine"))
            (await engines.JsonAsync()).GetProperty("draining").GetBoolean().ShouldBeTrue();

        var seen = new List<JsonElement>();
        (await talking.UntilAsync("text", seen)).GetProperty("content").GetString().ShouldBe(StubText.Text(1, 50, false));
        (await talking.UntilAsync("latency_report", seen)).GetProperty("turn").GetInt32().ShouldBe(1);
        seen.ShouldNotContain(e => e.GetProperty("type").GetString() == "interrupted");
        await ShouldGoAwayAsync(talking);

        (await simple.NextAsync())!.Value.GetProperty("content").GetString().ShouldBe(StubText.Text(2, 50, false));
        (await simple.NextAsync()).ShouldBeNull();
        simple.Socket.CloseStatus.ShouldBe(WebSocketCloseStatus.EndpointUnavailable);

        // What still runs can still be read, by another socket too.
        await using (var again = await engine.ResumeAsync(kept.SessionId, keeper.Handle, 0))
            (await again.UntilAsync("delta")).GetProperty("turn").GetInt32().ShouldBe(1);
        stopped.IsCompleted.ShouldBeFalse();
        (await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{kept.SessionId}")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await stopped.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Session_WhoseTranscriptIsNotStoredYet_IsNotSentAway()
    {
        await using var engine = await SessionEngine.StartAsync();
        var log = engine.Services.GetRequiredService<TranscriptLog>();
        log.KeepUntilAcknowledged();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        var session = engine.Store.Find(made.SessionId)!;
        await client.SayAsync("[[stub tokens=3 rate=0]]");
        await client.UntilAsync("latency_report");

        session.TryGoAway(TimeSpan.FromMinutes(10), out _).ShouldBeFalse();
        // What is asked now is not accepted, and its client asks it again where the session goes on.
        session.Submit(new UserMessage("late", "Late?")).ShouldBeNull();
        log.Acknowledge([new RecordedSession(made.SessionId, 1_000)]);

        await Eventually.TrueAsync(() => Task.FromResult(session.TryGoAway(TimeSpan.FromMinutes(10), out _)), "it is sent away");
        await ShouldGoAwayAsync(client);
        session.Turns.ShouldBe(1);
    }

    [Fact]
    public async Task Turn_ThatBeginsWhileTheEngineDrains_IsAnswered()
    {
        await using var engine = await SessionEngine.StartAsync(("Drain:Answers", "00:02:00"), ("Drain:Notice", "00:00:00"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=1000 rate=200 seed=1]]");
        await client.UntilAsync("delta");
        engine.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        var stopped = engine.Services.GetRequiredService<IHost>().StopAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () =>
        {
            using var rejected = await engine.TryCreateAsync();
            return rejected.StatusCode == HttpStatusCode.ServiceUnavailable;
        }, "nothing new is taken on");

        await client.SayAsync("[[stub tokens=20 rate=0 seed=2]]"); // interrupts

        (await client.UntilAsync("text")).GetProperty("content").GetString().ShouldBe(StubText.Text(2, 20, false));
        await ShouldGoAwayAsync(client);
        await stopped.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Engine_SecondSigterm_InterruptsWhatRuns()
    {
        await using var stub = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.StartAsync(stub, ("Drain__Answers", "00:02:00"), ("Drain__Notice", "00:00:00"));
        await using var idle = await Client.ConnectAsync((await engine.CreateAsync()).EngineUrl, "lyceum.v1");
        await using var talking = await Client.ConnectAsync((await engine.CreateAsync()).EngineUrl, "lyceum.v1");
        await talking.SayAsync(Endless);
        await talking.UntilAsync("delta");

        engine.Terminate();
        await ShouldGoAwayAsync(idle);
        engine.Terminate();

        (await talking.UntilAsync("interrupted")).GetProperty("reason").GetString().ShouldBe("shutting_down");
        await ShouldGoAwayAsync(talking);
        (await engine.ExitedAsync()).ShouldBe(0);
        engine.Recorded().Select(turn => turn.Record.Kind).Count(kind => kind == "closed").ShouldBe(2);
    }

    private static async Task ShouldGoAwayAsync(Client client)
    {
        var away = await client.UntilAsync("go_away");
        away.GetProperty("reason").GetString().ShouldBe("shutting_down");
        away.GetProperty("reconnect_after_ms").GetInt32().ShouldBeInRange(100, 1000);
        (await client.NextAsync())!.Value.GetProperty("type").GetString().ShouldBe("bye");
        (await client.NextAsync()).ShouldBeNull();
        client.Socket.CloseStatus.ShouldBe(WebSocketCloseStatus.EndpointUnavailable);
    }
}
