using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Lyceum.Tests.Support.Postgres;
using Lyceum.Tests.Support.Services;

namespace Lyceum.Tests.Contracts;

/// <summary>
/// The real gateway with all that it needs for its native API, by itself: PostgreSQL, an engine (with the built-in answerer) and a
/// worker, each a process of its own, and a configuration file made for the purpose. The credentials are those of
/// <c>GATEWAY_TOKEN_LOCAL</c> and <c>GATEWAY_HMAC_LOCAL</c>, or generated; the port is <c>GATEWAY_PORT</c>, or a free one.
/// </summary>
public sealed class GatewayProcess : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lyceum-contracts-");
    private readonly IdentityFolder _identity = new("gateway", "gpu-engine", "roadmap-worker");
    private readonly PostgresServer _postgres = new();
    private readonly ConcurrentBag<ServiceProcess> _services = [];

    /// <summary>Of the key <c>local</c>, which signs requests.</summary>
    public string HmacSecret { get; } =
        Environment.GetEnvironmentVariable("GATEWAY_HMAC_LOCAL") is { Length: > 0 } given ? given : NewSecret();

    /// <summary>To the gateway, with the token.</summary>
    public HttpClient Client { get; } = new() { Timeout = Patience };

    public async ValueTask InitializeAsync()
    {
        var token = Environment.GetEnvironmentVariable("GATEWAY_TOKEN_LOCAL") is { Length: > 0 } given ? given : NewSecret();
        var port = int.TryParse(Environment.GetEnvironmentVariable("GATEWAY_PORT"), CultureInfo.InvariantCulture, out var wanted) ? wanted : 0;

        var engine = AddAsync("GpuEngine", [.. _identity.Settings("gpu-engine"), new("Engine:Transcripts:Folder", Path.Combine(_folder.FullName, "transcripts"))]);
        await _postgres.StartAsync();
        if (!_postgres.IsAvailable)
        {
            await engine;
            return; // and every test skips
        }
        KeyValuePair<string, string?> engines = new("services:gpu-engine:http:0", $"{(await engine).Address}");
        var workerPort = PostgresServer.FreePort(); // told to the gateway before the worker listens: they start at the same time
        var worker = AddAsync("RoadmapWorker",
            [.. _identity.Settings("roadmap-worker"), new("ConnectionStrings:roadmapdb", Database("roadmapdb")), engines], workerPort);
        var gateway = AddAsync("Gateway",
        [
            .. _identity.Settings("gateway"), new("ConnectionStrings:gatewaydb", Database("gatewaydb")), engines,
            new("services:roadmap-worker:http:0", $"http://127.0.0.1:{workerPort}"), new("GATEWAY_CONFIG_FILE", await WriteConfigurationAsync()),
            new("GATEWAY_TOKEN_LOCAL", token), new("GATEWAY_HMAC_LOCAL", HmacSecret),
        ], port);
        await worker;
        Client.BaseAddress = (await gateway).Address;
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        await ReadyAsync("/api/observe/events", "/api/collab", "/v1/models");
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        foreach (var service in _services)
            await service.DisposeAsync();
        await _postgres.DisposeAsync();
        _identity.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>What a success says.</summary>
    public async Task<JsonElement> SendAsync(HttpMethod method, string path, object? body = null)
    {
        Assert.SkipUnless(_postgres.IsAvailable, "PostgreSQL's server binaries are not installed");
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        response.IsSuccessStatusCode.ShouldBeTrue($"{path}: {response.StatusCode} {text}");
        return JsonElement.Parse(text);
    }

    private async Task<ServiceProcess> AddAsync(string project, KeyValuePair<string, string?>[] settings, int port = 0)
    {
        var service = await ServiceProcess.StartAsync(project, settings, port);
        _services.Add(service);
        return service;
    }

    private string Database(string name) => $"Minimum Pool Size=0;Maximum Pool Size=30;{_postgres.ConnectionString(name)}";

    private async Task<string> WriteConfigurationAsync()
    {
        var scopes = new[] { "tools", "tools.admin", "collab", "llm", "repo", "graph", "observe" };
        var path = Path.Combine(_folder.FullName, "gateway.json");
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(new
        {
            auth = new
            {
                tokens = new[] { new { id = "local", tenant = "dev", secret_env = "GATEWAY_TOKEN_LOCAL", scopes } },
                hmac_keys = new[] { new { id = "local", tenant = "dev", secret_env = "GATEWAY_HMAC_LOCAL", scopes } },
            },
        }));
        return path;
    }

    /// <summary>Waits until each of these says yes: the databases are made in the background.</summary>
    private async Task ReadyAsync(params string[] paths)
    {
        var started = Stopwatch.GetTimestamp();
        foreach (var path in paths)
        {
            while (true)
            {
                using var response = await Client.GetAsync(new Uri(path, UriKind.Relative));
                if (response.IsSuccessStatusCode)
                    break;
                if (Stopwatch.GetElapsedTime(started) > Patience)
                    throw new TimeoutException($"{path} says {response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
                await Task.Delay(50);
            }
        }
    }

    private static string NewSecret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
}
