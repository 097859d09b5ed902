using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>An engine configured by the environment variables of earlier engines.</summary>
public sealed class LegacyEnvironmentTests
{
    [Fact]
    public async Task Engine_WithLegacyEnvironment_ListensAndLimitsByIt()
    {
        await using var stub = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.StartAsync(
            stub,
            ("MANAGEMENT_API_HOST", "127.0.0.1"), ("MANAGEMENT_API_PORT", "0"), ("WEBSOCKET_HOST", "127.0.0.2"), ("WEBSOCKET_PORT", "0"),
            ("WEBSOCKET_URL", "ws://tutor.example:9001/ws"), ("SESSION_TIMEOUT_SECONDS", "90"), ("CUDA_VISIBLE_DEVICES", "0"));
        engine.Addresses.Select(address => address.Host).Order().ShouldBe(["127.0.0.1", "127.0.0.2"]);

        var made = await engine.CreateAsync();
        made.EngineUrl.ToString().ShouldStartWith($"ws://tutor.example:9001/ws/{made.SessionId}?token=");
        made.Raw.GetProperty("expires_at").GetDateTimeOffset().ShouldBe(DateTimeOffset.UtcNow.AddSeconds(90), TimeSpan.FromSeconds(30));

        // A session made at one address is connected to at the other.
        var sockets = engine.Addresses.Single(address => address.Host == "127.0.0.2");
        await using var client = await Client.ConnectAsync(
            new Uri(new UriBuilder(sockets) { Scheme = "ws" }.Uri, made.EngineUrl.PathAndQuery), "lyceum.v1");
        await client.SayAsync("[[stub tokens=1 rate=0]]");
        await client.UntilAsync("text");
    }
}
