using System.Net.WebSockets;
using System.Text.Json;
using Lyceum.Tests.StubModel;

namespace Lyceum.Tests.GpuEngine.Sessions;

public sealed class LyceumV1Tests
{
    [Fact]
    public async Task Turn_OfText_IsAcceptedStreamedAndReported()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, instructions = "Be brief.", language = "English",
            history = new[] { new { role = "user", content = "earlier" }, new { role = "assistant", content = "indeed" } },
        });
        await using var client = await engine.ConnectAsync(made);
        client.Session.GetProperty("session_id").GetString().ShouldBe(made.SessionId);
        client.Session.GetProperty("last_seq").GetInt64().ShouldBe(0);

        var seen = new List<JsonElement>();
        await client.SayAsync("[[stub tokens=7 rate=0 seed=3 unicode=1]]", id: "a");
        await client.UntilAsync("latency_report", seen);

        seen.Select(Type).ShouldBe(["accepted", .. Enumerable.Repeat("delta", 7), "text", "latency_report"]);
        seen.Select(e => e.GetProperty("seq").GetInt64()).ShouldBe(Enumerable.Range(1, 10).Select(n => (long)n));
        seen.ShouldAllBe(e => e.GetProperty("turn").GetInt32() == 1);
        seen[0].GetProperty("id").GetString().ShouldBe("a");
        string.Concat(seen.Where(e => Type(e) == "delta").Select(Content)).ShouldBe(StubText.Text(3, 7, unicode: true));
        Content(seen[8]).ShouldBe(StubText.Text(3, 7, unicode: true));
        seen[8].GetProperty("finish_reason").GetString().ShouldBe("stop");
        seen[9].GetProperty("total_ms").GetDouble().ShouldBeGreaterThanOrEqualTo(seen[9].GetProperty("first_delta_ms").GetDouble());
        seen[9].GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(7);

        // A message sent twice begins one turn; the next one has all that was said before.
        await client.SayAsync("[[stub tokens=7 rate=0 seed=3 unicode=1]]", id: "a");
        await client.SayAsync("[[stub tokens=2 rate=0]]", id: "b");
        (await client.UntilAsync("accepted")).GetProperty("id").GetString().ShouldBe("b");
        await client.UntilAsync("text");
        engine.Stub.Log.Count.ShouldBe(2);
        var messages = Messages(engine.Stub.Log.Requests[1]);
        messages.Select(m => m.Role).ShouldBe(["system", "user", "assistant", "user", "assistant", "user"]);
        messages[0].Content.ShouldBe("Be brief.\n\nAnswer in this language: English.");
        messages[1].Content.ShouldBe("earlier");
        messages[4].Content.ShouldBe(StubText.Text(3, 7, unicode: true));
    }

    [Fact]
    public async Task Message_WhileAnAnswerIsWritten_InterruptsIt()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=1000 rate=200 seed=1]]");
        var seen = new List<JsonElement>();
        while (seen.Count(e => Type(e) == "delta") < 3)
        {
            seen.Add((await client.NextAsync())!.Value);
        }

        await client.SayAsync("[[stub tokens=3 rate=0 seed=2]]");
        var interrupted = await client.UntilAsync("interrupted", seen);
        var rest = new List<JsonElement>();
        await client.UntilAsync("latency_report", rest);

        // What stays is what was shown: every delta numbered before.
        var shown = string.Concat(seen.Where(e => Type(e) == "delta").Select(Content));
        Content(interrupted).ShouldBe(shown);
        interrupted.GetProperty("reason").GetString().ShouldBe("barge_in");
        rest.ShouldAllBe(e => e.GetProperty("turn").GetInt32() == 2);
        rest.Select(Type).ShouldBe(["accepted", "delta", "delta", "delta", "text", "latency_report"]);
        Messages(engine.Stub.Log.Requests[1])[1].ShouldBe(("assistant", shown));
        await engine.Stub.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Requests[0].Ended.ShouldBe(StubEnd.ClientGone);
    }

    [Fact]
    public async Task Message_WithAck_KeepsWhatWasShown()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=1000 rate=200 seed=1]]");
        var seen = new List<JsonElement>();
        while (seen.Count(e => Type(e) == "delta") < 5)
        {
            seen.Add((await client.NextAsync())!.Value);
        }
        // accepted is 1, so events 2 and 3 are the first two deltas.
        await client.SayAsync("[[stub tokens=1 rate=0]]", ack: 3);
        Content(await client.UntilAsync("interrupted")).ShouldBe(StubText.Text(1, 2, unicode: false));
        await client.UntilAsync("text");
        Messages(engine.Stub.Log.Requests[1])[1].Content.ShouldBe(StubText.Text(1, 2, unicode: false));
    }

    [Fact]
    public async Task Turn_WithoutASocket_GoesOn()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync("[[stub tokens=40 rate=200 seed=5]]");
        await client.UntilAsync("delta");
        client.Kill();
        await engine.NoSocketsAsync();
        await engine.Stub.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Requests[0].Ended.ShouldBe(StubEnd.Complete);

        await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, 2);
        var text = await again.UntilAsync("text");
        Content(text).ShouldBe(StubText.Text(5, 40, unicode: false));
    }

    [Fact]
    public async Task Turn_Failed_KeepsItsText()
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SayAsync("[[stub tokens=10 rate=0 seed=4 fail_after=3]]");
        var error = await client.UntilAsync("error");
        error.GetProperty("turn").GetInt32().ShouldBe(1);
        error.GetProperty("code").GetString().ShouldNotBeNullOrEmpty();

        await client.SayAsync("[[stub tokens=1 rate=0]]");
        await client.UntilAsync("text");
        Messages(engine.Stub.Log.Requests[1])[1].Content.ShouldBe(StubText.Text(4, 3, unicode: false));
    }

    [Fact]
    public async Task Resume_BeforeTheKeptEvents_GetsAnErrorAndTheRest()
    {
        await using var engine = await SessionEngine.StartAsync(("Engine:Sessions:ReplayEvents", "16"));
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync("[[stub tokens=50 rate=0]]");
        await client.UntilAsync("latency_report");
        client.Kill();

        await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, 0);
        var gone = (await again.NextAsync())!.Value;
        gone.GetProperty("code").GetString().ShouldBe("replay_gone");
        var seen = new List<JsonElement>();
        await again.UntilAsync("latency_report", seen);
        seen.Select(e => e.GetProperty("seq").GetInt64()).ShouldBe(Enumerable.Range(38, 16).Select(n => (long)n));
    }

    [Fact]
    public async Task Ack_OfEvents_FreesThem()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync("[[stub tokens=5 rate=0]]");
        await client.UntilAsync("latency_report");
        await client.SendAsync("""{"type":"ack","seq":8}""");
        await client.SayAsync(" "); // rejected, after the ack was taken
        await client.UntilAsync("error");
        engine.Store.Find(made.SessionId)!.After(0).ShouldBe((null, 8));
    }

    [Theory]
    [InlineData("not json", "invalid_json")]
    [InlineData("[1]", "invalid_request")]
    [InlineData("""{"type":"text"}""", "invalid_request")]
    [InlineData("""{"type":"dance"}""", "unknown_type")]
    [InlineData("""{"type":"text","content":"\ud800"}""", "invalid_json")]
    public async Task Message_Invalid_IsRejectedAndTheSocketStays(string message, string code)
    {
        await using var engine = await SessionEngine.StartAsync();
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        await client.SendAsync(message);
        var error = await client.UntilAsync("error");
        error.GetProperty("code").GetString().ShouldBe(code);
        error.TryGetProperty("seq", out _).ShouldBeFalse();
        await client.SayAsync("Hello");
        await client.UntilAsync("text");
    }

    [Fact]
    public async Task Message_TooLarge_ClosesTheSocketButNotTheSession()
    {
        await using var engine = await SessionEngine.StartAsync();
        var made = await engine.CreateAsync();
        await using var client = await engine.ConnectAsync(made);
        await client.SayAsync(new string('a', 60_000));
        await client.UntilAsync("text");
        await client.SayAsync(new string('a', 70_000));
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("payload_too_large");
        await client.UntilAsync("bye");
        (await client.NextAsync()).ShouldBeNull();
        client.Socket.CloseStatus.ShouldBe(WebSocketCloseStatus.MessageTooBig);
        await using var again = await engine.ResumeAsync(made.SessionId, client.Handle, 0);
    }

    [Fact]
    public async Task Messages_TooFast_AreRejectedUntilSlower()
    {
        await using var engine = await SessionEngine.StartAsync(
            ("Engine:Sessions:MessagesPerSecond", "5"), ("Engine:Sessions:MessageBurst", "3"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());
        for (var i = 0; i < 4; i++)
        {
            await client.SayAsync("[[stub tokens=1 rate=0]]");
        }
        (await client.UntilAsync("error")).GetProperty("code").GetString().ShouldBe("rate_limited");
        await Task.Delay(400, TestContext.Current.CancellationToken);
        await client.SayAsync("[[stub tokens=1 rate=0]]", id: "later");
        while ((await client.UntilAsync("accepted")).TryGetProperty("id", out _) is false)
        {
        }
    }

    [Theory]
    [InlineData("Engine:Sessions:IdleTimeout", "idle_timeout")]
    [InlineData("Engine:Sessions:Timeout", "session_timeout")]
    public async Task Session_TimedOut_IsWarnedThenClosed(string setting, string reason)
    {
        await using var engine = await SessionEngine.StartAsync((setting, "00:00:02"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync());

        var warning = await client.UntilAsync("warning");
        warning.GetProperty("reason").GetString().ShouldBe(reason);
        warning.GetProperty("seconds_left").GetInt32().ShouldBe(1);
        (await client.UntilAsync("bye")).GetProperty("reason").GetString().ShouldBe(reason);
        (await client.NextAsync()).ShouldBeNull();
        engine.Store.Count.ShouldBe(0);
    }

    internal static string? Type(JsonElement e) => e.GetProperty("type").GetString();

    internal static string? Content(JsonElement e) => e.GetProperty("content").GetString();

    internal static List<(string Role, string Content)> Messages(StubRequest request) =>
        [.. JsonElement.Parse(request.Body).GetProperty("messages").EnumerateArray()
            .Select(m => (m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()!))];
}
