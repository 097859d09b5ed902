using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests.Tools;

/// <summary>
/// Gateways over one real database, without a broker: nothing may need one. Tokens: <see cref="Ada"/> and <see cref="Bob"/> administer
/// the tools of two tenants, <see cref="Cyd"/> calls those of Ada's.
/// </summary>
public sealed class ToolGateways : IAsyncDisposable
{
    public const string Ada = "ada-administers-the-tools-of-acme";
    public const string Bob = "bob-administers-the-tools-of-beta";
    public const string Cyd = "cyd-calls-the-tools-of-acme-alone";

    private readonly IdentityFolder _identity = new("gateway");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-tools-");
    private readonly List<TestGateway> _gateways = [];
    private readonly string _database;
    private Action<JsonNode>? _cyd; // changes her token in the configuration file

    private ToolGateways(string database) => _database = database;

    public TestGateway Gateway => _gateways[0];

    public IReadOnlyList<TestGateway> Gateways => _gateways;

    /// <param name="tools">The section <c>tools</c> of the configuration file.</param>
    public static async Task<ToolGateways> StartAsync(PostgresFixture postgres, Action<JsonObject>? tools = null, int replicas = 1, Action<JsonNode>? cyd = null)
    {
        var gateways = new ToolGateways(await postgres.CreateDatabaseAsync()) { _cyd = cyd };
        for (var i = 0; i < replicas; i++)
            await gateways.AddReplicaAsync(tools);
        return gateways;
    }

    public async Task<TestGateway> AddReplicaAsync(Action<JsonObject>? tools = null, string? database = null)
    {
        var gateway = TestGateway.Start(_identity, new() { ["ConnectionStrings:gatewaydb"] = $"{database ?? _database};Maximum Pool Size=8;Timeout=2" },
            configure: configuration => Configure(configuration, tools));
        _gateways.Add(gateway);
        if (database is null)
            await Eventually.TrueAsync(async () => (await gateway.GetAsync("/api/tools", Cyd)).IsSuccessStatusCode, "the registry is read");
        return gateway;
    }

    /// <summary>Cuts every connection to the database, and lets none be made until it is let in again.</summary>
    public async Task SetDatabaseAsync(bool isThere)
    {
        var name = new NpgsqlConnectionStringBuilder(_database).Database;
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(_database) { Database = "postgres", Pooling = false }.ConnectionString);
        await source.CreateCommand($"ALTER DATABASE {name} ALLOW_CONNECTIONS {isThere}").ExecuteNonQueryAsync();
        await source.CreateCommand($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'").ExecuteNonQueryAsync();
    }

    /// <summary>Changes the section <c>tools</c> of a gateway that runs.</summary>
    public void Configure(Action<JsonObject> tools) => Gateway.Configure(configuration => Configure(configuration, tools));

    private void Configure(JsonObject configuration, Action<JsonObject>? tools)
    {
        configuration["auth"]!["tokens"] = new JsonArray(
            TestGateway.Token("ada", "acme", ["tools", "tools.admin"], ("secret_file", File("ada", Ada))),
            TestGateway.Token("bob", "beta", ["tools", "tools.admin"], ("secret_file", File("bob", Bob))),
            TestGateway.Token("cyd", "acme", ["tools"], ("secret_file", File("cyd", Cyd))));
        _cyd?.Invoke(configuration["auth"]!["tokens"]![2]!);
        var section = new JsonObject();
        tools?.Invoke(section);
        configuration["tools"] = section;
    }

    /// <summary>A file with a secret.</summary>
    public string File(string name, string content)
    {
        var path = Path.Combine(_folder.FullName, name);
        System.IO.File.WriteAllText(path, content + "\n");
        return path;
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json, string token = Ada, TestGateway? gateway = null) =>
        (gateway ?? Gateway).SendAsync(HttpMethod.Post, path, token, new StringContent(json, Encoding.UTF8, "application/json"));

    public Task<HttpResponseMessage> RegisterAsync(string version, string manifests, string token = Ada, bool activate = true, TestGateway? gateway = null) =>
        PostAsync("/api/config/tools", $$"""{"version":"{{version}}","manifests":{{manifests}},"activate":{{(activate ? "true" : "false")}}}""", token, gateway);

    /// <summary>Registers one tool, in a version of its own, and puts it in force.</summary>
    public async Task OfferAsync(string manifest, string token = Ada)
    {
        var response = await RegisterAsync($"v{Guid.NewGuid():N}", $"[{manifest}]", token);
        response.StatusCode.ShouldBe(System.Net.HttpStatusCode.Created, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public Task<HttpResponseMessage> ExecuteAsync(string tool, string input = "{}", string token = Cyd, TestGateway? gateway = null) =>
        PostAsync("/api/tools/execute", $$"""{"tool":"{{tool}}","input":{{input}}}""", token, gateway);

    /// <summary>The output of a call that must succeed.</summary>
    public async Task<JsonElement> OutputAsync(string tool, string input = "{}", string token = Cyd)
    {
        var response = await ExecuteAsync(tool, input, token);
        var body = await response.JsonAsync();
        response.IsSuccessStatusCode.ShouldBeTrue(body.ToString());
        body.GetProperty("status").GetString().ShouldBe("ok");
        return body.GetProperty("output");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_folder.Exists)
            return;
        foreach (var gateway in _gateways)
            await gateway.DisposeAsync();
        _identity.Dispose();
        _folder.Delete(recursive: true);
        _folder.Refresh();
    }
}

/// <summary>Gateways that the tests of a class share. Their tools may connect to this machine; each test begins with the built-in tools.</summary>
public sealed class SharedToolGateways(PostgresFixture postgres) : IAsyncLifetime
{
    public ToolGateways Gateways { get; private set; } = null!;

    public async ValueTask InitializeAsync() =>
        Gateways = await ToolGateways.StartAsync(postgres, tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.1") });

    public async ValueTask DisposeAsync() => await Gateways.DisposeAsync();
}
