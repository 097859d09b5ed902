using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>The real gateway on real Kestrel, before backends of the test's choice.</summary>
public sealed class TestGateway : IAsyncDisposable
{
    public const string Secret = "ada-chats-and-talks-to-models";

    /// <summary>Nobody listens there: what a test that needs no database gets.</summary>
    private const string NoDatabase = "Host=127.0.0.1;Port=9;Timeout=1;Database=none;Username=nobody";

    private readonly Factory _factory;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-gateway-");

    private TestGateway(
        IdentityFolder identity, Dictionary<string, string?> settings, string environment, Action<JsonObject>? configure,
        Action<IServiceCollection>? services)
    {
        SecretFile = Path.Combine(_folder.FullName, "ada");
        File.WriteAllText(SecretFile, Secret + "\n");
        ConfigurationFile = Path.Combine(_folder.FullName, "gateway.json");
        Configure(configure);
        _factory = new Factory(environment, services,
        [
            .. identity.Settings("gateway"),
            new("ConnectionStrings:gatewaydb", NoDatabase),
            new("GATEWAY_CONFIG_FILE", ConfigurationFile),
            .. settings,
        ]);
    }

    public string SecretFile { get; }

    public string ConfigurationFile { get; }

    public HttpClient Client { get; } = new();

    public IServiceProvider Services => _factory.Services;

    /// <param name="configure">Changes the configuration file, which knows one token: <see cref="Secret"/>, with the scopes chat and llm.</param>
    public static TestGateway Start(
        IdentityFolder identity, Dictionary<string, string?>? settings = null, string environment = "Production",
        Action<JsonObject>? configure = null, Action<IServiceCollection>? services = null)
    {
        var gateway = new TestGateway(identity, settings ?? [], environment, configure, services);
        gateway._factory.UseKestrel();
        gateway._factory.StartServer();
        var addresses = gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        gateway.Client.BaseAddress = new Uri(addresses.Addresses.First());
        return gateway;
    }

    /// <summary>Writes the configuration file anew, beside and moved over: a running gateway follows within a second.</summary>
    public void Configure(Action<JsonObject>? change)
    {
        var configuration = new JsonObject
        {
            ["auth"] = new JsonObject
            {
                ["grace"] = "00:00:00",
                ["tokens"] = new JsonArray(Token("ada", "acme", ["chat", "llm"], ("secret_file", "ada"))),
                ["hmac_keys"] = new JsonArray(),
            },
        };
        change?.Invoke(configuration);
        File.WriteAllText(ConfigurationFile + ".new", configuration.ToJsonString());
        File.Move(ConfigurationFile + ".new", ConfigurationFile, overwrite: true);
    }

    /// <summary>An entry of <c>auth.tokens</c> or <c>auth.hmac_keys</c>.</summary>
    public static JsonObject Token(string id, string tenant, string[] scopes, params (string Key, string Value)[] more)
    {
        var token = new JsonObject { ["id"] = id, ["tenant"] = tenant, ["scopes"] = JsonSerializer.SerializeToNode(scopes) };
        foreach (var (key, value) in more)
            token[key] = value;
        return token;
    }

    /// <summary>The variables of a reference to <paramref name="service"/> with these replicas.</summary>
    public static Dictionary<string, string?> Reference(string service, params Uri[] replicas) => replicas
        .Index().ToDictionary(replica => $"services:{service}:http:{replica.Index}", replica => (string?)replica.Item.ToString());

    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, string? token = Secret, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? token = Secret) => SendAsync(HttpMethod.Get, path, token);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _factory.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private sealed class Factory(
        string environment, Action<IServiceCollection>? services, IEnumerable<KeyValuePair<string, string?>> settings)
        : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment(environment);
            builder.UseUrls("http://127.0.0.1:0");
            foreach (var (key, value) in settings)
                builder.UseSetting(key, value);
            if (services is not null)
                builder.ConfigureServices(services);
        }
    }
}
