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
public sealed record KnownEngine(string Id, Uri Url);

/// <summary>
/// The engines there are, for services that ask them: SessionApi's directory, read each second in the background, so that
/// no request waits for it; the configured ones (<c>services:gpu-engine</c>) where it names none. While the directory is
/// away, what it said last holds.
/// </summary>
public sealed partial class EngineDirectory(
    IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity, IOptions<JsonOptions> json, TimeProvider time,
    ILogger<EngineDirectory> logger) : BackgroundService
{
    public const string Path = "/internal/engines";
    public const string Engines = "gpu-engine";
    private const string Keeper = "session-api";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>How long an empty directory, as right after its database was away, does not make known engines forgotten.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A house starts in any order: so many failures in a row are no news.</summary>
    private const int Bearable = 5;

    // Set before the service listens.
    private IReadOnlyList<KnownEngine> _configured = [];

    // Written by the one loop below.
    private volatile IReadOnlyList<KnownEngine> _announced = [];

    /// <summary>Called by the background loop after <see cref="Announced"/> changed.</summary>
    public event Action? Changed;

    /// <summary>Engines to ask something of.</summary>
    public IReadOnlyList<KnownEngine> Live => _announced is { Count: > 0 } announced ? announced : _configured;

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
        var keepers = await services.GetAddressesAsync(Keeper, stoppingToken);
        if (keepers.Count == 0)
            return;
        var (failures, heard) = (0, time.GetTimestamp());
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var engines = await ReadAsync(keepers, stoppingToken);
                if (engines.Count > 0)
                    heard = time.GetTimestamp();
                if (engines.Count > 0 || time.GetElapsedTime(heard) > Patience)
                    Take(engines);
                if (failures >= Bearable)
                    LogBack();
                failures = 0;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException or JsonException)
            {
                if (++failures == Bearable)
                    LogAway(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Take(IReadOnlyList<KnownEngine> engines)
    {
        if (engines.SequenceEqual(_announced))
            return;
        _announced = engines;
        LogEngines(string.Join(", ", engines.Select(engine => $"{engine.Id} at {engine.Url}")));
        Changed?.Invoke();
    }

    private async Task<IReadOnlyList<KnownEngine>> ReadAsync(IReadOnlyList<Uri> keepers, CancellationToken cancellationToken)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                return await ReadAsync(keepers[i], cancellationToken);
            }
            catch (Exception e) when (i < keepers.Count - 1 && !cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
            {
                // The next replica knows as much.
            }
        }
    }

    private async Task<IReadOnlyList<KnownEngine>> ReadAsync(Uri keeper, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(keeper, Path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null, Scopes.Sessions));
        using var response = await clients.CreateClient(Keeper).SendAsync(request, either.Token);
        response.EnsureSuccessStatusCode();
        var list = await response.Content.ReadFromJsonAsync<EngineList>(json.Value.SerializerOptions, either.Token);
        // Whatever answers here is not always what should: it is away then, and nobody ends of it.
        if (list?.Engines is null || list.Engines.Any(engine => engine is not { Id.Length: > 0, Url: not null }))
            throw new JsonException($"{keeper} answered no list of engines");
        return [.. list.Engines.OrderBy(engine => engine.Id, StringComparer.Ordinal).Select(engine => new KnownEngine(engine.Id, engine.Url))];
    }

    [LoggerMessage(LogLevel.Information, "engines: {Engines}")]
    private partial void LogEngines(string engines);

    [LoggerMessage(LogLevel.Warning, "the engine directory cannot be read, what it said last holds: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Information, "the engine directory is read again")]
    private partial void LogBack();
}

/// <summary>Reading the directory of engines, for services that ask them.</summary>
public static class EngineDirectoryExtensions
{
    public static WebApplicationBuilder AddEngineDirectory(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.AddServiceClient("session-api");
        builder.Services.AddSingleton<EngineDirectory>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EngineDirectory>());
        return builder;
    }
}
