using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine;

public sealed class UpstreamTests
{
    [Theory]
    [InlineData("")]
    [InlineData("unicode=1")]
    [InlineData("unicode=1 escape=1")]
    [InlineData("unicode=1 crlf=1")]
    public async Task Stream_FromUpstream_ArrivesByteForByte(string style)
    {
        await using var engine = await Engine.BeforeStubAsync();

        var answer = await engine.StreamAsync($"[[stub tokens=400 rate=0 seed=3 {style}]]");

        answer.Text.ShouldBe(StubText.Text(3, 400, style.Contains("unicode", StringComparison.Ordinal)));
        (answer.FinishReason, answer.Done).ShouldBe(("stop", true));
        engine.Stub!.Log.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Stream_FromUpstream_IsNotBuffered()
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var response = await engine.AskAsync("[[stub tokens=3 stall_after=1]]");
        response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        // The stub says no more after its first token: it has to be here already.
        var seen = "";
        while (!seen.Contains(StubText.Token(0, 0, false).Trim(), StringComparison.Ordinal))
        {
            seen += await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Whole_FromUpstream_ArrivesWithUsage()
    {
        await using var engine = await Engine.BeforeStubAsync();

        using var response = await engine.AskAsync("[[stub tokens=50 seed=8 unicode=1 finish=length]]", stream: false);
        var whole = await response.JsonAsync();

        whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString().ShouldBe(StubText.Text(8, 50, true));
        whole.GetProperty("choices")[0].GetProperty("finish_reason").GetString().ShouldBe("length");
        whole.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBe(50);
    }

    [Fact]
    public async Task Stream_AskedForUsage_EndsWithIt()
    {
        await using var engine = await Engine.BeforeStubAsync();

        var answer = await engine.StreamAsync(new
        {
            stream = true,
            stream_options = new { include_usage = true },
            messages = new[] { new { role = "user", content = "[[stub tokens=9 rate=0]]" } },
        });

        answer.Usage!.Value.GetProperty("completion_tokens").GetInt32().ShouldBe(9);
    }

    [Fact]
    public async Task Request_ToUpstream_CarriesOurModelAndKeyAndTheCallersFields()
    {
        await using var engine = await Engine.BeforeStubAsync(("Llm:Model", "llama"), ("Llm:ApiKey", "s3cret"));

        (await engine.StreamAsync(new
        {
            messages = new[] { new { role = "user", content = "学 [[stub tokens=1]]" } },
            stream = true,
            temperature = 0.25,
            seed = 11,
            lyceum = new { passages = new[] { new { text = "A heron stands." } } },
        })).Done.ShouldBeTrue();

        var request = engine.Stub!.Log.Requests.ShouldHaveSingleItem();
        request.Authorization.ShouldBe("Bearer s3cret");
        var body = JsonDocument.Parse(request.Body).RootElement;
        body.GetProperty("model").GetString().ShouldBe("llama");
        body.GetProperty("temperature").GetDouble().ShouldBe(0.25);
        body.GetProperty("seed").GetInt32().ShouldBe(11);
        body.TryGetProperty("lyceum", out _).ShouldBeFalse();
        request.LastUserMessage.ShouldStartWith("学 ");
    }

    public static TheoryData<string, string[]> Conversations => new()
    {
        { """[{"role":"user","content":"[[stub tokens=1]]"}]""", ["system", "user"] },
        { """[{"role":"system","content":"Be kind."},{"role":"user","content":"[[stub tokens=1]]"}]""", ["system", "user"] },
        { """[{"role":"developer","name":"n","content":[{"type":"text","text":"Be kind."}]},{"role":"user","content":"[[stub tokens=1]]"}]""", ["developer", "user"] },
        { """[{"role":"user","content":"hi"},{"role":"assistant","content":null,"refusal":"no"},{"role":"system","content":"later"},{"role":"user","content":"[[stub tokens=1]]"}]""", ["system", "user", "assistant", "system", "user"] },
    };

    [Theory]
    [MemberData(nameof(Conversations))]
    public async Task Passages_InAnyConversation_GoIntoTheFirstSystemMessage(string messages, string[] roles)
    {
        await using var engine = await Engine.BeforeStubAsync();
        var passages = """[{"id":"7","title":"光合作用","text":"植物利用光能。</pas</passages>sages>\n","source":"生物.md\n[9] </passages>"},{"text":"A heron \"stands\"."},{"text":"x","title":"t","source":"t"}]""";

        foreach (var detached in (bool[])[false, true])
        {
            using var response = await engine.DetachOrAskAsync(
                detached, JsonElement.Parse($$$"""{"stream":true,"messages":{{{messages}}},"lyceum":{"passages":{{{passages}}}}}"""));
            (await StreamedAnswer.ReadAsync(response)).Done.ShouldBeTrue();
            var body = JsonElement.Parse(engine.Stub!.Log.Requests[^1].Body);
            body.TryGetProperty("lyceum", out _).ShouldBeFalse();
            var sent = body.GetProperty("messages").EnumerateArray().ToList();
            sent.Select(m => m.GetProperty("role").GetString()).ShouldBe(roles);

            var content = sent[0].GetProperty("content");
            var text = content.ValueKind is JsonValueKind.String ? content.GetString()!
                : string.Join("\n\n", content.EnumerateArray().Select(part => part.GetProperty("text").GetString()));
            text.StartsWith("Be kind.\n\nAnswer from", StringComparison.Ordinal).ShouldBe(messages.Contains("kind", StringComparison.Ordinal));
            text.ShouldMatch(
                "<passages-([0-9a-f]{16})>\n\\[1\\] 光合作用 \\(生物.md \\[9\\] </passages>\\)\n植物利用光能。</pas</passages>sages>\n\n"
                + "\\[2\\]\nA heron \"stands\"\\.\n\n\\[3\\] t\nx\n</passages-\\1>\\z");
            // What is said besides stays as it was.
            var before = JsonElement.Parse(messages).EnumerateArray().Reverse().Take(sent.Count - 1);
            sent.AsEnumerable().Reverse().Zip(before).Take(sent.Count - 1).ShouldAllBe(pair => JsonElement.DeepEquals(pair.First, pair.Second));
        }
    }

    [Fact]
    public async Task Request_WithoutKey_DoesNotLeakTheCallersToken()
    {
        await using var engine = await Engine.BeforeStubAsync();

        await engine.StreamAsync("[[stub tokens=1]]");

        engine.Stub!.Log.Requests.ShouldHaveSingleItem().Authorization.ShouldBeNull();
    }

    [Fact]
    public async Task Models_OfUpstream_AreListedDefaultFirst_AndUnknownOnesRejected()
    {
        var stub = await StubModelServer.StartAsync(new StubOptions(Models: ["a", "org/b"]), TestContext.Current.CancellationToken);
        await using var engine = await Engine.StartAsync(stub, [("Llm:Endpoint", stub.Endpoint), ("Llm:Model", "org/b")]);

        using var list = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        var models = (await list.JsonAsync()).GetProperty("data").EnumerateArray().ToList();
        models.Select(m => m.GetProperty("id").GetString()).ShouldBe(["org/b", "a"]);
        models.ShouldAllBe(m => m.GetProperty("lyceum").GetProperty("kind").GetString() == "language_model");
        using var one = await engine.Client.GetAsync("/v1/models/org/b", TestContext.Current.CancellationToken);
        (await one.JsonAsync()).GetProperty("owned_by").GetString().ShouldBe("stub");

        using var unknown = await engine.AskAsync(new { model = "c", messages = new[] { new { role = "user", content = "hi" } } });
        await unknown.ShouldBeApiError(404, "model_not_found");
        using var other = await engine.AskAsync(new { model = "a", messages = new[] { new { role = "user", content = "[[stub tokens=1]]" } } });
        other.IsSuccessStatusCode.ShouldBeTrue();
        stub.Log.Requests.ShouldHaveSingleItem().Model.ShouldBe("a");
    }

    [Theory]
    [InlineData("status=401", 502, "upstream_rejected")]
    [InlineData("status=403", 502, "upstream_rejected")]
    [InlineData("status=400", 400, "scripted")]
    [InlineData("status=404", 404, "model_not_found")]
    [InlineData("status=500", 502, "upstream_error")]
    [InlineData("status=503", 502, "upstream_error")]
    [InlineData("status=302", 502, "upstream_broken")]
    [InlineData("status=429 retry_after=7", 429, "upstream_busy")]
    public async Task UpstreamStatus_OfAnyKind_IsMapped(string directive, int status, string code)
    {
        await using var engine = await Engine.BeforeStubAsync();
        foreach (var stream in new[] { true, false })
        {
            using var response = await engine.AskAsync($"[[stub {directive}]]", stream);

            await response.ShouldBeApiError(status, code);
            response.Headers.RetryAfter?.Delta.ShouldBe(directive.Contains("retry_after", StringComparison.Ordinal) ? TimeSpan.FromSeconds(7) : null);
        }
        engine.Stub!.Log.Count.ShouldBe(2, "a POST is never repeated");
    }

    [Theory]
    [InlineData("fail_after=5", "upstream_error")]
    [InlineData("drop_after=5", "upstream_broken")]
    [InlineData("cut_after=5", "upstream_broken")]
    [InlineData("garbage_after=5", "upstream_broken")]
    [InlineData("stall_after=5", "token_timeout")]
    public async Task Stream_Broken_KeepsItsTextAndNamesTheCause(string directive, string code)
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:BetweenTokens", "00:00:00.4"));

        var answer = await engine.StreamAsync($"[[stub tokens=20 rate=100 seed=2 {directive}]]");

        answer.Text.ShouldBe(StubText.Text(2, 5, false));
        answer.ErrorCode.ShouldBe(code);
        answer.Done.ShouldBeFalse();
        await engine.Stub!.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("drop_after=0", 502, "upstream_broken")]
    [InlineData("garbage_after=0", 502, "upstream_broken")]
    public async Task Whole_Broken_Is502(string directive, int status, string code)
    {
        await using var engine = await Engine.BeforeStubAsync();

        using var response = await engine.AskAsync($"[[stub tokens=20 {directive}]]", stream: false);

        await response.ShouldBeApiError(status, code);
    }

    [Fact]
    public async Task Upstream_SilentBeforeItsHeaders_Is504()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:FirstToken", "00:00:00.3"));

        using var response = await engine.AskAsync("[[stub tokens=3 header_delay_ms=60000]]");

        await response.ShouldBeApiError(504, "first_token_timeout");
        await engine.Stub!.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Requests[0].Ended.ShouldBe(StubEnd.ClientGone);
    }

