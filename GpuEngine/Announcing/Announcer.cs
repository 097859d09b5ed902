using System.Net;
using System.Net.Http.Headers;
using Lyceum.EngineClient;
using Lyceum.GpuEngine.Addressing;
using Lyceum.GpuEngine.Draining;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;

namespace Lyceum.GpuEngine.Announcing;

/// <summary>
/// Announces this engine to the directory (<c>Engine:AnnounceTo</c>) each second. No request waits for it, and a failed
/// announcement is followed by the next one a second later. That it drains it announces at once.
/// </summary>
internal sealed partial class Announcer(
    Announcement announcement, IHttpClientFactory clients, IdentityTokens identity, IOptions<EngineAddressOptions> options,
    IOptions<JsonOptions> json, EngineDrain drain, TimeProvider time, ILogger<Announcer> log) : BackgroundService
{
    public const string Client = "directory";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>So many failures in a row are logged; fewer are normal while services start in any order.</summary>
    private const int LoggedFailures = 5;

    private readonly ReaderSignal _wake = new();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        drain.Begun += _wake.Set;
        var directories = options.Value.AnnounceTo;
        var failures = 0;
        while (directories.Length > 0 && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                var trouble = await AnnounceAsync(directories, stoppingToken);
                if (trouble is null && failures >= LoggedFailures)
                    LogAnnounced(log);
                failures = trouble is null ? 0 : failures + 1;
                if (failures == LoggedFailures)
                    LogFailed(log, trouble!);
                await _wake.WaitAtMostAsync(Interval, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <returns>Why not; null when one of them took it.</returns>
    private async Task<string?> AnnounceAsync(Uri[] directories, CancellationToken stoppingToken)
    {
        if (await announcement.MakeAsync(stoppingToken) is not { } engine)
            return null; // not listening yet
        var trouble = "";
        foreach (var directory in directories)
        {
            try
            {
                using var limit = new CancellationTokenSource(Limit, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stoppingToken);
                using var request = new HttpRequestMessage(
                    HttpMethod.Put, new Uri(directory, $"{EngineDirectory.Path}/{engine.Id}"));
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null, Scopes.Sessions));
                request.Content = JsonContent.Create(engine, options: json.Value.SerializerOptions);
                using var response = await clients.CreateClient(Client).SendAsync(request, either.Token);
                if (response.IsSuccessStatusCode)
                    return null;
                trouble = response.StatusCode == HttpStatusCode.Conflict
                    ? $"another engine announces itself as {engine.Id}: give each an Engine:Id of its own"
                    : $"{directory} answered {(int)response.StatusCode}";
            }
            catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stoppingToken.IsCancellationRequested))
            {
                trouble = $"{directory}: {e.Message}";
            }
        }
        return trouble;
    }

    [LoggerMessage(LogLevel.Information, "Announcement works again")]
    private static partial void LogAnnounced(ILogger log);

    [LoggerMessage(LogLevel.Warning, "Announcement failed: {Reason}")]
    private static partial void LogFailed(ILogger log, string reason);
}
