using System.Diagnostics;
using System.Text;
using Lyceum.Client;

namespace Lyceum.Tests.Client.Tests;

/// <summary>A question is asked once and its answer read whole, whatever the connection does.</summary>
public sealed class AnswerTests
{
    private readonly WrittenAnswer _answer = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Waits that do not slow a test down; on a slow machine they are only taken more often.</summary>
    private static LyceumClientOptions Quick => new() { FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(5) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Answer_CutAtEachByteOfItsStream_IsReadOnceAndWhole(bool chunked)
    {
        var (length, cut, first) = (Encoding.UTF8.GetByteCount(_answer.From(0)), 0, true);
        await using var gateway = new StubGateway(request => _answer.Reply(request, body =>
        {
            var reply = Reply.Stream(body, first ? cut : null) with { Chunked = chunked };
            first = false;
            return reply;
        }));
        using var client = Client(gateway);
        for (; cut < length; cut++)
        {
            first = true;

            var events = await ReadAsync(client.AskAsync(new ChatRequest { Message = "?" }, $"key {cut}", Cancel));

            ShouldBeWhole(events, $"cut after {cut} bytes");
        }
        _answer.Asked.Keys.Order().ShouldBe(Enumerable.Range(0, length).Select(number => $"key {number}").Order());
    }

    [Fact]
    public async Task Answer_CutAgainAndAgain_IsReadOnceAndWhole()
    {
        var random = new Random(7);
        var cuts = 200;
        await using var gateway = new StubGateway(request => _answer.Reply(
            request, body => Reply.Stream(body, Interlocked.Decrement(ref cuts) >= 0 ? random.Next(350) : null)));

        ShouldBeWhole(await ReadAsync(gateway), "random cuts");
        _answer.Asked.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Piece_ThatReachesBeyondTheCursor_ShowsOnlyWhatIsNew()
    {
        await using var gateway = new StubGateway(request => _answer.Reply(request, _ => Reply.Stream(_answer.From(0))));
        using var client = Client(gateway);
        var events = new List<AnswerEvent>();
        await foreach (var item in client.ResumeAsync(_answer.Id, after: 11, Cancel)) // in the middle of the second piece
            events.Add(item);

        Text(events).ShouldBe(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(_answer.Text)[11..]));
    }

    [Fact]
    public async Task Piece_ThatIsMissing_IsReadAgain()
    {
        var first = true;
        await using var gateway = new StubGateway(request => _answer.Reply(request, body =>
        {
            var whole = !first;
            first = false;
            return Reply.Stream(whole ? body : body.Replace("id: 10\nevent: delta\ndata: {\"text\":\"Retrieval \"}\n\n", "", StringComparison.Ordinal));
        }));

        ShouldBeWhole(await ReadAsync(gateway), "a piece was left out");
        gateway.Requests.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Stream_ThatSaysNothing_IsOpenedAnew()
    {
        var first = true;
        await using var gateway = new StubGateway(request => _answer.Reply(request, body =>
        {
            var reply = first ? Reply.Stream(body, cutAfter: 400) with { Hangs = true } : Reply.Stream(body);
            first = false;
            return reply;
        }));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), new() { Silence = TimeSpan.FromMilliseconds(300) });

        ShouldBeWhole(await ReadAsync(client.AskAsync("?", Cancel)), "the stream fell silent");
    }

    [Fact]
    public async Task Request_ThatGetsNoAnswer_IsSentAgainWithItsKey()
    {
        var tries = 0;
        await using var gateway = new StubGateway(request => ++tries switch
        {
            1 => null,
            2 => new Reply(200, "text/html", "<h1>Sign in to the hotel's network</h1>"),
            3 => new Reply(502, "text/html", "<h1>Bad gateway</h1>"),
            _ => _answer.Reply(request, body => Reply.Stream(body)),
        });

        ShouldBeWhole(await ReadAsync(gateway), "nobody answered");
        gateway.Requests.Count.ShouldBe(4);
        _answer.Asked.Count.ShouldBe(1);
        gateway.Requests.Select(request => request.Header("Idempotency-Key")).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Server_ThatAsksToWait_IsWaitedFor()
    {
        var tries = 0;
        await using var gateway = new StubGateway(request => ++tries == 1
            ? Reply.Problem(429, "overloaded", retryAfter: "1")
            : _answer.Reply(request, body => Reply.Stream(body)));
        var began = Stopwatch.GetTimestamp();

        ShouldBeWhole(await ReadAsync(gateway), "it was overloaded");
        Stopwatch.GetElapsedTime(began).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(950)); // timers may be early by a tick
    }

