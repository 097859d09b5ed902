using System.Net.WebSockets;
using System.Text.Json;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Data messages that keep a silent socket open where pings do not count.</summary>
public sealed class HeartbeatTests
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Session_ThatIsSilent_LivesOnBehindAProxyThatCountsNoPings()
    {
        var (time, proxys) = (new JumpingTime(), new FakeTimeProvider());
        await using var engine = await SessionEngine.StartAsync(builder => builder.Services.AddSingleton<TimeProvider>(time));
        await using var proxy = new DataOnlyProxy(engine.Address, silence: Beat * 1.5, proxys);
        await using var client = await engine.ConnectAsync(await ThroughAsync(engine, proxy));

        for (var beat = 1; beat <= 3; beat++)
        {
            await SilentAsync(proxy, time, proxys);
            (await client.BeatAsync()).ShouldBe(0);
            await Eventually.TrueAsync(() => proxy.DataFromClients == beat, "the answer passed");
        }

        await client.SayAsync("[[stub tokens=3 rate=0 seed=7]]");
        var seen = new List<JsonElement>();
        (await client.UntilAsync("text", seen)).GetProperty("content").GetString().ShouldBe(StubText.Text(7, 3, false));
        seen[0].GetProperty("seq").GetInt64().ShouldBe(1, "a heartbeat has no number");
        proxy.Cut.ShouldBe(0);
    }

    [Fact]
    public async Task Session_WithoutHeartbeats_IsCutByAProxyThatCountsNoPings()
    {
        var (time, proxys) = (new JumpingTime(), new FakeTimeProvider());
        await using var engine = await SessionEngine.StartAsync(
            builder => builder.Services.AddSingleton<TimeProvider>(time), ("Engine:Sessions:Heartbeat", "00:00:00"));
        await using var proxy = new DataOnlyProxy(engine.Address, silence: Beat * 1.5, proxys);
        await using var client = await engine.ConnectAsync(await ThroughAsync(engine, proxy));
        await Eventually.TrueAsync(() => proxy.DataFromBackend == 1, "the first event passed");

        await SilentAsync(proxy, time, proxys);
        proxy.Cut.ShouldBe(0);
        await SilentAsync(proxy, time, proxys);

        await Should.ThrowAsync<WebSocketException>(client.NextAsync());
        proxy.Cut.ShouldBe(1);
    }

    [Fact]
    public async Task Client_ThatOnlyListensToALongAnswer_IsAskedForAMessage()
    {
        var time = new JumpingTime();
        await using var engine = await SessionEngine.StartAsync(builder => builder.Services.AddSingleton<TimeProvider>(time));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=1000 rate=50]]");
        await client.UntilAsync("delta");

        time.Jump(Beat);
        var deltas = await client.BeatAsync();

        deltas.ShouldBeGreaterThan(0, "the engine was not silent");
    }

    [Fact]
    public async Task Heartbeats_AnsweredOrNot_KeepNoIdleSession()
    {
        var time = new JumpingTime();
        await using var engine = await SessionEngine.StartAsync(
            builder => builder.Services.AddSingleton<TimeProvider>(time),
            ("Engine:Sessions:Heartbeat", "00:00:01"), ("Engine:Sessions:IdleTimeout", "00:10:00"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.BeatAsync();

        time.Jump(TimeSpan.FromSeconds(545));
        (await client.UntilAsync("warning")).GetProperty("reason").GetString().ShouldBe("idle_timeout");
        await client.BeatAsync();
        time.Jump(TimeSpan.FromSeconds(60));

        (await client.UntilAsync("bye")).GetProperty("reason").GetString().ShouldBe("idle_timeout");
    }

    [Fact]
    public async Task Heartbeats_ByTheThousand_AreNotCountedAsMessages()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());

        for (var i = 0; i < 1000; i++)
            await client.SendAsync("""{"type":"heartbeat"}""");
        await client.SayAsync("[[stub tokens=1 rate=0]]");

        (await client.NextAsync())!.Value.GetProperty("type").GetString().ShouldBe("accepted");
    }

    [Fact]
    public async Task SimpleProtocol_HasPingsOnlyWhereTheAddressAsks()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:Heartbeat", "00:00:01"));
        await using var silent = await engine.ConnectAsync(await engine.CreateAsync(), subProtocol: null);
        await using var asking = await engine.ConnectAsync(With(await engine.CreateAsync(), "heartbeat=1"), subProtocol: null);

        for (var ping = 0; ping < 2; ping++)
        {
            (await asking.NextRawAsync()).ShouldBe("""{"type":"ping"}""");
            await asking.SendAsync("""{"type":"pong"}""");
        }
        await asking.SayAsync("[[stub tokens=2 rate=0 seed=1]]");
        await silent.SayAsync("[[stub tokens=2 rate=0 seed=1]]");

        var answer = (await silent.NextAsync())!.Value;
        answer.GetProperty("type").GetString().ShouldBe("text", "it was sent no ping");
        (await asking.UntilAsync("text")).GetProperty("content").GetString().ShouldBe(answer.GetProperty("content").GetString());
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("301")]
    [InlineData("1.5")]
    [InlineData("")]
    [InlineData("often")]
    public async Task Address_WithAnotherHeartbeat_IsRejectedAndItsTokenKept(string heartbeat)
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();

        var refused = await Should.ThrowAsync<WebSocketException>(
            Client.OpenAsync(With(made, $"heartbeat={heartbeat}").EngineUrl, null));
        refused.Message.ShouldContain("400");

        await using var client = await engine.ConnectAsync(With(made, "heartbeat=0"));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Session_ThatIsSilentForFiveMinutes_LivesOnBehindAProxyThatCutsAtThirtySeconds()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var proxy = new DataOnlyProxy(engine.Address, silence: TimeSpan.FromSeconds(30));
        await using var client = await engine.ConnectAsync(await ThroughAsync(engine, proxy));
        await using var simple = await engine.ConnectAsync(
            With(await ThroughAsync(engine, proxy), "heartbeat=20"), subProtocol: null);
        await using var unasked = await engine.ConnectAsync(await ThroughAsync(engine, proxy), subProtocol: null);
        var until = TimeProvider.System.GetTimestamp();

        while (TimeProvider.System.GetElapsedTime(until) < TimeSpan.FromMinutes(5))
        {
            await client.BeatAsync();
            (await simple.NextRawAsync()).ShouldBe("""{"type":"ping"}""");
            await simple.SendAsync("""{"type":"pong"}""");
        }

        proxy.Cut.ShouldBe(1, "the one without heartbeats");
        await Should.ThrowAsync<WebSocketException>(unasked.NextAsync());
        foreach (var one in (Client[])[client, simple])
        {
            await one.SayAsync("[[stub tokens=3 rate=0 seed=7]]");
            (await one.UntilAsync("text")).GetProperty("content").GetString().ShouldBe(StubText.Text(7, 3, false));
        }
    }

    /// <summary>The time of a heartbeat goes by, in which pongs pass, and nothing else.</summary>
    private static async Task SilentAsync(DataOnlyProxy proxy, JumpingTime engines, FakeTimeProvider proxys)
    {
        var control = proxy.ControlFrames;
        await Eventually.TrueAsync(() => proxy.ControlFrames > control, "a pong passed");
        proxys.Advance(Beat);
        engines.Jump(Beat);
    }

    private static async Task<SessionAddress> ThroughAsync(SessionEngine engine, DataOnlyProxy proxy)
    {
        var made = await engine.CreateAsync();
        return made with { EngineUrl = proxy.Before(made.EngineUrl) };
    }

    private static SessionAddress With(SessionAddress made, string query) =>
        made with { EngineUrl = new Uri($"{made.EngineUrl}&{query}") };
}
