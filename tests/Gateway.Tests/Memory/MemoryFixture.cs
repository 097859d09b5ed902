using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.Gateway.Tests.Memory;

/// <summary>A gateway on a real database, and a token each of two tenants, for repo, graph and observe.</summary>
public sealed class MemoryFixture(PostgresFixture postgres) : IAsyncLifetime
{
    private static readonly string[] Tenants = ["acme", "globex"];
    private static readonly string[] Scopes = ["repo", "graph", "observe"];

    private readonly IdentityFolder _identity = new("gateway");
    private TestGateway _gateway = null!;

    public IServiceProvider Services => _gateway.Services;

    public NpgsqlDataSource Database => Services.GetRequiredService<NpgsqlDataSource>();

    public async ValueTask InitializeAsync()
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings:gatewaydb"] = $"Maximum Pool Size=20;{await postgres.CreateDatabaseAsync()}" };
        void Configure(JsonObject configuration)
        {
            foreach (var tenant in Tenants)
            {
                var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"secret of {tenant}")));
                configuration["auth"]!["tokens"]!.AsArray().Add(TestGateway.Token($"{tenant}-app", tenant, Scopes, ("secret_sha256", hash)));
            }
        }
        _gateway = TestGateway.Start(_identity, settings, configure: Configure);
        await Eventually.TrueAsync(async () => (await SendAsync(HttpMethod.Get, "/api/observe/events")).IsSuccessStatusCode, "the database is ready");
    }

    public async ValueTask DisposeAsync()
    {
        if (_gateway is not null)
            await _gateway.DisposeAsync();
        _identity.Dispose();
    }

    /// <param name="body">JSON text as it is, anything else as JSON.</param>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null, string tenant = "acme") =>
        _gateway.SendAsync(method, path, $"secret of {tenant}", body switch
        {
            null => null,
            string json => new StringContent(json, Encoding.UTF8, "application/json"),
            _ => JsonContent.Create(body),
        });

    public Task<HttpResponseMessage> AppendAsync(object body, string tenant = "acme") => SendAsync(HttpMethod.Post, "/api/repo/append", body, tenant);

    public Task<HttpResponseMessage> RecallAsync(string query, string tenant = "acme") => SendAsync(HttpMethod.Get, $"/api/graph/recall?{query}", tenant: tenant);

    public Task<HttpResponseMessage> EmitAsync(object body, string tenant = "acme") => SendAsync(HttpMethod.Post, "/api/observe/emit", body, tenant);

    /// <summary>What a success says.</summary>
    public static async Task<JsonElement> OkAsync(Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var json = await response.JsonAsync();
        response.IsSuccessStatusCode.ShouldBeTrue(json.ToString());
        return json;
    }

    /// <summary>Names of nobody else's.</summary>
    public static string New(string name) => $"{name}-{Guid.NewGuid():N}";
}

[CollectionDefinition(Name)]
public sealed class MemoryCollection : ICollectionFixture<MemoryFixture>
{
    public const string Name = "memory";
}
