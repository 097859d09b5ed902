using System.Net;
using Lyceum.EngineClient;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>A live session's socket goes to the engine whose id begins the session's, and to no other.</summary>
public sealed class SessionSocketTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "gpu-engine", "session-api");
    private Backend _configured = null!;
    private Backend _announced = null!;
    private Backend _directory = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _configured = await Backend.StartAsync(_identity, "gpu-engine");
        _announced = await Backend.StartAsync(_identity, "gpu-engine");
        _directory = await Backend.StartAsync(_identity, "session-api");
        _gateway = TestGateway.Start(_identity, new(
        [
            .. TestGateway.Reference("gpu-engine", _configured.Address),
            .. TestGateway.Reference("session-api", _directory.Address),
        ]));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _configured.DisposeAsync();
        await _announced.DisposeAsync();
        await _directory.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Socket_GoesToTheSessionsEngine_AlsoOneThatCameLater()
    {
        (await _gateway.GetAsync("/ws/gpu-engine.1?token=t", token: null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        _configured.Seen.ShouldHaveSingleItem();
        await (await _gateway.GetAsync("/ws/far-away.1?token=t", token: null)).ShouldBeProblem(HttpStatusCode.NotFound, "session_not_found");

        _directory.Engines.Enqueue(new EngineAnnouncement("far-away", Guid.NewGuid(), _announced.Address, null, 10, 0, null));
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/ws/far-away.1?token=t", token: null)).StatusCode == HttpStatusCode.OK, "it is found in the directory");
        _announced.Seen.ShouldHaveSingleItem();
        // The configured one has announced itself to nobody, and is there all the same.
        (await _gateway.GetAsync("/ws/gpu-engine.2?token=t", token: null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        _configured.Seen.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Engine_ThatDrains_GetsNothingNew_ButItsSessionsSockets()
    {
        _directory.Engines.Enqueue(new EngineAnnouncement("gpu-engine", Guid.NewGuid(), _configured.Address, null, 10, 0, null) { Draining = true });
        _directory.Engines.Enqueue(new EngineAnnouncement("far-away", Guid.NewGuid(), _announced.Address, null, 10, 0, null));
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/ws/far-away.1?token=t", token: null)).StatusCode == HttpStatusCode.OK, "it is found in the directory");

        for (var i = 0; i < 20; i++)
            (await (await _gateway.GetAsync("/v1/generations/x")).JsonAsync()).GetProperty("port").GetInt32().ShouldBe(_announced.Address.Port);
        (await _gateway.GetAsync("/ws/gpu-engine.1?token=t", token: null)).StatusCode.ShouldBe(HttpStatusCode.OK);
        _configured.Seen.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("/ws/")]
    [InlineData("/ws/.x")]
    [InlineData("/ws/GPU-ENGINE.1")] // ids are small
    [InlineData("/ws/ws/../gpu-engine")]
    public async Task Socket_OfNoEngine_Is404(string path)
    {
        (await _gateway.GetAsync(path, token: null)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        _configured.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task Socket_WithACookie_IsOpenedFromAnyPage_BecauseItsTokenOpensIt()
    {
        var response = await _gateway.SendAsync(HttpMethod.Get, "/ws/gpu-engine.1?token=t", token: null, headers:
            [("Cookie", "lyceum_session=x"), ("Origin", "https://elsewhere.example"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        _configured.Seen.ShouldHaveSingleItem().Keys.ShouldNotContain("Cookie");
    }
}
