using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>What a tenant may keep of records and events.</summary>
public sealed class QuotaTests(PostgresFixture postgres) : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway");
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = TestGateway.Start(_identity, new()
        {
            ["ConnectionStrings:gatewaydb"] = await postgres.CreateDatabaseAsync(),
            ["Repo:MaxRows"] = "5", ["Observe:MaxEvents"] = "1000", ["Observe:MaxBytes"] = "2000",
        }, configure: configuration => configuration["auth"]!["tokens"]![0]!["scopes"] = new JsonArray("repo", "observe"));
        await Eventually.TrueAsync(async () => (await _gateway.GetAsync("/api/observe/events")).IsSuccessStatusCode, "the database is ready");
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _identity.Dispose();
    }

    private Task<HttpResponseMessage> AppendAsync(params string[] ids) => _gateway.SendAsync(
        HttpMethod.Post, "/api/repo/append", content: JsonContent.Create(new { records = ids.Select(id => new { id }) }));

    private Task<HttpResponseMessage> EmitAsync(int bytes) => _gateway.SendAsync(HttpMethod.Post, "/api/observe/emit", content: JsonContent.Create(
        new { events = new[] { new { type = "t", attributes = new { text = new string('x', bytes) } } } }));

    [Fact]
    public async Task Records_BeyondTheQuota_AreRefused_AndThoseThatAreThereAreStillAnswered()
    {
        (await AppendAsync("a", "b", "c")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await AppendAsync("d", "e", "f")).ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");
        (await AppendAsync("d", "e")).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await AppendAsync("f")).ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");
        (await AppendAsync("a", "b", "c")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Events_BeyondTheQuota_AreRefused()
    {
        (await EmitAsync(1_500)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await (await EmitAsync(1_500)).ShouldBeProblem(HttpStatusCode.Conflict, "limit_reached");
    }
}
