using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lyceum.EngineClient;

/// <summary>
/// Which engines have a model that takes images. They are asked when somebody wants to know, all at once, and again after five
/// seconds at the earliest.
/// </summary>
public sealed partial class SeeingEngines(
    IHttpClientFactory clients, EngineDirectory directory, IdentityTokens identity, IOptions<JsonOptions> json, TimeProvider time,
    ILogger<SeeingEngines> logger)
{
    private const int MaxKnown = 1000; // engines that are remembered; when there are more, all are forgotten
    private const int MaxAnswer = 64 * 1024; // bytes

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Uri, Asked> _asked = new();
    private int _next;

    private sealed record Asked(Task<bool?> Sees, long At);

    /// <summary>One of those that take images, by what they said last, without waiting; null: none is known to.</summary>
    public Uri? Known => Choose(engine =>
        _asked.TryGetValue(engine, out var asked) && asked.Sees is { IsCompleted: true, Result: true });

    /// <summary>An engine that takes images, in turn.</summary>
    /// <returns>Null: none does. Not known: one of them did not answer, and of the others none does.</returns>
    public async Task<(Uri? Engine, bool IsKnown)> PickAsync(CancellationToken cancellationToken)
    {
        var all = directory.Live.Select(engine => engine.Url).ToList();
        var sees = await Task.WhenAll(all.Select(engine => SeesAsync(engine, cancellationToken)));
        var found = Choose(engine => all.IndexOf(engine) is >= 0 and var index && sees[index] == true);
        return (found, found is not null || (all.Count > 0 && Array.TrueForAll(sees, one => one is not null)));
    }

    /// <returns>Null: it does not answer.</returns>
    public async Task<bool?> SeesAsync(Uri engine, CancellationToken cancellationToken)
    {
        var asked = _asked.GetValueOrDefault(engine);
        if (asked is null || (asked.Sees.IsCompleted && (await asked.Sees is null || time.GetElapsedTime(asked.At) >= Fresh)))
        {
            if (_asked.Count >= MaxKnown)
                _asked.Clear();
            // Whoever asked first may go; others wait for the same answer.
            asked = new(Task.Run(() => AskAsync(engine), CancellationToken.None), time.GetTimestamp());
            _asked[engine] = asked;
        }
        return await asked.Sees.WaitAsync(cancellationToken);
    }

    private Uri? Choose(Predicate<Uri> sees)
    {
        var all = directory.Live.Select(engine => engine.Url).Where(engine => sees(engine)).ToList();
        return all.Count == 0 ? null : all[(int)((uint)Interlocked.Increment(ref _next) % (uint)all.Count)];
    }

    private async Task<bool?> AskAsync(Uri engine)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(engine, "/v1/engine"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", identity.ForService("lyceum", null));
            using var response = await clients.CreateClient(CompletionsClient.Service)
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            response.EnsureSuccessStatusCode();
            await response.Content.LoadIntoBufferAsync(MaxAnswer, limit.Token);
            var answer = await response.Content.ReadFromJsonAsync<EngineAnnouncement>(json.Value.SerializerOptions, limit.Token);
            return answer?.Offers?.Vision ?? false;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or IOException)
        {
            LogSilent(engine, e.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Engine {Engine} does not say whether it takes images: {Reason}")]
    private partial void LogSilent(Uri engine, string reason);
}
