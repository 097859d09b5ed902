using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Engines;

/// <summary>
/// The engine that <c>ENGINE_URL</c> names, which does not announce itself here: polled each second, and put into the
/// directory as if it had announced itself.
/// </summary>
internal sealed partial class StaticEngine(
    Uri address, IServiceScopeFactory scopes, DatabaseReady ready, IHttpClientFactory clients, IdentityTokens identity, IServer server,
    IOptions<JsonOptions> json, TimeProvider time, ILogger<StaticEngine> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        var away = false;
        while (true)
        {
            try
            {
                await AskAsync(stoppingToken);
                if (away)
                    LogBack(address);
                away = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested
                && (e is HttpRequestException or OperationCanceledException or JsonException or ProblemException || Transient.IsTransient(e)))
            {
                if (!away)
                    LogAway(address, e.Message);
                away = true;
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    private async Task AskAsync(CancellationToken stoppingToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stoppingToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "/v1/engine"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null, Scopes.Sessions));
        using var response = await clients.CreateClient(EngineDirectory.Engines).SendAsync(request, either.Token);
        response.EnsureSuccessStatusCode();
        var engine = await response.Content.ReadFromJsonAsync<EngineAnnouncement>(json.Value.SerializerOptions, either.Token);
        await using var scope = scopes.CreateAsyncScope();
        // Reached by the address that was given, whatever it thinks its own is.
        await scope.ServiceProvider.GetRequiredService<EngineStore>()
            .AnnounceAsync(engine! with { Url = address }, OwnAddress.Of(server)!, stoppingToken);
    }

    [LoggerMessage(LogLevel.Warning, "ENGINE_URL {Address} does not answer: {Reason}")]
    private partial void LogAway(Uri address, string reason);

    [LoggerMessage(LogLevel.Information, "ENGINE_URL {Address} answers again")]
    private partial void LogBack(Uri address);
}

internal static class EngineRegistration
{
    public static WebApplicationBuilder AddEngines(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<EngineStore>();
        if (builder.Configuration["ENGINE_URL"] is { Length: > 0 } url)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
                throw new InvalidOperationException($"environment variable ENGINE_URL is '{url}'; it must be an http or https address");
            builder.Services.AddHostedService(services => ActivatorUtilities.CreateInstance<StaticEngine>(services, address));
        }
        return builder;
    }
}