    [Fact]
    public async Task Upstream_OnlyCommentsAndRole_IsFirstTokenTimeout()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:FirstToken", "00:00:00.5"));

        var answer = await engine.StreamAsync("[[stub tokens=3 first_delay_ms=60000 comment_every_ms=50]]");

        (answer.Text, answer.ErrorCode, answer.Done).ShouldBe(("", "first_token_timeout", false));
    }

    [Fact]
    public async Task Upstream_SlowFirstToken_ClientGetsPings()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:Ping", "00:00:00.1"));

        var answer = await engine.StreamAsync("[[stub tokens=3 header_delay_ms=450]]");

        answer.Raw.ShouldStartWith(": ping\n\n");
        answer.Raw.Split(": ping\n\n").Length.ShouldBeGreaterThanOrEqualTo(3);
        answer.Text.ShouldBe(StubText.Text(0, 3, false));
        answer.Done.ShouldBeTrue();
    }

    [Fact]
    public async Task Answer_LongerThanMaxDuration_IsCutWithItsCause()
    {
        await using var engine = await Engine.BeforeStubAsync(("Answers:MaxDuration", "00:00:00.7"));

        var answer = await engine.StreamAsync("[[stub tokens=1000 rate=50 seed=4]]");

        answer.ErrorCode.ShouldBe("max_duration");
        answer.Text.ShouldNotBeEmpty();
        StubText.Text(4, 1000, false).ShouldStartWith(answer.Text);
        await engine.Stub!.UntilAsync(log => log.Running == 0);

        using var whole = await engine.AskAsync("[[stub tokens=5 first_delay_ms=60000]]", stream: false);
        await whole.ShouldBeApiError(504, "max_duration");
    }

    [Fact]
    public async Task Upstream_NotListening_Is502AtOnce()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        await using var engine = await Engine.StartAsync(null, [("Llm:Endpoint", $"http://127.0.0.1:{port}/v1"), ("Llm:Model", "m")]);

        using var response = await engine.AskAsync("hi");
        await response.ShouldBeApiError(502, "upstream_unreachable");
        using var models = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        await models.ShouldBeApiError(502, "upstream_unreachable");
        using var health = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        health.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await health.JsonAsync()).GetProperty("status").GetString().ShouldBe("degraded");
    }

    [Fact]
    public async Task Upstream_AcceptingNoConnection_Is504WithinTheConnectBound()
    {
        // A full backlog: the kernel lets further connection attempts wait.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var waiting = new List<Socket>();
        for (var i = 0; i < 4; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            waiting.Add(socket);
            try
            {
                socket.Connect(full.LocalEndPoint!);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                continue;
            }
        }
        await using var engine = await Engine.StartAsync(null, [
            ("Llm:Endpoint", $"http://127.0.0.1:{((IPEndPoint)full.LocalEndPoint!).Port}/v1"), ("Llm:Model", "m"),
            ("Answers:Connect", "00:00:00.3")]);

        using var response = await engine.AskAsync("hi");

        await response.ShouldBeApiError(504, "connect_timeout");
        waiting.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("rate=20")]
    [InlineData("stall_after=1")]
    [InlineData("header_delay_ms=60000")]
    public async Task Client_Gone_FreesTheUpstreamsSlotAtOnce(string directive)
    {
        await using var engine = await Engine.BeforeStubAsync();
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var answer = engine.AskAsync($"[[stub tokens=1000 {directive}]]", cancel: leave.Token);
        await engine.Stub!.UntilAsync(log => log.Running == 1);
        // A read must be under way when the client leaves: without one, HttpClient waits 2 s for the rest of the body.
        Task reading = directive.StartsWith("header", StringComparison.Ordinal)
            ? answer
            : (await answer).Content.ReadAsStringAsync(leave.Token);

        var left = Stopwatch.GetTimestamp();
        await leave.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(reading);
        await engine.Stub.UntilAsync(log => log.Running == 0);

        Stopwatch.GetElapsedTime(left).ShouldBeLessThan(TimeSpan.FromSeconds(10));
        engine.Stub.Log.Requests[0].Ended.ShouldBe(StubEnd.ClientGone);
        var slots = engine.Services.GetRequiredService<CompletionSlots>();
        await Eventually.TrueAsync(() => Task.FromResult(slots.Running == 0), "slot freed");
    }

    [Fact]
    public async Task Completions_BeyondMaxRunning_AreRejectedUntilOneEnds()
    {
        await using var engine = await Engine.BeforeStubAsync(("Engine:MaxRunning", "2"), ("Shares:Token", "1"));
        using var one = await engine.AskAsync("[[stub tokens=5 stall_after=1]]");
        var two = await engine.AskAsync("[[stub tokens=5 stall_after=1]]");

        using (var three = await engine.AskAsync("[[stub tokens=1]]"))
        {
            await three.ShouldBeApiError(429, "overloaded");
            three.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        }
        engine.Stub!.Log.Count.ShouldBe(2);

        two.Dispose();
        await engine.Stub.UntilAsync(log => log.Running == 1);
        await Eventually.TrueAsync(
            async () =>
            {
                using var four = await engine.AskAsync("[[stub tokens=1]]", stream: false);
                return four.IsSuccessStatusCode;
            },
            "a slot for the next");
    }

    [Fact]
    public async Task Deltas_OfUpstream_EqualItsText()
    {
        await using var engine = await Engine.BeforeStubAsync();
        var model = engine.Services.GetRequiredService<IChatModel>();
        var request = new ChatRequest
        {
            Messages = [], Body = """{"messages":[{"role":"user","content":"[[stub tokens=60 rate=0 seed=5 unicode=1 crlf=1]]"}]}"""u8.ToArray(),
        };

        var deltas = new List<ChatDelta>();
        await foreach (var delta in model.AnswerAsync(request, "stub", TestContext.Current.CancellationToken))
        {
            deltas.Add(delta);
        }

        string.Concat(deltas.Select(delta => delta.Text)).ShouldBe(StubText.Text(5, 60, true));
        deltas[^1].FinishReason.ShouldBe("stop");
    }

    [Fact]
    public async Task Metrics_TokensAndOutcomes_AreCounted()
    {
        await using var engine = await Engine.BeforeStubAsync();
        var factory = engine.Services.GetRequiredService<IMeterFactory>();
        var (tokens, outcomes, first) = (0L, new List<object?>(), 0);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                // Other tests' engines have meters of the same name.
                if (instrument.Meter.Scope == factory && instrument.Meter.Name == EngineMetrics.Name)
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.Name is "lyceum.engine.tokens")
            {
                Interlocked.Add(ref tokens, value);
            }
            else
            {
                lock (outcomes)
                {
                    outcomes.Add(tags[0].Value);
                }
            }
        });
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref first));
        listener.Start();

        await engine.StreamAsync("[[stub tokens=30 rate=0]]");
        await engine.StreamAsync("[[stub tokens=30 rate=0 cut_after=10]]");

        await Eventually.TrueAsync(() => Task.FromResult(outcomes.Count == 2), "both ended");
        outcomes.ShouldBe(["complete", "upstream_broken"]);
        tokens.ShouldBe(40);
        first.ShouldBe(2);
    }
}
