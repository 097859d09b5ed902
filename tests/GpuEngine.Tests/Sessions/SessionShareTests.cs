using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Live sessions and their sockets while one person takes all it gets, and sockets that say nothing.</summary>
public sealed class SessionShareTests
{
    [Fact]
    public async Task Sessions_OnePersonTakesAllItGets_OthersGetSessionsAndSockets()
    {
        await using var engine = await SessionEngine.StartAsync(
            ("MAX_SESSIONS", "20"), ("Engine:Sessions:MaxSockets", "20"));
        var greedy = engine.Token("greedy", "gil", share: 0.5);
        var taken = new List<Client>();
        while (true)
        {
            using var made = await engine.TryCreateAsync(token: greedy);
            if (made.StatusCode is not HttpStatusCode.Created)
            {
                await made.ShouldBeProblem(HttpStatusCode.TooManyRequests, "overloaded");
                made.Headers.RetryAfter.ShouldNotBeNull();
                break;
            }
            taken.Add(await engine.ConnectAsync(SessionAddress.Of(await made.JsonAsync())));
        }
        taken.Count.ShouldBe(10);

        foreach (var (tenant, person) in new[] { ("acme", "ada"), ("acme", "bob"), ("beta", "bea"), ("greedy", "cleo") })
        {
            using var made = await engine.TryCreateAsync(token: engine.Token(tenant, person, share: 0.5));
            made.StatusCode.ShouldBe(HttpStatusCode.Created, $"{tenant}/{person}");
            await using var client = await engine.ConnectAsync(SessionAddress.Of(await made.JsonAsync()));
            await client.SayAsync("Hello");
            await client.UntilAsync("text");
        }
        foreach (var client in taken)
            await client.DisposeAsync();
    }

    [Fact]
    public async Task Sessions_OfATenantsPeople_LeaveRoomForOtherTenants()
    {
        await using var engine = await SessionEngine.StartAsync(("MAX_SESSIONS", "16"));
        var made = 0;
        for (var person = 0; person < 30; person++)
        {
            using var response = await engine.TryCreateAsync(token: engine.Token("greedy", $"p{person}", share: 0.5));
            made += response.StatusCode is HttpStatusCode.Created ? 1 : 0;
        }
        made.ShouldBe(14);
        (await engine.TryCreateAsync(token: engine.Token("acme", share: 0.5))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Sessions_OfACallerWithAShareOfOne_MayBeAll()
    {
        await using var engine = await SessionEngine.StartAsync(("MAX_SESSIONS", "4"));
        for (var i = 0; i < 4; i++)
            (await engine.TryCreateAsync(token: engine.Token("school", "web", share: 1))).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task Socket_ThatSaysNothing_IsClosed_AndOneWhoseStudentThinksIsNot()
    {
        await using var engine = await SessionEngine.StartAsync(("Answers:Ping", "00:00:03"));
        await using var thinking = await engine.ConnectAsync(await engine.CreateAsync());
        var next = thinking.NextAsync(); // a browser answers pings by itself
        var silent = await engine.CreateAsync();
        using var raw = new TcpClient();
        await raw.ConnectAsync(IPAddress.Loopback, engine.Address.Port, TestContext.Current.CancellationToken);
        await raw.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"GET {silent.EngineUrl.PathAndQuery} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
        await Eventually.TrueAsync(() => Task.FromResult(engine.Store.Sockets == 2), "both are open");

        await Eventually.TrueAsync(() => Task.FromResult(engine.Store.Sockets == 1), "the silent one is closed within a ping", seconds: 5);
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        next.IsCompleted.ShouldBeFalse();
        engine.Store.Sockets.ShouldBe(1);
    }
}
