using System.Collections.Concurrent;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Lyceum.Gateway.Persons;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Lyceum.Gateway.Events;

/// <summary>One stream of everything that changes for a person: docs/events.md.</summary>
internal static class EventsEndpoint
{
    public static void AddEvents(this WebApplicationBuilder builder)
    {
        builder.AddServiceClient(EventSources.Client);
        builder.Services.AddOptions<EventsOptions>().BindConfiguration(EventsOptions.Section)
            .Validate(o => o is { MaxOfPerson: > 0, MaxConnections: > 0, MaxFollowed: >= 0 },
                "Events: MaxOfPerson and MaxConnections must be positive, MaxFollowed not negative")
            .ValidateOnStart();
        builder.Services.AddSingleton<EventSources>();
        builder.Services.AddSingleton<FollowedAnswers>();
        builder.Services.AddSingleton<EventStreams>();
    }

    public static void MapEvents(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/events", Follow).RequireAuthorization().WithTags("events").Streams<PersonalEvent>()
            .Fails(400, ErrorCodes.InvalidCursor).Fails(429, ErrorCodes.Overloaded)
            .WithMetadata(new DisableRequestTimeoutAttribute());

    /// <summary>
    /// Everything that changes for the caller from a cursor on (<c>Last-Event-ID</c>, or <c>?cursor=</c>; without one, from
    /// now on): one connection for a page.
    /// </summary>
    /// <param name="follow">An answer to carry too, as <c>message_id:after</c>; may be repeated.</param>
    private static ServerSentEventsResult<string> Follow(
        HttpContext http, Caller caller, EventStreams streams, IOptions<EventsOptions> options, string? cursor = null,
        [FromQuery] string[]? follow = null)
    {
        var header = http.Request.Headers["Last-Event-ID"].ToString();
        var position = EventCursor.Parse(header.Length > 0 ? header : cursor); // an EventSource keeps the URL it began with
        var answers = (follow ?? []).Select(FollowedAnswer.Parse).ToList();
        if (answers.Count > options.Value.MaxFollowed)
        {
            throw new ProblemException(
                400, ErrorCodes.InvalidRequest, $"A connection follows {options.Value.MaxFollowed} answers at most (follow).");
        }
        if (answers.Count > 0 && !caller.Scopes.Contains(Scopes.Chat))
            throw new ProblemException(403, ErrorCodes.ForbiddenScope, "Following answers takes the scope chat.");
        http.Response.RegisterForDispose(streams.Admit(caller));
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(streams.FollowAsync(http, caller, position, answers, http.RequestAborted));
    }
}

/// <summary>Merges the sources of a connection.</summary>
internal sealed class EventStreams(
    EventSources sources, FollowedAnswers answers, DeletedPersons deleted, IOptions<EventsOptions> options,
    IOptions<AnswersOptions> settings, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Events that wait for a slow reader; then their sources wait.</summary>
    private const int MaxWaiting = 64;

    private const string Nothing = "{}";

    /// <summary>How long the first event waits for sources that do not answer.</summary>
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<(string Tenant, string Person), int> _connections = new();
    private int _all;

    /// <summary>A place, until disposed.</summary>
    /// <exception cref="ProblemException">429 <c>overloaded</c>.</exception>
    public IDisposable Admit(Caller caller)
    {
        var key = (caller.Tenant, caller.Person);
        var place = new Place(this, key);
        if (_connections.AddOrUpdate(key, 1, (_, count) => count + 1) > options.Value.MaxOfPerson
            | Interlocked.Increment(ref _all) > options.Value.MaxConnections)
        {
            place.Dispose();
            throw new ProblemException(429, ErrorCodes.Overloaded,
                $"You have {options.Value.MaxOfPerson} streams of events open here, or the gateway as many as it takes on. Close one.",
                TimeSpan.FromSeconds(5));
        }
        return place;
    }

    public async IAsyncEnumerable<SseItem<string>> FollowAsync(
        HttpContext http, Caller caller, EventCursor cursor, IReadOnlyList<FollowedAnswer> followed,
        [EnumeratorCancellation] CancellationToken gone)
    {
        yield return new(Nothing, "ping") { ReconnectionInterval = TimeSpan.FromSeconds(1) }; // headers at once
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(gone, lifetime.ApplicationStopping);
        var told = Channel.CreateBounded<Told>(MaxWaiting);
        var names = EventSources.Of(caller).ToHashSet(StringComparer.Ordinal);
        List<Task> reading =
        [
            .. names.Select(name => sources.ReadAsync(name, caller, cursor.Of(name), told.Writer, ending.Token)),
            .. followed.Select(answer => answers.ReadAsync(caller, answer, told.Writer, ending.Token)),
        ];
        var (unknown, resumed) = (names.ToHashSet(StringComparer.Ordinal), names.Where(name => cursor.Of(name) is not null).ToHashSet());
        var (isReady, begun, pinged) = (false, time.GetTimestamp(), time.GetTimestamp());
        var before = new List<Told>(); // what came before the first event
        try
        {
            while (true)
            {
                var wait = isReady ? settings.Value.Ping - time.GetElapsedTime(pinged) : ReadyWithin - time.GetElapsedTime(begun);
                var next = await NextAsync(told.Reader, wait, ending.Token);
                if (ending.IsCancellationRequested)
                    yield break;
                if (next is { Kind: EventSources.Cursor or EventSources.Away } where)
                    unknown.Remove(where.Service);
                if (!isReady)
                {
                    if (next is { Kind: EventSources.Cursor })
                    {
                        cursor.Advance(next.Service, next.Number!.Value);
                        resumed.Add(next.Service);
                    }
                    else if (next is not null)
                        before.Add(next);
                    if (unknown.Count > 0 && time.GetElapsedTime(begun) < ReadyWithin)
                        continue;
                    isReady = true;
                    yield return new(Nothing, "ready") { EventId = cursor.ToString() };
                    foreach (var early in before.SelectMany(one => Items(one, cursor, resumed)))
                        yield return early;
                    continue;
                }
                if (next is null)
                {
                    pinged = time.GetTimestamp();
                    deleted.ThrowIfDeleted(http);
                    yield return new(Nothing, "ping");
                    continue;
                }
                foreach (var item in Items(next, cursor, resumed))
                    yield return item;
            }
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// What the reader is sent. A source that says where it stands only after <c>ready</c> was away then: what happened
    /// meanwhile is to be read anew, unless the reader came with a cursor of it.
    /// </summary>
    private static IEnumerable<SseItem<string>> Items(Told told, EventCursor cursor, HashSet<string> resumed)
    {
        if (told.Number is { } number)
            cursor.Advance(told.Service, number);
        if (told.Kind == EventSources.Cursor)
        {
            if (resumed.Add(told.Service))
                yield return new($"{{\"source\":\"{told.Service}\"}}", EventSources.Reset) { EventId = cursor.ToString() };
            yield break;
        }
        yield return told.Kind == FollowedAnswers.Kind
            ? new(told.Data, told.Kind) : new(told.Data, told.Kind) { EventId = cursor.ToString() };
    }

    /// <returns>Null: nothing within the time, or it ends.</returns>
    private static async Task<Told?> NextAsync(ChannelReader<Told> told, TimeSpan within, CancellationToken ending)
    {
        if (told.TryRead(out var next))
            return next;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(ending);
        bound.CancelAfter(within > TimeSpan.Zero ? within : TimeSpan.Zero);
        try
        {
            return await told.ReadAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private sealed class Place(EventStreams streams, (string, string) key) : IDisposable
    {
        private int _disposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
                return;
            Interlocked.Decrement(ref streams._all);
            if (streams._connections.AddOrUpdate(key, 0, (_, count) => count - 1) == 0)
                streams._connections.TryRemove(new(key, 0));
        }
    }
}
