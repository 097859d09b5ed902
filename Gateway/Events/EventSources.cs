using System.Globalization;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Lyceum.Gateway.Proxy;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;

namespace Lyceum.Gateway.Events;

/// <summary>What a source hands to the connection that merges them.</summary>
/// <param name="Number">Where the source stands with it; null: it says nothing of that.</param>
internal sealed record Told(string Service, string Kind, long? Number, string Data);

/// <summary>
/// Reads what services tell of a person, each for as long as the connection lasts, and again when it broke off.
/// </summary>
internal sealed partial class EventSources(
    IHttpClientFactory clients, ServiceEndpointResolver services, IdentityTokens identity, IOptions<AnswersOptions> answers,
    TimeProvider time, ILogger<EventSources> logger)
{
    /// <summary>Of services with a person's events, and the client for them.</summary>
    public const string Client = "events";

    /// <summary>Where a source stands, before anything else of it.</summary>
    public const string Cursor = "cursor";

    /// <summary>Events of a source are not kept any more: what came of it is to be read anew.</summary>
    public const string Reset = "reset";

    public const string Away = "source.away";
    public const string Back = "source.back";

    private const string Ping = "ping";

    public static readonly IReadOnlyList<string> Names = [Routes.ChatApi, Routes.RoadmapWorker, Routes.SessionApi];

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(10);

    /// <summary>The services of which the caller may know.</summary>
    public static IEnumerable<string> Of(Caller caller)
    {
        if (caller.Scopes.Contains(Scopes.Chat))
            yield return Routes.ChatApi;
        if (caller.Scopes.Contains(Scopes.Sessions) || caller.Scopes.Contains(Scopes.Tutors))
            yield return Routes.SessionApi;
        if (caller.Scopes.Contains(Scopes.Roadmaps) || caller.Scopes.Contains(Scopes.Collab)
            || caller.Scopes.Contains(Scopes.Practice))
            yield return Routes.RoadmapWorker;
    }

    /// <summary>Reads one service until <paramref name="gone"/>. A reader that is slow slows it down.</summary>
    /// <param name="after">Null: from now on.</param>
    public async Task ReadAsync(
        string service, Caller caller, long? after, ChannelWriter<Told> output, CancellationToken gone)
    {
        var (away, pause) = (false, FirstPause);
        while (true)
        {
            try
            {
                await foreach (var item in OpenAsync(service, Path(after), identity.ForService(caller.Tenant, caller.Person), gone))
                {
                    if (away)
                        await output.WriteAsync(new(service, Back, null, Source(service)), gone);
                    (away, pause) = (false, FirstPause);
                    if (item.EventType == Ping)
                        continue;
                    after = long.Parse(item.EventId!, NumberStyles.None, CultureInfo.InvariantCulture);
                    await output.WriteAsync(
                        new(service, item.EventType, after, item.EventType == Reset ? Source(service) : item.Data), gone);
                }
            }
            catch (Exception e) when (!gone.IsCancellationRequested)
            {
                LogAway(service, e.Message);
                if (!away)
                    await output.WriteAsync(new(service, Away, null, Source(service)), gone);
                away = true;
            }
            await Task.Delay(pause, time, gone);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, MaxPause.Ticks));
        }
    }

    /// <summary>
    /// The events of one response, from the first replica that answers. Ends where the service ends it.
    /// </summary>
    /// <exception cref="HttpRequestException">With its status, where it answered with one.</exception>
    /// <exception cref="TimeoutException">It was silent for longer than two pings.</exception>
    public async IAsyncEnumerable<SseItem<string>> OpenAsync(
        string service, string path, string token, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken gone)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(gone);
        var longest = answers.Value.Ping * 2;
        silence.CancelAfter(longest);
        using var response = await ConnectAsync(service, path, token, silence.Token);
        await using var body = await response.Content.ReadAsStreamAsync(silence.Token);
        await using var items = SseParser.Create(body).EnumerateAsync(silence.Token).GetAsyncEnumerator(silence.Token);
        while (await NextAsync())
        {
            silence.CancelAfter(longest);
            yield return items.Current;
            silence.CancelAfter(longest); // the time that the reader took does not count
        }

        async ValueTask<bool> NextAsync()
        {
            try
            {
                return await items.MoveNextAsync();
            }
            catch (OperationCanceledException e) when (!gone.IsCancellationRequested)
            {
                throw new TimeoutException($"{service} was silent for too long", e);
            }
        }
    }

    private async Task<HttpResponseMessage> ConnectAsync(
        string service, string path, string token, CancellationToken cancellationToken)
    {
        var instances = (await services.GetAddressesAsync(service, cancellationToken)).ToArray();
        if (instances.Length == 0)
            throw new HttpRequestException($"no instance of {service} is configured");
        Random.Shared.Shuffle(instances);
        for (var i = 0; ; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(instances[i], path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Headers.Accept.ParseAdd("text/event-stream");
            try
            {
                var response = await clients.CreateClient(Client)
                    .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                if (response.IsSuccessStatusCode)
                    return response;
                var status = response.StatusCode;
                response.Dispose();
                throw new HttpRequestException($"{service} answered {(int)status}", null, status);
            }
            catch (HttpRequestException e) when (e.StatusCode is null && i + 1 < instances.Length)
            {
                // Another replica reads the same database.
            }
        }
    }

    private static string Path(long? after) => after is null
        ? "/internal/events" : string.Create(CultureInfo.InvariantCulture, $"/internal/events?after={after}");

    private static string Source(string service) => new JsonObject { ["source"] = service }.ToJsonString();

    [LoggerMessage(LogLevel.Debug, "Events of {Service} broke off: {Reason}")]
    private partial void LogAway(string service, string reason);
}
