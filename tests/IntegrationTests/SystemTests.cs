using System.Net;
using System.Text.Json;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests;

/// <summary>Every part is up, says so, and is back after it was killed.</summary>
[Collection(PrimerCollection.Name)]
public sealed class SystemTests(SharedSystem system)
{
    private static readonly TimeSpan BackSoon = TimeSpan.FromSeconds(45);

    public static TheoryData<string> Services => ["gateway", "chat-api", "session-api", "gpu-engine", "roadmap-worker"];

    public static TheoryData<string> Databases => ["chatdb", "sessiondb", "roadmapdb", "gatewaydb"];

    [Theory, MemberData(nameof(Services))]
    public async Task Service_Health_IsOk(string service)
    {
        using var client = system.CreateServiceClient(service);
        using var limit = new CancellationTokenSource(BackSoon);
        var (code, status) = await HealthAsync();
        // A service looks for the broker from time to time: it is degraded, not unwell, until it has found it.
        while (status == "degraded" && !limit.IsCancellationRequested)
        {
            code.ShouldBe(HttpStatusCode.OK);
            await Task.Delay(100);
            (code, status) = await HealthAsync();
        }
        // The engine's word for it is the one that engines before it had.
        (code, status).ShouldBe((HttpStatusCode.OK, service == "gpu-engine" ? "healthy" : "ok"));

        async Task<(HttpStatusCode, string?)> HealthAsync()
        {
            using var response = await client.GetAsync("/health");
            using var health = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            return (response.StatusCode, health.RootElement.GetProperty("status").GetString());
        }
    }

    [Theory, MemberData(nameof(Services))]
    public async Task Service_Alive_IsOk(string service)
    {
        using var client = system.CreateServiceClient(service);
        using var response = await client.GetAsync("/alive");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory, MemberData(nameof(Services))]
    public async Task Service_Version_NamesTheBuild(string service)
    {
        using var client = system.CreateServiceClient(service);
        using var version = JsonDocument.Parse(await client.GetStringAsync("/version"));
        version.RootElement.ValueKind.ShouldBe(JsonValueKind.Object);
        version.RootElement.EnumerateObject().Select(property => property.Name).ShouldContain("git_sha");
    }

    [Theory, MemberData(nameof(Services))]
    public async Task Service_Metrics_AreReadableFromLoopback(string service)
    {
        using var client = system.CreateServiceClient(service);
        using var response = await client.GetAsync("/metrics");
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await response.Content.ReadAsStringAsync()).ShouldContain("# TYPE ");
    }

    [Theory, MemberData(nameof(Databases))]
    public async Task Database_ConnectionString_OpensIt(string name)
    {
        await using var connection = await system.OpenDatabaseAsync(name);
        await using var query = new NpgsqlCommand("SELECT current_database() || ' ' || pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = current_database()", connection);
        (await query.ExecuteScalarAsync()).ShouldBe($"{name} UTF8 C.UTF-8");
    }

    [Fact]
    public async Task Databases_AreUsedWithTheSharedPoolSettings()
    {
        await using var connection = await system.OpenDatabaseAsync("chatdb");
        await using var query = new NpgsqlCommand("SHOW max_connections", connection);
        (await query.ExecuteScalarAsync()).ShouldBe("300");
    }

    [Fact]
    public void Secrets_InTheDataFolder_AreTheirOwnersAlone()
    {
        _ = system.App;
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
        string[] files = ["secrets.json", "dev-token", "state.json", "keys/chat-api.pem", "keys/internal-jwks.json"];
        foreach (var file in files)
            (File.GetUnixFileMode(Path.Combine(system.DataFolder, file)) & others).ShouldBe(UnixFileMode.None, file);
        system.DevelopmentToken.ShouldMatch("^lyceum_dev_[A-Za-z0-9_-]{43}$");
    }

    [Fact]
    public Task Gateway_KilledOutright_IsBackAndHealthy() => IsBackAsync("gateway");

    [Theory, MemberData(nameof(Services))]
    [Trait("Category", "Long")]
    public Task Service_KilledOutright_IsBackAndHealthy(string service) => IsBackAsync(service);

    private async Task IsBackAsync(string service)
    {
        _ = system.App;
        using var limit = new CancellationTokenSource(BackSoon);
        var before = await system.StateAsync(service, state => state.IsUp, limit.Token);

        system.Signal(service, "KILL");

        var after = await system.StateAsync(service, state => state.IsUp && state.Pid != before.Pid, limit.Token);
        after.Restarts.ShouldBe(before.Restarts + 1);
        using var client = system.CreateServiceClient(service);
        (await client.GetAsync("/alive", limit.Token)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public Task Postgres_KilledOutright_IsBackAndHealthy() => ServerIsBackAsync("postgres");

    [Fact]
    [Trait("Category", "Long")]
    public Task Broker_KilledOutright_IsBackAndHealthy() => ServerIsBackAsync("messaging");

    private async Task ServerIsBackAsync(string server)
    {
        _ = system.App;
        Assert.SkipUnless(system.Servers.Contains(server), $"there is no {server} here");
        using var limit = new CancellationTokenSource(BackSoon);
        var before = await system.StateAsync(server, state => state.IsUp && state.Pids.Length > 1, limit.Token);

        // The script that runs it and the server itself, at once: as bad as it can be.
        foreach (var pid in before.Pids)
            system.SignalPid(pid, "KILL");

        await system.StateAsync(server, state => state.IsUp && state.Pid != before.Pid, limit.Token);
        await system.UntilUpAsync(limit.Token);
    }
}
