using System.Net;
using System.Net.Http.Headers;
using Lyceum.GpuEngine.Sessions;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>
/// Tells whoever keeps the directory (<c>Engine:AnnounceTo</c>), each second, that this engine is there. Nobody waits for it,
/// and a keeper that is away is told again a second later.
/// </summary>
internal sealed partial class Announcer(
    Announcement announcement, IHttpClientFactory clients, IdentityTokens identity, IOptions<EngineAddressOptions> options,
    IOptions<JsonOptions> json, TimeProvider time, ILogger<Announcer> log) : BackgroundService
{
    public const string Client = "directory";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>A house starts in any order: so many failures in a row are no news.</summary>
    private const int Bearable = 5;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var keepers = options.Value.AnnounceTo;
        var failures = 0;
        while (keepers.Length > 0 && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                var trouble = await AnnounceAsync(keepers, stoppingToken);
                if (trouble is null && failures >= Bearable)
                    Announced(log);
                failures = trouble is null ? 0 : failures + 1;
                if (failures == Bearable)
                    NotAnnounced(log, trouble!);
                await Task.Delay(Interval, time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <returns>Why not; null when one of them took it.</returns>
    private async Task<string?> AnnounceAsync(Uri[] keepers, CancellationToken stoppingToken)
    {
        if (await announcement.MakeAsync(stoppingToken) is not { } engine)
            return null; // not listening yet
        var trouble = "";
        foreach (var keeper in keepers)
        {
            try
            {
                using var limit = new CancellationTokenSource(Limit, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stoppingToken);
                using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(keeper, $"{EngineDirectory.Path}/{engine.Id}"));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null, Scopes.Sessions));
                request.Content = JsonContent.Create(engine, options: json.Value.SerializerOptions);
                using var response = await clients.CreateClient(Client).SendAsync(request, either.Token);
                if (response.IsSuccessStatusCode)
                    return null;
                trouble = response.StatusCode == HttpStatusCode.Conflict
                    ? $"another engine announces itself as {engine.Id}: give each an Engine:Id of its own"
                    : $"{keeper} answered {(int)response.StatusCode}";
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stoppingToken.IsCancellationRequested))
            {
                trouble = $"{keeper}: {e.Message}";
            }
        }
        return trouble;
    }

    [LoggerMessage(LogLevel.Information, "this engine is announced again")]
    private static partial void Announced(ILogger log);

    [LoggerMessage(LogLevel.Warning, "this engine is not announced: {Reason}")]
    private static partial void NotAnnounced(ILogger log, string reason);
}
