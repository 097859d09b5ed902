using System.Collections.Concurrent;
using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Lyceum.Tests.Gateway.Tests.Events;

public sealed class EventStreamTests : IAsyncLifetime
{
    private readonly IdentityFolder _identity = new("gateway", "chat-api", "roadmap-worker", "session-api");
    private Teller _chat = null!;
    private Teller _roadmaps = null!;
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync()
    {
        _chat = await Teller.StartAsync(_identity, "chat-api");
        _roadmaps = await Teller.StartAsync(_identity, "roadmap-worker");
        _gateway = TestGateway.Start(
            _identity, new([
                .. TestGateway.Reference("chat-api", _chat.Address), .. TestGateway.Reference("roadmap-worker", _roadmaps.Address),
                new("Events:MaxOfPerson", "2"),
            ]));
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _chat.DisposeAsync();
        await _roadmaps.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task EventsOfServices_AreMerged_AndACursorGoesOnBehindThem()
    {
        _chat.Number = 5;
        await using (var events = await OpenAsync(""))
        {
            (await events.NextAsync("ready")).EventId.ShouldBe("chat-api=5,roadmap-worker=0");
            _chat.Tell("answer.started", """{"message_id":"m"}""");
            var started = await events.NextAsync("answer.started");
            (started.EventId, started.Data).ShouldBe(("chat-api=6,roadmap-worker=0", """{"message_id":"m"}"""));
            _roadmaps.Tell("job.changed", "{}");
            (await events.NextAsync("job.changed")).EventId.ShouldBe("chat-api=6,roadmap-worker=1");
        }
        _chat.Tell("answer.ended", "{}");

        await using var again = await OpenAsync("?cursor=chat-api=6,roadmap-worker=1");

        (await again.NextAsync("ready")).EventId.ShouldBe("chat-api=6,roadmap-worker=1");
        (await again.NextAsync("answer.ended")).EventId.ShouldBe("chat-api=7,roadmap-worker=1");
        _chat.Persons.ShouldAllBe(person => person == "acme ada");
    }

    [Fact]
    public async Task ServiceThatBreaksOff_IsSaid_OthersGoOn_AndNothingIsMissed()
    {
        await using var events = await OpenAsync("");
        await events.NextAsync("ready");

        _chat.IsAway = true;
        (await events.NextAsync("source.away")).Data.ShouldContain("chat-api");
        _roadmaps.Tell("job.changed", "{}");
        (await events.NextAsync("job.changed")).EventId.ShouldBe("chat-api=0,roadmap-worker=1");
        _chat.Tell("answer.ended", "{}"); // while nobody reads
        _chat.IsAway = false;

        (await events.NextAsync("source.back")).Data.ShouldContain("chat-api");
        (await events.NextAsync("answer.ended")).EventId.ShouldBe("chat-api=1,roadmap-worker=1");
    }

    [Fact]
    public async Task ServiceThatWasAwayFromTheBeginning_AsksForAReload_WhenItIsBack()
    {
        _chat.IsAway = true;
        await using var events = await OpenAsync("");
        (await events.NextAsync("ready")).EventId.ShouldBe("roadmap-worker=0");
        await events.NextAsync("source.away");

        _chat.IsAway = false;

        await events.NextAsync("source.back");
        (await events.NextAsync("reset")).Data.ShouldContain("chat-api");
    }

    [Fact]
    public async Task FollowedAnswer_IsCarried_ToItsEnd_AfterItsStreamBrokeOff()
    {
        var message = Guid.CreateVersion7();

        await using var events = await OpenAsync($"?follow={message}:4");
        await events.NextAsync("ready");

        var pieces = new List<string>();
        while (true)
        {
            var told = JsonElement.Parse((await events.NextAsync("answer")).Data);
            told.GetProperty("message_id").GetGuid().ShouldBe(message);
            if (told.GetProperty("event").GetString() == "end")
                break;
            if (told.GetProperty("event").GetString() != "delta")
                continue;
            pieces.Add(told.GetProperty("data").GetProperty("text").GetString()!);
        }
        pieces.ShouldBe(["from 4", "from 10"]);
    }

    [Theory]
    [InlineData("?cursor=nobody=1", "invalid_cursor")]
    [InlineData("?cursor=chat-api=1,chat-api=2", "invalid_cursor")]
    [InlineData("?cursor=chat-api=-1", "invalid_cursor")]
    [InlineData("?follow=mine", "invalid_request")]
    public async Task WrongCursor_IsRejected(string query, string code) =>
        await (await SendAsync(query)).ShouldBeProblem(HttpStatusCode.BadRequest, code);

    [Fact]
    public async Task ConnectionsOfAPerson_AreBounded_AndFreedWhenTheyEnd()
    {
        await using var first = await OpenAsync("");
        var second = await OpenAsync("");
        await (await SendAsync("")).ShouldBeProblem(HttpStatusCode.TooManyRequests, ErrorCodes.Overloaded);
        (await SendAsync("", "bob")).StatusCode.ShouldBe(HttpStatusCode.OK);

        await second.DisposeAsync();

        await Eventually.TrueAsync(async () => (await SendAsync("")).StatusCode == HttpStatusCode.OK, "there is room again");
    }

    private Task<HttpResponseMessage> SendAsync(string query, string person = "ada") => _gateway.SendAsync(
        HttpMethod.Get, $"/api/events{query}",
        _identity.Token("session-api", aud: "lyceum-user", sub: person, tenant: "acme", scope: "chat roadmaps"));

    private async Task<Reading> OpenAsync(string query)
    {
        var response = await SendAsync(query);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        return new(response, await response.Content.ReadAsStreamAsync());
    }

    private sealed class Reading(HttpResponseMessage response, Stream body) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<SseItem<string>> _items =
            SseParser.Create(body).EnumerateAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator();

        /// <summary>The next event but pings.</summary>
        public async Task<SseItem<string>> NextAsync(string kind)
        {
            using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            do
                (await _items.MoveNextAsync().AsTask().WaitAsync(bound.Token)).ShouldBeTrue();
            while (_items.Current.EventType == "ping");
            _items.Current.EventType.ShouldBe(kind, _items.Current.Data);
            return _items.Current;
        }

        public ValueTask DisposeAsync()
        {
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>A service with events of a person.</summary>
    private sealed class Teller(TestService service) : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<long, (string Kind, string Data)> _told = new();
        private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isAway;

        public Uri Address => service.Address;
        public long Number;
        public ConcurrentBag<string> Persons { get; } = [];

        public bool IsAway
        {
            get => _isAway;
            set
            {
                _isAway = value;
                Change();
            }
        }

        public static async Task<Teller> StartAsync(IdentityFolder identity, string name)
        {
            Teller? teller = null;
            return teller = new(await TestService.StartAsync(identity, name, map: app =>
            {
                app.MapGet("/internal/events", (Caller caller, HttpContext http, long? after = null) =>
                {
                    teller!.Persons.Add($"{caller.Tenant} {caller.Act}");
                    return teller.IsAway
                        ? (IResult)Problems.Unavailable(ErrorCodes.DatabaseUnavailable, "away")
                        : TypedResults.ServerSentEvents(teller.FollowAsync(after, http.RequestAborted));
                }).RequireService();
                app.MapGet("/chat/{id:guid}/stream", (HttpContext http, int after) =>
                    TypedResults.ServerSentEvents(Answer(after))).RequireScope("chat");
            }));
        }

        public void Tell(string kind, string data)
        {
            _told[Number + 1] = (kind, data);
            Number++;
            Change();
        }

        private void Change() => Interlocked.Exchange(
            ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

        private async IAsyncEnumerable<SseItem<string>> FollowAsync(
            long? after, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var position = after ?? Number;
            yield return new("{}", "cursor") { EventId = $"{position}" };
            while (!IsAway)
            {
                var changed = _changed.Task;
                while (_told.TryGetValue(position + 1, out var told))
                    yield return new(told.Data, told.Kind) { EventId = $"{++position}" };
                yield return new("{}", "ping");
                await Task.WhenAny(changed, Task.Delay(100, cancellationToken));
            }
        }

        private static async IAsyncEnumerable<SseItem<string>> Answer(int after)
        {
            await Task.Yield();
            yield return new("{}", "start");
            yield return new($$"""{"text":"from {{after}}"}""", "delta") { EventId = "10" };
            if (after == 4)
                yield break;
            yield return new("{}", "end") { EventId = "end" };
        }

        public ValueTask DisposeAsync() => service.DisposeAsync();
    }
}
