using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.House;

/// <summary>
/// The whole house, started once for the collection: real Postgres, real RabbitMQ, every service a process of its own,
/// on a data folder that is gone afterwards. Skips its tests where there is no PostgreSQL to be had.
/// </summary>
public class HouseFixture : IAsyncLifetime
{
    /// <summary>Long enough for a cold start on a slow machine; every wait on the house ends by then.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    // Below a 0700 folder, as everything in the system's temporary folder is for its owner.
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("lyceum-house-");
    private DistributedApplication? app;
    private string? unavailable;

    /// <summary>Aspire's own view of the running system; throws the skip where there is none.</summary>
    public DistributedApplication App
    {
        get
        {
            Assert.SkipWhen(unavailable is not null, unavailable ?? "");
            return app!;
        }
    }

    /// <summary>False where there is no PostgreSQL to be had: every test of this house skips.</summary>
    protected bool IsAvailable => unavailable is null;

    public string DataFolder => folder.FullName;

    /// <summary>The contents of <c>dev-token</c>: tenant <c>dev</c>, all scopes.</summary>
    public string DevelopmentToken => File.ReadAllText(Path.Combine(DataFolder, "dev-token")).Trim();

    public ResourceNotificationService Notifications => App.Services.GetRequiredService<ResourceNotificationService>();

    /// <summary>Names of what has health checks: the five services and the servers they use.</summary>
    public IReadOnlyList<string> Servers { get; private set; } = [];

    /// <summary>Further configuration of AppHost, as command line arguments (<c>--Lyceum:Replicas:chat-api=2</c>).</summary>
    protected virtual IEnumerable<string> Arguments => [];

    /// <summary>Happens before anything else.</summary>
    protected virtual void Prepare()
    {
    }

    /// <summary>Happens beside the start of the house, which is over when both are.</summary>
    protected virtual Task WhileStartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        Prepare();
        try
        {
            string[] arguments =
            [
                "--environment=Development", $"--Lyceum:Data={DataFolder}", "--Lyceum:Port=0", .. Arguments,
            ];
            var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(arguments, limit.Token);
            Servers = [.. builder.Resources
                .Where(resource => resource.Annotations.OfType<HealthCheckAnnotation>().Any())
                .Select(resource => resource.Name)];
            // What the services say goes into the test log; what AppHost asks them every few seconds does not.
            builder.Services.AddLogging(logging => logging
                .SetMinimumLevel(LogLevel.Warning).AddFilter("AppHost.Resources", LogLevel.Information)
                .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)); // a service that a test killed is no news
            app = await builder.BuildAsync(limit.Token);
        }
        catch (Exception e) when (e.GetBaseException().Message.StartsWith("No PostgreSQL", StringComparison.Ordinal))
        {
            unavailable = e.GetBaseException().Message;
            return;
        }
        try
        {
            var start = app.StartAsync(limit.Token);
            await WhileStartingAsync(limit.Token);
            await start;
            await Task.WhenAll(Servers.Select(name => HealthyAsync(name, limit.Token)));
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested)
        {
            var state = Path.Combine(DataFolder, "state.json");
            throw new TimeoutException(
                $"Not healthy within {Limit}: {(File.Exists(state) ? await File.ReadAllTextAsync(state) : "nothing has started")}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
            await app.DisposeAsync();
        folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Through the public door, as the development token's owner.</summary>
    public HttpClient CreateGatewayClient()
    {
        var client = CreateAnonymousClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", DevelopmentToken);
        return client;
    }

    /// <summary>Through the public door, as nobody.</summary>
    public HttpClient CreateAnonymousClient() => App.CreateHttpClient("gateway", "http");

    /// <summary>Straight to a service, past the door.</summary>
    public HttpClient CreateServiceClient(string service) => App.CreateHttpClient(service, "http");

    public async Task<string> GetConnectionStringAsync(string database) =>
        await App.GetConnectionStringAsync(database) ?? throw new InvalidOperationException($"no database {database}");

    public Task<ResourceEvent> HealthyAsync(string resource, CancellationToken cancellationToken) =>
        Notifications.WaitForResourceHealthyAsync(resource, WaitBehavior.WaitOnResourceUnavailable, cancellationToken);

    /// <summary>What state.json says about a resource now.</summary>
    public ResourceInState State(string resource) =>
        FindState(resource) ?? throw new InvalidOperationException($"state.json says nothing of {resource}");

    /// <summary>Waits until state.json says so: it is written on every change, and polled here.</summary>
    public async Task<ResourceInState> StateAsync(
        string resource, Func<ResourceInState, bool> condition, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (FindState(resource) is { } state && condition(state))
                return state;
            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>What state.json says about a resource now; null if there is no such resource.</summary>
    public ResourceInState? FindState(string resource)
    {
        var path = Path.Combine(DataFolder, "state.json");
        if (!File.Exists(path))
            return null;
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.GetProperty("resources").EnumerateArray()
            .Where(entry => entry.GetProperty("name").GetString() == resource)
            .Select(entry => entry.Deserialize<ResourceInState>(JsonSerializerOptions.Strict))
            .SingleOrDefault();
    }
}

/// <summary>One resource's entry in state.json; its names are part of what is promised.</summary>
public sealed record ResourceInState(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("type")] string Type,
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("health")] string? Health,
    [property: JsonPropertyName("pid")] int? Pid,
    [property: JsonPropertyName("pids")] int[] Pids,
    [property: JsonPropertyName("urls")] string[] Urls,
    [property: JsonPropertyName("connection_string")] string? ConnectionString,
    [property: JsonPropertyName("restarts")] int Restarts)
{
    /// <summary>Its process is there, and its health checks say so.</summary>
    public bool IsUp => State == "Running" && Health == "healthy" && Pid is not null;
}

/// <summary>Tests that share one running house; they leave it as healthy as they found it.</summary>
[CollectionDefinition(Name)]
public sealed class HouseCollection : ICollectionFixture<HouseFixture>
{
    public const string Name = "house";
}