    [Theory]
    [InlineData(429, "overloaded", "3600")]
    [InlineData(429, "budget_exhausted", "1")]
    [InlineData(404, "tutor_not_found", null)]
    [InlineData(409, "answer_in_progress", null)]
    [InlineData(422, "idempotency_key_reused", null)]
    public async Task Question_Refused_IsThrownWithItsCode(int status, string code, string? retryAfter)
    {
        await using var gateway = new StubGateway(_ => Reply.Problem(status, code, retryAfter));

        var refused = await Should.ThrowAsync<LyceumException>(() => ReadAsync(gateway));

        (refused.StatusCode, refused.Code, refused.Message).ShouldBe((status, code, $"{status} {code}: as the test says"));
        refused.RetryAfter.ShouldBe(retryAfter is null ? null : TimeSpan.FromSeconds(int.Parse(retryAfter)));
        gateway.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Answer_ThatFails_IsTheLastEvent()
    {
        var problem = Reply.Problem(502, "engine_error").Body;
        await using var gateway = new StubGateway(_ => Reply.Stream($"event: error\ndata: {problem}\n\n"));

        (await ReadAsync(gateway)).ShouldHaveSingleItem().ShouldBeOfType<AnswerFailed>().Problem.Code.ShouldBe("engine_error");
    }

    [Fact]
    public async Task Gateway_ThatStaysAway_IsGivenUp()
    {
        await using var gateway = new StubGateway(_ => null);
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), new()
        {
            FirstPause = TimeSpan.FromMilliseconds(1),
            LongestPause = TimeSpan.FromMilliseconds(10),
            GiveUpAfter = TimeSpan.FromMilliseconds(200),
        });

        var gaveUp = await Should.ThrowAsync<TimeoutException>(() => ReadAsync(client.AskAsync("?", Cancel)));

        gaveUp.InnerException.ShouldBeAssignableTo<HttpRequestException>();
    }

    /// <summary>Accepted and cut at once, for ever: no progress, however many connections there were.</summary>
    [Fact]
    public async Task Gateway_ThatOnlyGreets_IsGivenUp()
    {
        await using var gateway = new StubGateway(request => _answer.Reply(
            request, body => Reply.Stream(body, body.IndexOf("event: thinking", StringComparison.Ordinal))));
        using var client = new LyceumClient(gateway.Address, LyceumCredentials.Token("t"), new()
        {
            FirstPause = TimeSpan.FromMilliseconds(1),
            LongestPause = TimeSpan.FromMilliseconds(10),
            GiveUpAfter = TimeSpan.FromMilliseconds(300),
        });

        await Should.ThrowAsync<TimeoutException>(() => ReadAsync(client.AskAsync("?", Cancel)));
    }

    [Fact]
    public async Task Caller_ThatCancels_EndsTheWait()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await using var gateway = new StubGateway(request => _answer.Reply(request, body => Reply.Stream(body, cutAfter: 500) with { Hangs = true }));
        using var client = Client(gateway);

        var cancelled = await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (var item in client.AskAsync("?", cancel.Token))
            {
                if (item is AnswerText)
                    await cancel.CancelAsync();
            }
        });

        cancelled.CancellationToken.ShouldBe(cancel.Token);
    }

    private static LyceumClient Client(StubGateway gateway) => new(gateway.Address, LyceumCredentials.Token("t"), Quick);

    private static async Task<List<AnswerEvent>> ReadAsync(StubGateway gateway)
    {
        using var client = Client(gateway);
        return await ReadAsync(client.AskAsync("How do I learn well?", Cancel));
    }

    private static async Task<List<AnswerEvent>> ReadAsync(IAsyncEnumerable<AnswerEvent> answer)
    {
        var events = new List<AnswerEvent>();
        await foreach (var item in answer)
            events.Add(item);
        return events;
    }

    private static string Text(IEnumerable<AnswerEvent> events) => string.Concat(events.OfType<AnswerText>().Select(piece => piece.Text));

    private void ShouldBeWhole(List<AnswerEvent> events, string because)
    {
        Text(events).ShouldBe(_answer.Text, because);
        events[0].ShouldBeOfType<AnswerStarted>(because).Start.MessageId.ShouldBe(_answer.Id);
        events.OfType<AnswerStarted>().Count().ShouldBe(1, because);
        events.OfType<AnswerThinking>().Count().ShouldBe(1, because);
        events[^1].ShouldBeOfType<AnswerEnded>(because).End.Status.ShouldBe("complete");
        events.OfType<AnswerEnded>().Count().ShouldBe(1, because);
        events.OfType<AnswerText>().Last().Cursor.ShouldBe(Encoding.UTF8.GetByteCount(_answer.Text), because);
    }
}
