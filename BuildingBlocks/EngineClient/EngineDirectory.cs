using System.Diagnostics.Metrics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.EngineClient;

/// <summary>An engine as others know it.</summary>
/// <param name="Id">Of a configured one that has not announced itself: its resource's name.</param>
/// <param name="IsDraining">It finishes what it has, and takes nothing new on.</param>
public sealed record KnownEngine(string Id, Uri Url, bool IsDraining = false);

/// <summary>
/// The engines there are, for services that ask them: SessionApi's directory, read each second in the background, so that
/// no request waits for it; the configured ones (<c>services:gpu-engine</c>) where it names none. While the directory
/// cannot be read, the last list stays.
/// </summary>
public sealed partial class EngineDirectory(
    IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity, IOptions<JsonOptions> json, IMeterFactory meters,
    TimeProvider time, ILogger<EngineDirectory> logger) : BackgroundService
{
    public const string Path = "/internal/engines";
    public const string Engines = "gpu-engine";
    internal const string SessionApi = "session-api";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>How long known engines are kept when the directory is empty, as after a database outage.</summary>
    private static readonly TimeSpan EmptyGrace = TimeSpan.FromSeconds(10);

    /// <summary>Failures in a row before a warning: services start in any order.</summary>
    private const int ToleratedFailures = 5;

    // Set before the service listens.
    private IReadOnlyList<KnownEngine> _configured = [];

    // Written by the one loop below.
    private volatile IReadOnlyList<KnownEngine> _announced = [];
    private volatile IReadOnlyList<KnownEngine> _asked = []; // those of them to ask

    /// <summary>Called by the background loop after <see cref="Announced"/> changed.</summary>
    public event Action? Changed;

    /// <summary>Engines to ask something of: those that drain only where all do.</summary>
    public IReadOnlyList<KnownEngine> Live => _asked is { Count: > 0 } asked ? asked : _configured;

    /// <summary>Those that the directory names.</summary>
    public IReadOnlyList<KnownEngine> Announced => _announced;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var configured = await services.GetAddressesAsync(Engines, cancellationToken);
        _configured = [.. configured.Select((url, index) => new KnownEngine(ServiceAddresses.ReplicaName(Engines, index), url))];
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var replicas = await services.GetAddressesAsync(SessionApi, stoppingToken);
        if (replicas.Count == 0)
            return;
        meters.Create("Lyceum.EngineClient").CreateObservableGauge(
            "lyceum.engines.announced", () => _announced.Count, "{engine}", "Engines that the directory names, as this process last read it");
        var (failures, heard) = (0, time.GetTimestamp());
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var engines = await ReadAsync(replicas, stoppingToken);
                if (engines.Count > 0)
                    heard = time.GetTimestamp();
                if (engines.Count > 0 || time.GetElapsedTime(heard) > EmptyGrace)
                    Take(engines);
                if (failures >= ToleratedFailures)
                    LogReadable();
                failures = 0;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or JsonException)
            {
                if (++failures == ToleratedFailures)
                    LogUnreadable(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Take(IReadOnlyList<KnownEngine> engines)
    {
        if (engines.SequenceEqual(_announced))
            return;
        _announced = engines;
        _asked = engines.Any(engine => !engine.IsDraining) ? [.. engines.Where(engine => !engine.IsDraining)] : engines;
        LogEngines(string.Join(", ", engines.Select(
            engine => $"{engine.Id} at {engine.Url}{(engine.IsDraining ? " (draining)" : "")}")));
        Changed?.Invoke();
    }

    private async Task<IReadOnlyList<KnownEngine>> ReadAsync(
        IReadOnlyList<Uri> replicas, CancellationToken cancellationToken)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return await ReadAsync(replicas[i], cancellationToken);
            }
            catch (Exception e) when (
                i < replicas.Count - 1 && !cancellationToken.IsCancellationRequested
                && e is HttpRequestException or OperationCanceledException)
            {
                // The next replica knows as much.
            }
        }
    }

    private async Task<IReadOnlyList<KnownEngine>> ReadAsync(Uri replica, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(replica, Path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null, Scopes.Sessions));
        using var response = await clients.CreateClient(SessionApi).SendAsync(request, either.Token);
        response.EnsureSuccessStatusCode();
        var list = await response.Content.ReadFromJsonAsync<EngineList>(json.Value.SerializerOptions, either.Token);
        // What answers here is not always SessionApi: then the directory counts as away.
        if (list?.Engines is null || list.Engines.Any(engine => engine is not { Id.Length: > 0, Url: not null }))
            throw new JsonException($"{replica} answered no list of engines");
        return [.. list.Engines.OrderBy(engine => engine.Id, StringComparer.Ordinal)
            .Select(engine => new KnownEngine(engine.Id, engine.Url, engine.Draining))];
    }

    [LoggerMessage(LogLevel.Information, "Engines changed: {Engines}")]
    private partial void LogEngines(string engines);

    [LoggerMessage(LogLevel.Warning, "Engine directory unreadable, keeping the last list: {Reason}")]
    private partial void LogUnreadable(string reason);

    [LoggerMessage(LogLevel.Information, "Engine directory readable again")]
    private partial void LogReadable();
}

/// <summary>Reading the directory of engines, for services that ask them.</summary>
public static class EngineDirectoryExtensions
{
    public static WebApplicationBuilder AddEngineDirectory(this WebApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(EngineDirectory)))
            return builder;
        builder.AddServiceClient(EngineDirectory.SessionApi);
        builder.Services.AddSingleton<EngineDirectory>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EngineDirectory>());
        return builder;
    }
}
