using System.Net;
using System.Net.WebSockets;
using System.Text.Json;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>Who gets a socket: judged at the HTTP upgrade, by status and problem document.</summary>
public sealed class SocketAdmissionTests
{
    [Theory]
    [InlineData("/ws/")]
    [InlineData("/ws/ws/")]
    public async Task Token_OnEitherPath_OpensASocket(string path)
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await Client.ConnectAsync(
            new Uri(engine.WebSocketBase, $"{path}{made.SessionId}?token={made.EngineToken}"), "lyceum.v1");
        client.Socket.SubProtocol.ShouldBe("lyceum.v1");
    }

    [Fact]
    public async Task Token_RedeemedAThousandTimesAtOnce_OpensOneSocket()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:MaxSockets", "2000"));
        var made = await engine.CreateAsync();

        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var attempts = Enumerable.Range(0, 1_000).Select(async _ =>
        {
            await gate.Task;
            return await UpgradeAsync(engine, $"/ws/{made.SessionId}?token={made.EngineToken}");
        }).ToList();
        gate.SetResult();
        var statuses = await Task.WhenAll(attempts);

        statuses.Count(status => status == HttpStatusCode.SwitchingProtocols).ShouldBe(1);
        statuses.Count(status => status == HttpStatusCode.Unauthorized).ShouldBe(999);
        await engine.NoSocketsAsync();
    }

    [Fact]
    public async Task Upgrade_InvalidToken_Is401()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:ConnectTokenLifetime", "00:00:00.2"));
        var made = await engine.CreateAsync();
        var other = await engine.CreateAsync();
        await Task.Delay(300, TestContext.Current.CancellationToken);
        var path = $"/ws/{made.SessionId}";

        var bad = new[] { "", "?token=", "?token=nonsense", $"?token={made.EngineToken}", $"?token={other.EngineToken}", $"?resume={made.EngineToken}" };
        foreach (var query in bad)
        {
            await (await ProblemAsync(engine, path + query)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        }
        await (await ProblemAsync(engine, $"/ws/gpu-engine.{Guid.NewGuid()}?token={made.EngineToken}"))
            .ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
        await (await ProblemAsync(engine, path + "?after=x")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_cursor");
        using var plain = await engine.Client.GetAsync(path, TestContext.Current.CancellationToken);
        plain.StatusCode.ShouldBe(HttpStatusCode.UpgradeRequired);
        engine.Store.Sockets.ShouldBe(0);
    }

    [Fact]
    public async Task Upgrade_BeyondTheLimit_Is429AndSpendsNoToken()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:MaxSockets", "1"));
        var first = await engine.CreateAsync();
        var second = await engine.CreateAsync();
        await using (await engine.ConnectAsync(first))
        {
            using var refused = await ProblemAsync(engine, second.EngineUrl.PathAndQuery);
            await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "overloaded");
            refused.Headers.RetryAfter.ShouldNotBeNull();
        }
        await engine.NoSocketsAsync();
        await using var client = await engine.ConnectAsync(second);
    }

    [Fact]
    public async Task Upgrade_OfADeletedSession_Is404()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);

        await engine.SendAsync(HttpMethod.Delete, $"/v1/sessions/{made.SessionId}");

        (await client.UntilAsync("bye")).GetProperty("reason").GetString().ShouldBe("deleted");
        (await client.NextAsync()).ShouldBeNull();
        client.Socket.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
        await (await ProblemAsync(engine, $"/ws/{made.SessionId}?resume={client.Handle}"))
            .ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");
    }

    [Fact]
    public async Task Connection_Second_TakesTheSessionOver()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var before = await engine.ConnectAsync(made);
        await using var after = await engine.ConnectAsync(await engine.FreshAddressAsync(made.SessionId));

        (await before.UntilAsync("bye")).GetProperty("reason").GetString().ShouldBe("replaced");
        (await before.NextAsync()).ShouldBeNull();
        await after.SayAsync("Hello");
        await after.UntilAsync("text");
        await Eventually.TrueAsync(() => Task.FromResult(engine.Store.Sockets == 1), "the first socket is gone");
    }

    [Fact]
    public async Task Connection_Replaced_IsIgnored()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var before = await engine.ConnectAsync(made);
        await using var after = await engine.ConnectAsync(await engine.FreshAddressAsync(made.SessionId));

        await before.SayAsync("too late");
        await before.UntilAsync("bye");
        (await before.NextAsync()).ShouldBeNull();
        await Eventually.TrueAsync(() => Task.FromResult(engine.Store.Sockets == 1), "the first socket is gone");
        engine.Store.Find(made.SessionId)!.Turns.ShouldBe(0);
    }

    [Fact]
    public async Task Tokens_InUrls_AreNotLogged()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using (var client = await engine.ConnectAsync(made))
        {
            await client.SayAsync("Hello");
            await client.UntilAsync("text");
            client.Kill();
            await engine.NoSocketsAsync();
            await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, 0);
            await UpgradeAsync(engine, made.EngineUrl.PathAndQuery);
            engine.Log.Lines.ShouldNotBeEmpty();
            foreach (var secret in new[] { made.EngineToken, client.Handle, again.Handle })
            {
                engine.Log.Lines.ShouldAllBe(line => !line.Message.Contains(secret, StringComparison.Ordinal));
            }
        }
    }

    /// <summary>An upgrade as a browser sends it; the connection is left at once.</summary>
    private static async Task<HttpStatusCode> UpgradeAsync(SessionEngine engine, string path)
    {
        using var response = await ProblemAsync(engine, path);
        return response.StatusCode;
    }

    private static async Task<HttpResponseMessage> ProblemAsync(SessionEngine engine, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(engine.Address, path));
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        return await engine.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }
}
