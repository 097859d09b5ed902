using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>
/// The whole system: real Postgres, real RabbitMQ, every service a process of its own, on a data folder that is deleted
/// afterwards. Its tests are skipped where there is no PostgreSQL.
/// </summary>
public class SystemFixture : IAsyncLifetime
{
    /// <summary>Enough for a cold start on a slow machine, and for a killed process to be back.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("lyceum-system-");
    private readonly ConcurrentDictionary<int, byte> ended = new(); // process ids
    private volatile bool disturbed;
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

    /// <summary>False where there is no PostgreSQL: every test of this system is skipped.</summary>
    protected bool IsAvailable => unavailable is null;

    public string DataFolder => folder.FullName;

    /// <summary>The contents of <c>dev-token</c>: tenant <c>dev</c>, all scopes.</summary>
    public string DevelopmentToken => File.ReadAllText(Path.Combine(DataFolder, "dev-token")).Trim();

    public ResourceNotificationService Notifications => App.Services.GetRequiredService<ResourceNotificationService>();

    /// <summary>Names of what has health checks: the five services and the servers they use.</summary>
    public IReadOnlyList<string> Servers { get; private set; } = [];

    /// <summary>Further configuration of AppHost, as command line arguments (<c>--Lyceum:Replicas:chat-api=2</c>).</summary>
    protected virtual IEnumerable<string> Arguments => [];

    /// <summary>Called before anything else.</summary>
    protected virtual void Prepare()
    {
    }

    /// <summary>Called with AppHost's model before it is built.</summary>
    protected virtual void Configure(IDistributedApplicationBuilder builder)
    {
    }

    /// <summary>Runs beside the start; the system has started when both have ended.</summary>
    protected virtual Task WhileStartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        Prepare();
        try
        {
            string[] arguments =
            [
                "--environment=Development", $"--Lyceum:Data={DataFolder}", "--Lyceum:Port=0", "--Lyceum:WebDev=false", .. Arguments,
            ];
            var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.AppHost>(arguments, limit.Token);
            Configure(builder);
            Servers = [.. builder.Resources
                .Where(resource => resource.Annotations.OfType<HealthCheckAnnotation>().Any())
                .Select(resource => resource.Name)];
            // What the services say goes into the test log; what AppHost asks them every few seconds does not.
            builder.Services.AddLogging(logging => logging
                .SetMinimumLevel(LogLevel.Warning).AddFilter("AppHost.Resources", LogLevel.Information)
                .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)); // tests kill services
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

    /// <summary>Through the gateway, as the development token's owner.</summary>
    public HttpClient CreateGatewayClient()
    {
        var client = CreateAnonymousClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", DevelopmentToken);
        return client;
    }

    /// <summary>Through the gateway, without credentials.</summary>
    public HttpClient CreateAnonymousClient() => App.CreateHttpClient("gateway", "http");

    /// <summary>Straight to a service, past the gateway.</summary>
    public HttpClient CreateServiceClient(string service) => App.CreateHttpClient(service, "http");

    public async Task<string> GetConnectionStringAsync(string database) =>
        await App.GetConnectionStringAsync(database) ?? throw new InvalidOperationException($"no database {database}");

    /// <summary>A connection of the test's own. Not pooled: tests kill the server.</summary>
    public async Task<NpgsqlConnection> OpenDatabaseAsync(string database)
    {
        var connection = new NpgsqlConnection($"{await GetConnectionStringAsync(database)};Pooling=false");
        await connection.OpenAsync();
        return connection;
    }

    public Task<ResourceEvent> HealthyAsync(string resource, CancellationToken cancellationToken) =>
        Notifications.WaitForResourceHealthyAsync(resource, WaitBehavior.WaitOnResourceUnavailable, cancellationToken);

    /// <summary>Stops or starts a resource as an operator does; it has ended, or is healthy, when this returns.</summary>
    public async Task CommandAsync(string resource, string command, CancellationToken cancellationToken = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        Disturb(FindState(resource)?.Pids ?? []);
        var result = await App.Services.GetRequiredService<ResourceCommandService>()
            .ExecuteCommandAsync(resource, command, limit.Token);
        result.Success.ShouldBeTrue(result.Message);
        if (command == KnownResourceCommands.StartCommand)
            await HealthyAsync(resource, limit.Token);
        else
            await Notifications.WaitForResourceAsync(resource, KnownResourceStates.TerminalStates, limit.Token);
    }

    public int PidOf(string resource) => State(resource).Pid ?? throw new InvalidOperationException($"{resource} is down");

    /// <summary>Sends a signal (<c>KILL</c>, <c>TERM</c>, <c>STOP</c>, …) to the process of a resource.</summary>
    public void Signal(string resource, string signal) => SignalPid(PidOf(resource), signal);

    /// <summary>False if the process was gone already.</summary>
    public bool SignalPid(int pid, string signal)
    {
        Disturb(signal is "KILL" or "TERM" or "QUIT" ? [pid] : []);
        using var kill = Process.Start(new ProcessStartInfo("kill", [$"-{signal}", $"{pid}"]) { RedirectStandardError = true })!;
        kill.WaitForExit();
        return kill.ExitCode == 0;
    }

    /// <summary>
    /// After a test that killed or stopped something: waits until every server runs as a process that no test ended
    /// (state.json may be older than that), and every service says for itself that it serves.
    /// </summary>
    public async Task UntilUpAsync(CancellationToken cancellationToken = default)
    {
        if (!disturbed)
            return;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        foreach (var server in Servers)
            await StateAsync(server, state => state.IsUp && !ended.ContainsKey(state.Pid!.Value), limit.Token);
        foreach (var service in Servers.Where(server => State(server).Type == "project"))
        {
            using var http = CreateServiceClient(service);
            await Eventually.TrueAsync(() => IsServingAsync(http, limit.Token), $"{service} serves", Limit.TotalSeconds);
        }
        disturbed = false;
    }

    private void Disturb(IEnumerable<int> pids)
    {
        foreach (var pid in pids)
            ended.TryAdd(pid, 0);
        disturbed = true;
    }

    private static async Task<bool> IsServingAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var health = await http.GetAsync("/health", cancellationToken);
            return health.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

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
