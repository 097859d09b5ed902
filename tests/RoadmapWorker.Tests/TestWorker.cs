using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Models;
using Lyceum.Durability.Leases;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests;

/// <summary>
/// The real RoadmapWorker on real Kestrel and a real database, with a kind of work beside roadmaps that does what a test says, and a
/// model that says what a test says. There is no broker: nothing may need one.
/// </summary>
public sealed class TestWorker : IAsyncDisposable
{
    private static readonly IdentityFolder Identity = new("gateway", "roadmap-worker");
    private readonly Factory _factory;

    private TestWorker(string database, ProbeKind probe, ILanguageModel? model, (string Key, string Value)[] settings)
    {
        Probe = probe;
        _factory = new Factory(probe, model, Log,
            [.. Identity.Settings("roadmap-worker"), new("ConnectionStrings:roadmapdb", $"Minimum Pool Size=0;{database};Maximum Pool Size=10"),
                // Tests order by the hundred at once: a busy machine may take a while over that. PoolTests has the usual wait.
                new("Jobs:PoolWait", "00:01:00"),
                .. settings.Select(setting => new KeyValuePair<string, string?>(setting.Key, setting.Value))]);
    }

    public ProbeKind Probe { get; }
    public LogList Log { get; } = new();
    public HttpClient Client { get; } = new();
    public IServiceProvider Services => _factory.Services;
    public JobStore Jobs => Services.GetRequiredService<JobStore>();
    public RunningJobs Running => Services.GetRequiredService<RunningJobs>();
    public LeaseKeeper Lease => Services.GetRequiredService<LeaseKeeper>();
    public NpgsqlDataSource Database => Services.GetRequiredService<NpgsqlDataSource>();

    public static async Task<TestWorker> StartAsync(
        string database, ProbeKind? probe = null, ILanguageModel? model = null, params (string Key, string Value)[] settings)
    {
        var worker = new TestWorker(database, probe ?? new ProbeKind(), model, settings);
        worker._factory.UseKestrel();
        worker._factory.StartServer();
        worker.Client.BaseAddress = new Uri(worker.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        await Eventually.TrueAsync(() => worker.Lease.IsHeld, "the lease is held");
        return worker;
    }

    /// <summary>What the gateway would forward for <paramref name="subject"/>.</summary>
    /// <param name="body">Content as it is, anything else as JSON.</param>
    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, object? body = null, string subject = "ada", string tenant = "dev", params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = body is null ? null : body as HttpContent ?? JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Identity.Token(sub: subject, scope: "roadmaps collab practice classes", tenant: tenant));
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>What the gateway would forward for a person who is signed in, with a role.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Json)> AsAsync(
        string role, string subject, HttpMethod method, string path, object? body = null, string tenant = "dev", string? key = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Identity.Token(
            sub: subject, kind: "user", tenant: tenant, role: role,
            scope: role == "student" ? "chat sessions roadmaps practice" : "roadmaps practice classes"));
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return (response.StatusCode, text.StartsWith('{') ? JsonElement.Parse(text) : default);
    }

    public async Task<JsonElement> JsonAsync(HttpMethod method, string path, object? body = null, string subject = "ada")
    {
        using var response = await SendAsync(method, path, body, subject);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>A new task of the probe.</summary>
    public async Task<Guid> OrderAsync(string input = "{}", int priority = JobPriority.Normal) =>
        (await Jobs.AddAsync(new(ProbeKind.KindName, "dev", "ada", input, priority), TestContext.Current.CancellationToken)).TaskId;

    public async Task<string> StatusAsync(Guid task) => (string)(await ScalarAsync("SELECT status FROM jobs WHERE task_id = $1", task))!;

    public Task UntilAsync(Guid task, string status) =>
        Eventually.TrueAsync(async () => await StatusAsync(task) == status, $"the task is {status}");

    public async Task<List<JobEvent>> EventsAsync(Guid task) => await Jobs.EventsAsync(task, 0, 1000, TestContext.Current.CancellationToken);

    public async Task<List<JobLog>> LogsAsync(Guid task) => await Jobs.LogsAsync(task, TestContext.Current.CancellationToken);

    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync();
    }

    /// <summary>The orderly end.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _factory.DisposeAsync();
    }

    private sealed class Factory(
        ProbeKind probe, ILanguageModel? model, LogList log, IEnumerable<KeyValuePair<string, string?>> settings)
        : WebApplicationFactory<Lyceum.RoadmapWorker.Data.RoadmapDb> // of the service; Program is ambiguous
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseEnvironment("Development");
            builder.UseUrls("http://127.0.0.1:0");
            foreach (var (key, value) in settings)
                builder.UseSetting(key, value);
            builder.ConfigureLogging(logging => logging.AddProvider(log));
            builder.ConfigureServices(services =>
            {
                services.AddSingleton<IJobKind>(probe);
                if (model is not null)
                    services.Replace(ServiceDescriptor.Singleton(model));
            });
        }
    }
}

/// <summary>Work whose stages do what a test says. Without a word: three stages a, b, c that leave their names.</summary>
public sealed class ProbeKind : IJobKind
{
    public const string KindName = "probe";

    public string Name => KindName;
    public string FirstStage => "a";
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Every run of every stage that was begun: task and stage.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<(Guid Task, string Stage)> Runs { get; } = new();

    public Func<JobContext, string, CancellationToken, Task<StageResult>>? Does { get; set; }

    public Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken)
    {
        Runs.Enqueue((job.TaskId, stage));
        return Does?.Invoke(job, stage, cancellationToken) ?? Task.FromResult(Done(stage));
    }

    public static StageResult Done(string stage) => new($"\"{stage}\"", stage switch { "a" => "b", "b" => "c", _ => null },
        stage switch { "a" => 30, "b" => 60, _ => 100 });

    public static async Task<StageResult> ForeverAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout0, cancellationToken);
        return Done("c");
    }

    private static readonly TimeSpan Timeout0 = System.Threading.Timeout.InfiniteTimeSpan;

    public void OnChanged(JobChange change)
    {
    }
}
