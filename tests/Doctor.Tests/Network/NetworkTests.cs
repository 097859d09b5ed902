using Lyceum.Doctor;

namespace Lyceum.Tests.Doctor.Tests.Network;

/// <summary>Real proxies before the real gateway: a sound way is found well, and of each fault one check tells, with what to do.</summary>
public sealed class NetworkTests(NetworkFixture fixture) : IClassFixture<NetworkFixture>
{
    [Theory]
    [InlineData("gateway")]
    [InlineData("nginx")]
    [InlineData("nginx compresses")]
    [InlineData("haproxy")]
    [InlineData("https")]
    public async Task SoundWay_IsFoundWell(string way)
    {
        var examined = await fixture.ExaminedAsync(way);

        examined.ShouldBeWell();
        string[] skipped = way == "https" ? ["LYC-NET-003"] : ["LYC-NET-002", "LYC-NET-003"];
        examined.Findings.Where(finding => finding.Verdict == Verdict.Skipped).Select(finding => finding.Id)
            .ShouldBe([.. skipped, "LYC-NET-010", "LYC-NET-011"], examined.Text);
        examined["LYC-NET-006"].Saw.ShouldContain("from the engine too");
    }

    [Fact]
    public async Task ShortTimeout_OverHttp2_IsFoundWithItsSeconds() =>
        (await fixture.ExaminedAsync("https 5 s")).ShouldHaveOneFailure("LYC-NET-006", "LYC-NET-008", "LYC-NET-009", "LYC-NET-010", "LYC-NET-011")
            .Saw.ShouldMatch(@"cut after [5-7]\.\d s by nginx \(504\), between https://localhost:\d+/ and the gateway$");

    [Fact]
    public async Task ShortTimeout_OfNginx_IsFoundWithItsSeconds_AndToldFromTheGateway()
    {
        var examined = await fixture.ExaminedAsync("nginx 5 s");

        var failure = examined.ShouldHaveOneFailure("LYC-NET-006", "LYC-NET-008", "LYC-NET-009", "LYC-NET-010", "LYC-NET-011");
        failure.Saw.ShouldMatch(@"cut after [5-7]\.\d s by nginx \(504\), between http://localhost:\d+/ and the gateway; directly at the gateway .* it passes");
        failure.Fix!.ShouldContain("proxy_read_timeout");
        failure.Fix!.ShouldContain("330");
    }

    [Fact]
    public async Task ShortTimeout_OfHaProxy_IsFoundWithItsSeconds_AndToldFromTheGateway()
    {
        var examined = await fixture.ExaminedAsync("haproxy 5 s");

        var failure = examined.ShouldHaveOneFailure("LYC-NET-006", "LYC-NET-008", "LYC-NET-009", "LYC-NET-010", "LYC-NET-011");
        failure.Saw.ShouldMatch(@"cut after [5-7]\.\d s by HAProxy \(504\), between http://localhost:\d+/ and the gateway; directly at the gateway .* it passes");
        failure.Fix!.ShouldContain("timeout server");
    }

    [Fact]
    public async Task ShortTimeoutOfSockets_IsFound()
    {
        var examined = await fixture.ExaminedAsync("haproxy tunnel 5 s");

        examined.ShouldHaveOneFailure("LYC-NET-008", "LYC-NET-009", "LYC-NET-011").Saw.ShouldMatch(@"an idle WebSocket was cut after [5-7]\.\d s");
    }

    [Fact]
    public async Task BufferingProxy_IsFound()
    {
        var examined = await fixture.ExaminedAsync("nginx buffers");

        var failure = examined.ShouldHaveOneFailure("LYC-NET-007");
        failure.Saw.ShouldContain("held back by nginx");
        failure.Saw.ShouldContain("directly at the gateway");
        failure.Fix!.ShouldContain("gzip off for text/event-stream");
    }

    [Fact]
    public async Task ProxyWithoutUpgrade_IsFound()
    {
        var examined = await fixture.ExaminedAsync("nginx without upgrade");

        var failure = examined.ShouldHaveOneFailure("LYC-NET-008", "LYC-NET-009", "LYC-NET-011");
        failure.Saw.ShouldContain("does not pass the upgrade on");
        failure.Fix!.ShouldContain("proxy_set_header Upgrade");
    }

    [Theory]
    [InlineData("no token", "no token was given")]
    [InlineData("wrong token", "the token is refused")]
    [InlineData("token without scope", "lacks the scope")]
    public async Task Token_MissingOrRefused_IsTheOneFailure(string way, string saw)
    {
        var examined = await fixture.ExaminedAsync(way);

        var failure = examined.ShouldHaveOneFailure("LYC-NET-004", [.. Enumerable.Range(5, 7).Select(number => $"LYC-NET-{number:000}")]);
        failure.Saw.ShouldContain(saw);
        failure.Fix!.ShouldContain("--token-file");
    }

    [Theory]
    [InlineData("closed port", "no connection")]
    [InlineData("nginx before nothing", "nginx answers 502: it cannot reach the gateway")]
    [InlineData("another server", "by something else: It works!")]
    public async Task Gateway_ThatDoesNotAnswer_IsTheOneFailure(string way, string saw)
    {
        var examined = await fixture.ExaminedAsync(way);

        examined.ShouldHaveOneFailure("LYC-NET-001", [.. Enumerable.Range(2, 10).Select(number => $"LYC-NET-{number:000}")]).Saw.ShouldContain(saw);
    }

    [Fact]
    public async Task Gateway_ThatDoesNotKnowOfTls_IsFound()
    {
        var examined = await fixture.ExaminedAsync("https unknown to the gateway");

        var failure = examined.ShouldHaveOneFailure("LYC-NET-005", "LYC-NET-009");
        failure.Saw.ShouldMatch("takes the address for http://localhost");
        failure.Fix!.ShouldContain("X-Forwarded-Proto: https");
    }

    [Theory]
    [InlineData("engine at localhost", "which is their own machine", "LYC-NET-003")]
    [InlineData("engine without an address", "No session was made", null)]
    [InlineData("engine unreachable", "cannot be reached from here", null)]
    [InlineData("https with ws", "browsers refuse ws", null)]
    public async Task EngineUrl_ThatClientsCannotUse_IsFound(string way, string saw, string? warning)
    {
        var examined = await fixture.ExaminedAsync(way);

        var failure = examined.ShouldHaveOneFailure("LYC-NET-009");
        failure.Saw.ShouldContain(saw);
        failure.Fix!.ShouldContain("Engine:PublicUrl");
        examined.Warnings.ShouldBe(warning is null ? [] : [warning], examined.Text);
    }

    [Theory]
    [InlineData(NetworkFixture.Expired, "expired 1 days ago")]
    [InlineData(NetworkFixture.OtherName, "is of other.example, not of localhost")]
    [InlineData(NetworkFixture.NobodyTrusts, "nobody trusts the certificate")]
    public async Task Certificate_ThatClientsRefuse_IsFound_AndNoTokenIsSent(string way, string saw)
    {
        var examined = await fixture.ExaminedAsync(way);

        examined.ShouldHaveOneFailure("LYC-NET-002", [.. Enumerable.Range(4, 8).Select(number => $"LYC-NET-{number:000}")]).Saw.ShouldContain(saw);
    }

    [Fact]
    public async Task Certificate_ThatEndsSoon_IsAWarning() =>
        (await fixture.ExaminedAsync(NetworkFixture.EndsSoon)).ShouldBeWell("LYC-NET-002");
}
