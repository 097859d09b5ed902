using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.SessionApi.Tests;

/// <summary>
/// The real SessionApi on real Kestrel and a real database, and callers as the gateway would present them.
/// </summary>
public sealed class TestSessions : IAsyncDisposable
{
    public const string Password = "a quiet afternoon";

    private readonly Factory _factory;

    private TestSessions(IdentityFolder identity, string database, string environment, int iterations, Dictionary<string, string?> settings)
    {
        Identity = identity;
        _factory = new Factory(environment, iterations, Log,
            [.. identity.Settings("session-api"), new("ConnectionStrings:sessiondb", $"{database};Maximum Pool Size=10"), .. settings]);
    }

    public IdentityFolder Identity { get; }

    public LogList Log { get; } = new();

    public HttpClient Client { get; } = new();

    public IServiceProvider Services => _factory.Services;

    public NpgsqlDataSource Database => Services.GetRequiredService<NpgsqlDataSource>();

    /// <param name="iterations">Of the password hash; few, where what it costs is not what is tested.</param>
    public static async Task<TestSessions> StartAsync(
        IdentityFolder identity, string database, string environment = "Development", int iterations = 1000,
        Dictionary<string, string?>? settings = null)
    {
        var sessions = new TestSessions(identity, database, environment, iterations, settings ?? []);
        sessions._factory.UseKestrel();
        sessions._factory.StartServer();
        var addresses = sessions.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        sessions.Client.BaseAddress = new Uri(addresses.Addresses.First());
        await sessions.Services.GetRequiredService<Lyceum.Durability.Postgres.DatabaseReady>().WaitAsync(TestContext.Current.CancellationToken);
        return sessions;
    }

    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, object? body = null, string? token = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> PostAsync(
        string path, object? body = null, string? token = null, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, body, token, headers);

    public Task<HttpResponseMessage> SignInAsync(string username, string password = Password, string? from = null, bool cookie = false) =>
        PostAsync("/api/auth/login", new { username, password, cookie }, headers: from is null ? [] : [("X-Forwarded-For", from)]);

    /// <summary>Registers somebody whose name nobody else has, and signs them in.</summary>
    public async Task<Person> PersonAsync()
    {
        var username = $"ada-{Guid.NewGuid():N}";
        (await PostAsync("/api/auth/register", new { username, password = Password })).StatusCode.ShouldBe(System.Net.HttpStatusCode.Created);
        return await PersonAsync(username);
    }

    public async Task<Person> PersonAsync(string username, string password = Password)
    {
        var response = await SignInAsync(username, password);
        response.StatusCode.ShouldBe(System.Net.HttpStatusCode.OK);
        return Person.Of(await response.JsonAsync(), Identity);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _factory.DisposeAsync();
    }

    private sealed class Factory(
        string environment, int iterations, ILoggerProvider log, IEnumerable<KeyValuePair<string, string?>> settings)
        : WebApplicationFactory<Program>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment(environment);
            builder.UseUrls("http://127.0.0.1:0");
            foreach (var (key, value) in settings)
                builder.UseSetting(key, value);
            builder.ConfigureLogging(logging => logging.AddProvider(log));
            builder.ConfigureServices(services => services.PostConfigure<PasswordHasherOptions>(hasher => hasher.IterationCount = iterations));
        }
    }
}

/// <summary>Somebody with an account, signed in.</summary>
/// <param name="Identity">What the gateway would forward for them, made anew each time.</param>
public sealed record Person(Guid Id, string Tenant, string Username, string AccessToken, string RefreshToken, Func<string> Identity)
{
    public static Person Of(JsonElement signedIn, IdentityFolder keys)
    {
        var account = signedIn.GetProperty("account");
        var (id, tenant) = (account.GetProperty("id").GetGuid(), account.GetProperty("tenant").GetString()!);
        return new(
            id, tenant, account.GetProperty("username").GetString()!, signedIn.GetProperty("access_token").GetString()!,
            signedIn.GetProperty("refresh_token").GetString()!,
            () => keys.Token(sub: id.ToString(), tenant: tenant, kind: "user", scope: "tutors sessions chat classes",
                role: account.GetProperty("role").GetString()));
    }
}
