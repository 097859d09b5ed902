using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.Completions.Detached;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine;

public sealed class DetachedTests
{
    private readonly Guid _id = Guid.CreateVersion7();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("unicode=1")]
    [InlineData("unicode=1 escape=1 crlf=1")]
    public async Task Detached_Streamed_HasTheShapeOfAnAnswer(string style)
    {
        await using var engine = await Engine.BeforeStubAsync();

        using var response = await engine.DetachAsync(_id, $"[[stub tokens=400 rate=0 seed=3 finish=length {style}]]", usage: true);
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/event-stream");
        response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        var answer = await StreamedAnswer.ReadAsync(response);

        answer.Text.ShouldBe(StubText.Text(3, 400, style.Contains("unicode", StringComparison.Ordinal)));
        (answer.FinishReason, answer.Done).ShouldBe(("length", true));
        answer.Usage!.Value.GetProperty("completion_tokens").GetInt32().ShouldBe(400);
        answer.Raw.ShouldContain("\"delta\":{\"role\":\"assistant\"");
        answer.Raw.ShouldContain("\"model\":\"stub\"");
        engine.Stub!.Log.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Detached_ClientGone_IsReadWholeLater()
    {
        await using var engine = await Engine.BeforeStubAsync();

        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=60 rate=100 seed=9 unicode=1]]");
        var live = await engine.ReadAsync(_id);
        var late = await engine.ReadAsync(_id);

        foreach (var answer in new[] { live, late })
        {
            answer.Text.ShouldBe(StubText.Text(9, 60, true));
            (answer.FinishReason, answer.Done, answer.Usage).ShouldBe(("stop", true, null));
        }
        engine.Stub!.Log.Requests.ShouldHaveSingleItem().Ended.ShouldBe(StubEnd.Complete);
    }

    [Fact]
    public async Task Reader_AfterAnyCharacter_GetsTheRest_AndWithinACharacterIsRejected()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using (var first = await engine.DetachAsync(_id, "[[stub tokens=16 rate=0 seed=7 unicode=1]]"))
        {
            await StreamedAnswer.ReadAsync(first);
        }
        var text = StubText.Text(7, 16, true);
        var bytes = Encoding.UTF8.GetBytes(text);

        for (var after = 0; after <= bytes.Length; after++)
        {
            var within = after < bytes.Length && (bytes[after] & 0xC0) == 0x80;
            if (within)
            {
                using var refused = await engine.AttachAsync(_id, $"?after={after}");
                await refused.ShouldBeApiError(400, "invalid_cursor");
                continue;
            }
            var rest = await engine.ReadAsync(_id, after);
            (rest.Text, rest.FinishReason, rest.Done).ShouldBe((Encoding.UTF8.GetString(bytes.AsSpan(after)), "stop", true));
        }
        foreach (var bad in new[] { $"{bytes.Length + 1}", "-1", "+1", " 1", "1.0", "x", "", "2147483648", "0x1" })
        {
            using var refused = await engine.AttachAsync(_id, "?after=" + Uri.EscapeDataString(bad));
            await refused.ShouldBeApiError(400, "invalid_cursor");
        }
    }

    [Fact]
    public async Task Readers_OfARunningGeneration_AllGetItLiveFromTheirOffset()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await upstream.EngineAsync();
        upstream.Say("one 学 ");
        using var first = await engine.DetachAsync(_id, "hi");
        using var firstReader = new LiveReader(first);
        await firstReader.UntilAsync("one 学 ");

        using var second = await engine.AttachAsync(_id, "?after=4");
        using var secondReader = new LiveReader(second);
        using var third = await engine.AttachAsync(_id, "?after=8");
        using var thirdReader = new LiveReader(third);
        await secondReader.UntilAsync("学 ");
        upstream.Say("two ");
        foreach (var (reader, seen) in new[] { (firstReader, "one 学 two "), (secondReader, "学 two "), (thirdReader, "two ") })
        {
            await reader.UntilAsync(seen);
        }
        upstream.Finish();
        foreach (var reader in new[] { firstReader, secondReader, thirdReader })
        {
            await reader.UntilAsync("[DONE]");
        }
    }

    [Fact]
    public async Task SurrogatePair_SplitOverTwoEvents_IsJoined_AndALoneHalfReplaced()
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await upstream.EngineAsync();
        upstream.Say("a\\ud83d");
        using var first = await engine.DetachAsync(_id, "hi");
        using var reader = new LiveReader(first);
        await reader.UntilAsync("a");

        // The half that has come is no character yet: the text ends before it.
        using (var beyond = await engine.AttachAsync(_id, "?after=2"))
        {
            await beyond.ShouldBeApiError(400, "invalid_cursor");
        }
        upstream.Say("\\ude80b\\u0000");
        upstream.Say("\\ude80c\\ud83d");
        upstream.Say("d\\ud83d");
        upstream.Finish();

        (await engine.ReadAsync(_id)).Text.ShouldBe("a🚀b\ufffd\ufffdc\ufffdd\ufffd");
        (await engine.ReadAsync(_id, 5)).Text.ShouldBe("b\ufffd\ufffdc\ufffdd\ufffd");
    }

    [Fact]
    public async Task Id_InUse_Is409AndAsksTheModelOnce()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxRunning", "1"));
        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=5 stall_after=1]]");

        using (var again = await engine.DetachAsync(_id, "[[stub tokens=5]]"))
        {
            await again.ShouldBeApiError(409, "generation_exists");
        }
        using (var other = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=5]]"))
        {
            await other.ShouldBeApiError(429, "overloaded");
        }

        engine.Stub!.Log.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("not-a-uuid", """{"stream":true,"messages":[{"role":"user","content":"hi"}]}""", "Generation-Id")]
    [InlineData("", """{"stream":true,"messages":[{"role":"user","content":"hi"}]}""", "Generation-Id")]
    [InlineData("0191e0a4-0000-7000-8000-000000000001", """{"messages":[{"role":"user","content":"hi"}]}""", "stream")]
    [InlineData("0191e0a4-0000-7000-8000-000000000001", """{"stream":false,"messages":[{"role":"user","content":"hi"}]}""", "stream")]
    [InlineData("0191e0a4-0000-7000-8000-000000000001", """{"stream":true,"n":2,"messages":[{"role":"user","content":"hi"}]}""", "n")]
    [InlineData("0191e0a4-0000-7000-8000-000000000001", """{"stream":true,"tools":[{}],"messages":[{"role":"user","content":"hi"}]}""", "tools")]
    public async Task Detached_UnsupportedRequest_Is400AndKeepsNothing(string id, string body, string param)
    {
        await using var engine = await Engine.BeforeStubAsync();

        using var response = await engine.DetachAsync(id, System.Text.Json.JsonDocument.Parse(body).RootElement);

        (await response.ShouldBeApiError(400, "invalid_request")).GetProperty("param").GetString().ShouldBe(param);
        engine.Stub!.Log.Count.ShouldBe(0);
        engine.Services.GetRequiredService<GenerationStore>().Usage.Kept.ShouldBe(0);
        engine.Services.GetRequiredService<CompletionSlots>().Running.ShouldBe(0);
    }

    [Fact]
    public async Task Generation_OfAnotherCaller_Is404()
    {
        await using var engine = await Engine.BeforeStubAsync();
        var mine = engine.Token(act: "ada");
        using (var first = await engine.DetachAsync(_id, "[[stub tokens=5 rate=0]]", token: mine))
        {
            await StreamedAnswer.ReadAsync(first);
        }

        foreach (var other in new[] { engine.Token(sub: "bob"), engine.Token(tenant: "other"), engine.Token(act: "bob") })
        {
            using var read = await engine.AttachAsync(_id, token: other);
            await read.ShouldBeApiError(404, "generation_not_found");
            using var deleted = await engine.DeleteAsync(_id, other);
            deleted.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        }
        // An id belongs to its owner: another caller's same id neither finds this generation nor reveals it.
        using (var theirs = await engine.DetachAsync(_id, "[[stub tokens=3 rate=0]]", token: engine.Token(sub: "bob")))
        {
            (await StreamedAnswer.ReadAsync(theirs)).Text.ShouldBe(StubText.Text(0, 3, false));
        }
        // On whose behalf counts, not which service asks.
        using var again = await engine.AttachAsync(_id, token: engine.Token(sub: "ada"));
        (await StreamedAnswer.ReadAsync(again)).Text.ShouldBe(StubText.Text(0, 5, false));
    }

    [Fact]
    public async Task Generation_Unknown_Is404OnGetAnd204OnDelete()
    {
        await using var engine = await Engine.BeforeStubAsync();

        foreach (var id in new[] { _id.ToString(), "no-uuid" })
        {
            using var read = await engine.Client.GetAsync($"/v1/generations/{id}", Cancel);
            await read.ShouldBeApiError(404, "generation_not_found");
            using var deleted = await engine.Client.DeleteAsync($"/v1/generations/{id}", Cancel);
            deleted.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        }
    }

    [Theory]
    [InlineData("stall_after=3 rate=0")]
    [InlineData("rate=20")]
    [InlineData("header_delay_ms=60000")]
    public async Task Delete_RunningGeneration_FreesTheModelAtOnce(string directive)
    {
        await using var engine = await Engine.BeforeStubAsync();
        var beginning = engine.DetachAsync(_id, $"[[stub tokens=1000 {directive}]]");
        await engine.Stub!.UntilAsync(log => log.Running == 1);
        if (!directive.StartsWith("header", StringComparison.Ordinal))
            await beginning; // the answer has begun: before its first token the error would be the response itself

        var start = Stopwatch.GetTimestamp();
        using (var deleted = await engine.DeleteAsync(_id))
        {
            deleted.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        }
        engine.Services.GetRequiredService<CompletionSlots>().Running.ShouldBe(0);
        await engine.Stub.UntilAsync(log => log.Running == 0);

        Stopwatch.GetElapsedTime(start).ShouldBeLessThan(TimeSpan.FromSeconds(10));
        engine.Stub.Log.Requests[0].Ended.ShouldBe(StubEnd.ClientGone);
        using var response = await beginning;
        if (directive.StartsWith("header", StringComparison.Ordinal))
        {
            await response.ShouldBeApiError(410, "generation_deleted");
        }
        else
        {
            (await StreamedAnswer.ReadAsync(response)).ErrorCode.ShouldBe("generation_deleted");
        }
        using var gone = await engine.AttachAsync(_id);
        await gone.ShouldBeApiError(404, "generation_not_found");
        engine.Services.GetRequiredService<GenerationStore>().Usage.ShouldBe((0, 0, 0L));
    }

    [Theory]
    [InlineData("fail_after=5", "upstream_error")]
    [InlineData("drop_after=5", "upstream_broken")]
    [InlineData("cut_after=5", "upstream_broken")]
    [InlineData("garbage_after=5", "upstream_broken")]
    [InlineData("stall_after=5", "token_timeout")]
    public async Task Generation_FailedAfterText_KeepsTextAndErrorForLaterReaders(string directive, string code)
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:BetweenTokens", "00:00:00.4"));

        using var response = await engine.DetachAsync(_id, $"[[stub tokens=20 rate=100 seed=2 {directive}]]");
        var live = await StreamedAnswer.ReadAsync(response);
        var late = await engine.ReadAsync(_id);

        foreach (var answer in new[] { live, late })
        {
            (answer.Text, answer.ErrorCode, answer.FinishReason, answer.Done).ShouldBe((StubText.Text(2, 5, false), code, null, false));
        }
        await engine.Stub!.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("status=429 retry_after=7", 429, "upstream_busy")]
    [InlineData("status=500", 502, "upstream_error")]
    [InlineData("first_delay_ms=60000 comment_every_ms=50", 504, "first_token_timeout")]
    public async Task Generation_FailedBeforeText_IsAStatusToTheFirstReaderAndAnEventToLaterOnes(string directive, int status, string code)
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:FirstToken", "00:00:00.3"));

        using var response = await engine.DetachAsync(_id, $"[[stub {directive}]]");

        await response.ShouldBeApiError(status, code);
        var late = await engine.ReadAsync(_id);
        (late.Text, late.ErrorCode, late.Done).ShouldBe(("", code, false));
        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Fact]
    public async Task Generation_WithoutReaders_EndsAtMaxDuration()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:MaxDuration", "00:00:00.5"));

        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=1000 rate=50 seed=4]]");
        await engine.Stub!.UntilAsync(log => log.Running == 0);

        var answer = await engine.ReadAsync(_id);
        answer.ErrorCode.ShouldBe("max_duration");
        answer.Text.ShouldNotBeEmpty();
        StubText.Text(4, 1000, false).ShouldStartWith(answer.Text);
    }

    [Fact]
    public async Task Reader_ModelSilent_GetsPings()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:Ping", "00:00:00.1"));
        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=3 stall_after=1 rate=0]]");

        // The headers are here before the rest: the text is behind us, and the model says nothing.
        using var response = await engine.AttachAsync(_id, $"?after={StubText.Text(0, 1, false).Length}");
        using var reader = new LiveReader(response);

        await reader.UntilAsync(": ping\n\n: ping\n\n: ping\n\n");
    }

    [Fact]
    public async Task Generation_BeyondMaxGenerationBytes_EndsWithFinishReasonLength()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxGenerationBytes", "100"));

        using var response = await engine.DetachAsync(_id, "[[stub tokens=1000 rate=200 unicode=1 seed=6]]");
        var answer = await StreamedAnswer.ReadAsync(response);

        (answer.FinishReason, answer.Done).ShouldBe(("length", true));
        Encoding.UTF8.GetByteCount(answer.Text).ShouldBeInRange(97, 100);
        StubText.Text(6, 1000, true).ShouldStartWith(answer.Text, Case.Sensitive);
        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Fact]
    public async Task Store_BeyondMaxKeptGenerations_EvictsTheFirstEnded()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxKeptGenerations", "3"), ("Shares:Token", "1"));
        var ids = Enumerable.Range(0, 4).Select(_ => Guid.CreateVersion7()).ToList();
        await engine.DetachAndLeaveAsync(ids[0], "[[stub tokens=5 stall_after=1 rate=0]]");

        foreach (var id in ids[1..])
        {
            using var response = await engine.DetachAsync(id, "[[stub tokens=5 rate=0]]");
            (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();
        }

        // The running one is the oldest, and stays.
        using (var gone = await engine.AttachAsync(ids[1]))
        {
            await gone.ShouldBeApiError(404, "generation_not_found");
        }
        (await engine.ReadAsync(ids[2])).Done.ShouldBeTrue();
        (await engine.ReadAsync(ids[3])).Done.ShouldBeTrue();
        await engine.DetachAndLeaveAsync(Guid.NewGuid(), "[[stub tokens=5 stall_after=1 rate=0]]");
        await engine.DetachAndLeaveAsync(Guid.NewGuid(), "[[stub tokens=5 stall_after=1 rate=0]]");
        engine.Services.GetRequiredService<GenerationStore>().Usage.ShouldBe((3, 3, 3 * 1024L));
        using var full = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=5 rate=0]]");
        await full.ShouldBeApiError(429, "overloaded");
        engine.Services.GetRequiredService<CompletionSlots>().Running.ShouldBe(3);
    }

    [Fact]
    public async Task Store_BeyondMaxKeptBytes_EvictsTheFirstEnded()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxKeptBytes", "20000"));
        var store = engine.Services.GetRequiredService<GenerationStore>();
        var ids = Enumerable.Range(0, 5).Select(_ => Guid.CreateVersion7()).ToList();

        foreach (var id in ids)
        {
            using var response = await engine.DetachAsync(id, "[[stub tokens=600 rate=0]]");
            (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();
            store.Usage.Bytes.ShouldBeLessThanOrEqualTo(20_000);
        }

        var size = StubText.Text(0, 600, false).Length;
        store.Usage.ShouldBe((0, 20_000 / size, 20_000 / size * (long)size));
        using var gone = await engine.AttachAsync(ids[0]);
        await gone.ShouldBeApiError(404, "generation_not_found");
        (await engine.ReadAsync(ids[^1])).Text.Length.ShouldBe(size);
    }

    [Fact]
    public async Task Generation_TenMinutesAfterItsEnd_IsForgotten()
    {
        var time = new JumpingTime();
        await using var engine = await Engine.BeforeStubAsync(time);
        using (var response = await engine.DetachAsync(_id, "[[stub tokens=5 rate=0]]"))
        {
            await StreamedAnswer.ReadAsync(response);
        }

        time.Jump(TimeSpan.FromMinutes(9.9));
        (await engine.ReadAsync(_id)).Done.ShouldBeTrue();
        time.Jump(TimeSpan.FromMinutes(0.2));

        using var gone = await engine.AttachAsync(_id);
        await gone.ShouldBeApiError(404, "generation_not_found");
        using var again = await engine.DetachAsync(_id, "[[stub tokens=5 rate=0]]");
        (await StreamedAnswer.ReadAsync(again)).Done.ShouldBeTrue();
    }

    [Fact]
    public async Task Store_ExpiredGenerations_AreSweptWithoutBeingRead()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:KeepFor", "00:00:00.2"));
        var store = engine.Services.GetRequiredService<GenerationStore>();

        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=10 rate=50]]");
        store.Usage.Kept.ShouldBe(1);

        await Eventually.TrueAsync(() => Task.FromResult(store.Usage == (0, 0, 0)), "swept");
        engine.Stub!.Log.Requests[0].Ended.ShouldBe(StubEnd.Complete);
    }

    [Fact]
    public async Task Reader_Stalled_DoesNotDelayOthers()
    {
        await using var engine = await Engine.BeforeStubAsync();
        // 8 MB of events into a socket that is not read: the first reader's connection is full long before the end.
        using var stalled = await engine.DetachAsync(_id, "[[stub tokens=40000 rate=0]]");
        await engine.Stub!.UntilAsync(log => log.Requests is [{ Ended: StubEnd.Complete }]);

        (await engine.ReadAsync(_id)).Text.ShouldBe(StubText.Text(0, 40_000, false));
    }

    [Fact]
    public async Task Engine_Stopping_DisconnectsReadersAndFreesTheModel()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var response = await engine.DetachAsync(_id, "[[stub tokens=1000 rate=50]]");
        using var reader = new LiveReader(response);
        await reader.UntilAsync("1 ");

        await engine.App.StopAsync(Cancel);

        await Should.ThrowAsync<Exception>(reader.UntilAsync("[DONE]"));
        reader.Seen.ShouldNotContain("error");
        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Fact]
    public async Task Primer_Detached_IsReadLater()
    {
        await using var engine = await Engine.PrimerAsync(("Primer:TokensPerSecond", "500"));
        var whole = await engine.StreamAsync("什么是费曼技巧？");

        await engine.DetachAndLeaveAsync(_id, "什么是费曼技巧？");
        var answer = await engine.ReadAsync(_id);

        (answer.Text, answer.FinishReason, answer.Done).ShouldBe((whole.Text, "stop", true));
        var bytes = Encoding.UTF8.GetBytes(answer.Text);
        (await engine.ReadAsync(_id, bytes.Length)).Text.ShouldBe("");
    }

    [Fact]
    public async Task Metrics_Generations_AreCounted()
    {
        await using var engine = await Engine.BeforeStubAsync();
        await engine.DetachAndLeaveAsync(_id, "[[stub tokens=5 stall_after=1 rate=0]]");
        using (var ended = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=5 rate=0]]"))
        {
            await StreamedAnswer.ReadAsync(ended);
        }

        // The reader has its end a moment before the generation is no longer running.
        var metrics = "";
        await Eventually.TrueAsync(
            async () => Regex.IsMatch(metrics = await engine.Client.GetStringAsync("/metrics", Cancel), @"(?m)^lyceum_engine_generations_running(\{.*\})? 1$"),
            "one is running");
        metrics.ShouldMatch("(?m)^lyceum_engine_generations_kept(\\{.*\\})? 2$");
        metrics.ShouldMatch($"(?m)^lyceum_engine_generations_bytes(\\{{.*\\}})? {1024 + StubText.Text(0, 5, false).Length}$");
    }

    /// <summary>A stream that is looked at while it comes: the text of its deltas, and pings and [DONE] as they are.</summary>
    private sealed class LiveReader(HttpResponseMessage response) : IDisposable
    {
        private readonly StringBuilder _seen = new();
        private StreamReader? _reader;

        public string Seen => _seen.ToString();

        public async Task UntilAsync(string wanted)
        {
            _reader ??= new StreamReader(await response.Content.ReadAsStreamAsync(Cancel));
            while (!Seen.Contains(wanted, StringComparison.Ordinal))
            {
                var line = await _reader.ReadLineAsync(Cancel) ?? throw new EndOfStreamException($"only '{Seen}' came");
                const string content = "\"delta\":{\"content\":\"";
                var at = line.IndexOf(content, StringComparison.Ordinal);
                if (at >= 0)
                {
                    at += content.Length;
                    _seen.Append(line, at, line.IndexOf('"', at) - at);
                }
                else if (line is [':', ..])
                {
                    _seen.Append(line).Append("\n\n");
                }
                else if (line is "data: [DONE]" || line.Contains("\"error\"", StringComparison.Ordinal))
                {
                    _seen.Append(line);
                }
            }
        }

        public void Dispose() => _reader?.Dispose();
    }
}
