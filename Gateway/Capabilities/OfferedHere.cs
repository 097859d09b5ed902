using System.Text.Json;
using Lyceum.EngineClient;
using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Gateway.Capabilities;

/// <summary>What SessionApi says of documents.</summary>
internal sealed record DocumentOffers(IReadOnlyList<string> Documents, long TextBytes, long DocumentBytes);

/// <param name="Engines">Those that answered.</param>
/// <param name="Documents">Null: no replica of SessionApi answered.</param>
internal sealed record Offered(IReadOnlyList<EngineAnnouncement> Engines, DocumentOffers? Documents);

/// <summary>
/// What the live engines and SessionApi say of themselves. They are asked when somebody wants to know, all at
/// once, and again after five seconds at the earliest, or with other engines, however many want to know. What does not
/// answer in two seconds offers nothing.
/// </summary>
internal sealed partial class OfferedHere(
    EngineDirectory engines, ServiceEndpointResolver services, IHttpClientFactory clients, IdentityTokens identity,
    IOptions<JsonOptions> json, TimeProvider time, ILogger<OfferedHere> logger)
{
    public const string Client = "capabilities";

    private const int MaxAnswer = 64 * 1024; // bytes

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly Lock _asking = new();
    private Task<Offered>? _asked;
    private long _askedAt;
    private IReadOnlyList<KnownEngine> _askedOf = [];

    public Task<Offered> ReadAsync(CancellationToken cancellationToken)
    {
        lock (_asking)
        {
            var live = engines.Live; // the same list until it changes
            var isOld = _asked is not { IsCompleted: false } && time.GetElapsedTime(_askedAt) >= Fresh;
            if (_asked is null || isOld || !ReferenceEquals(live, _askedOf))
            {
                // Whoever asked first may go; others wait for the same answer.
                _asked = Task.Run(() => AskAsync(live), CancellationToken.None);
                (_askedAt, _askedOf) = (time.GetTimestamp(), live);
            }
            return _asked.WaitAsync(cancellationToken);
        }
    }

    private async Task<Offered> AskAsync(IReadOnlyList<KnownEngine> live)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        var documents = AskSessionApiAsync(limit.Token);
        var answers = await Task.WhenAll(live.Select(engine =>
            AskAsync<EngineAnnouncement>(new Uri(engine.Url, "/v1/engine"), limit.Token)));
        return new([.. answers.OfType<EngineAnnouncement>()], await documents);
    }

    private async Task<DocumentOffers?> AskSessionApiAsync(CancellationToken limit)
    {
        // All of them: one that hangs would take the others' time.
        var replicas = await services.GetAddressesAsync(Routes.SessionApi, CancellationToken.None);
        var answers = await Task.WhenAll(replicas.Select(replica =>
            AskAsync<DocumentOffers>(new Uri(replica, "/internal/capabilities"), limit)));
        return answers.FirstOrDefault(answer => answer is { Documents: not null });
    }

    /// <returns>Null: it does not say.</returns>
    private async Task<T?> AskAsync<T>(Uri address, CancellationToken limit)
        where T : class
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            request.Headers.Authorization = new("Bearer", identity.ForService("lyceum", null));
            using var response = await clients.CreateClient(Client)
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
            response.EnsureSuccessStatusCode();
            await response.Content.LoadIntoBufferAsync(MaxAnswer, limit);
            var answer = await response.Content.ReadAsByteArrayAsync(limit);
            return JsonSerializer.Deserialize<T>(answer, json.Value.SerializerOptions);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException)
        {
            LogSilent(address, e.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Address} does not say what it offers: {Reason}")]
    private partial void LogSilent(Uri address, string reason);
}
