using System.Net.Http.Headers;
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

    private TestGateway(IdentityFolder identity, Dictionary<string, string?> settings, string environment)
    {
        SecretFile = Path.Combine(_folder.FullName, "ada");
        File.WriteAllText(SecretFile, Secret + "\n");
        _factory = new Factory(environment,
        [
            .. identity.Settings("gateway"),
            new("ConnectionStrings:gatewaydb", NoDatabase),
            new("Auth:Tokens:0:id", "ada"),
            new("Auth:Tokens:0:secret_file", SecretFile),
            new("Auth:Tokens:0:tenant", "acme"),
            new("Auth:Tokens:0:scopes:0", "chat"),
            new("Auth:Tokens:0:scopes:1", "llm"),
            .. settings,
        ]);
    }

    public string SecretFile { get; }

    public HttpClient Client { get; } = new();

    public IServiceProvider Services => _factory.Services;

    public static TestGateway Start(
        IdentityFolder identity, Dictionary<string, string?>? settings = null, string environment = "Production")
    {
        var gateway = new TestGateway(identity, settings ?? [], environment);
        gateway._factory.UseKestrel();
        gateway._factory.StartServer();
        var addresses = gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        gateway.Client.BaseAddress = new Uri(addresses.Addresses.First());
        return gateway;
    }

    /// <summary>The variables of a reference to <paramref name="service"/> with these replicas.</summary>
    public static Dictionary<string, string?> Reference(string service, params Uri[] replicas) => replicas
        .Select((address, index) => (name: index == 0 ? service : $"{service}-{index + 1}", address))
        .ToDictionary(replica => $"services:{replica.name}:http:0", replica => (string?)replica.address.ToString());

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

    private sealed class Factory(string environment, IEnumerable<KeyValuePair<string, string?>> settings)
        : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment(environment);
            builder.UseUrls("http://127.0.0.1:0");
            foreach (var (key, value) in settings)
                builder.UseSetting(key, value);
        }
    }
}
