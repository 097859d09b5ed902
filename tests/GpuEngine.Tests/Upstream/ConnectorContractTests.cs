using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Lyceum.GpuEngine.Completions.Answers;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Upstream;

/// <summary>What a caller sees is the same, whichever connector the model is behind.</summary>
public sealed class ConnectorContractTests
{
    public static MatrixTheoryData<string, string> Styles { get; } = new(Connector.All, ["", "unicode=1", "unicode=1 escape=1", "unicode=1 crlf=1"]);

    public static MatrixTheoryData<string, string> FinishReasons { get; } = new(Connector.All, ["stop", "length", "content_filter"]);

    public static TheoryData<string> Connectors { get; } = [.. Connector.All];

    /// <summary>Connector, what the model server does, status and code that the caller gets.</summary>
    public static MatrixTheoryData<string, (string Directive, int Status, string Code)> Rejections { get; } = new(
        Connector.All,
        [
            ("status=401", 502, "upstream_rejected"),
            ("status=403", 502, "upstream_rejected"),
            ("status=404", 404, "model_not_found"),
            ("status=400", 400, "scripted"),
            ("prompt_filtered=1", 400, "content_filter"),
            ("status=429 retry_after=7", 429, "upstream_busy"),
            ("status=500", 502, "upstream_error"),
            ("status=503", 502, "upstream_error"),
            ("status=302", 502, "upstream_broken"),
        ]);

    public static MatrixTheoryData<string, (string Directive, string Code)> Breaks { get; } = new(
        Connector.All,
        [
            ("fail_after=5", "upstream_error"),
            ("drop_after=5", "upstream_broken"),
            ("cut_after=5", "upstream_broken"),
            ("garbage_after=5", "upstream_broken"),
            ("stall_after=5", "token_timeout"),
        ]);

    public static MatrixTheoryData<string, string> Leavings { get; } = new(Connector.All, ["rate=20", "stall_after=1", "header_delay_ms=60000"]);

    [Theory]
    [MemberData(nameof(Styles))]
    public async Task Stream_OverAnyConnector_EqualsTheModelsText(string connector, string style)
    {
        await using var engine = await Connector.EngineAsync(connector);

        var answer = await engine.StreamAsync($"[[stub tokens=200 rate=0 seed=3 {style}]]");

        answer.Text.ShouldBe(StubText.Text(3, 200, style.Contains("unicode", StringComparison.Ordinal)));
        (answer.FinishReason, answer.Done).ShouldBe(("stop", true));
        engine.Stub!.Log.Count.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(FinishReasons))]
    public async Task Answer_OverAnyConnector_HasTheModelsFinishReasonAndUsage(string connector, string reason)
    {
        await using var engine = await Connector.EngineAsync(connector);
        var message = $"[[stub tokens=9 rate=0 seed=4 finish={reason}]]";

        using var response = await engine.AskAsync(message, stream: false);
        var whole = await response.JsonAsync();
        var streamed = await engine.StreamAsync(Asking(message, usage: true));
        var id = Guid.NewGuid();
        using var detachedResponse = await engine.DetachAsync(id, message, usage: true);
        var detached = await StreamedAnswer.ReadAsync(detachedResponse);

        var choice = whole.GetProperty("choices")[0];
        (choice.GetProperty("message").GetProperty("content").GetString(), choice.GetProperty("finish_reason").GetString())
            .ShouldBe((StubText.Text(4, 9, false), reason));
        foreach (var answer in new[] { streamed, detached, await engine.ReadAsync(id) })
        {
            (answer.Text, answer.FinishReason, answer.Done).ShouldBe((StubText.Text(4, 9, false), reason, true));
            Counts(answer.Usage!.Value).ShouldBe((1, 9, 10));
        }
        Counts(whole.GetProperty("usage")).ShouldBe((1, 9, 10));
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Stream_NotAskedForUsage_HasNone(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);

        var answer = await engine.StreamAsync("[[stub tokens=3 rate=0]]");
        using var response = await engine.DetachAsync(Guid.NewGuid(), "[[stub tokens=3 rate=0]]");
        var detached = await StreamedAnswer.ReadAsync(response);

        (answer.Usage, detached.Usage).ShouldBe((null, null));
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Deltas_ForALiveTurn_EndWithReasonAndUsage(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);
        var model = engine.Services.GetRequiredService<IChatModel>();
        var request = new ChatRequest
        {
            Messages = [], Stream = true, IncludeUsage = true, Body = JsonSerializer.SerializeToUtf8Bytes(
                Asking("[[stub tokens=60 rate=0 seed=5 unicode=1 finish=length]]", usage: true)),
        };

        var deltas = new List<ChatDelta>();
        await foreach (var delta in model.AnswerAsync(request, "stub", TestContext.Current.CancellationToken))
        {
            deltas.Add(delta);
        }

        string.Concat(deltas.Select(delta => delta.Text)).ShouldBe(StubText.Text(5, 60, true));
        deltas[^1].ShouldBe(new ChatDelta("", "length", Lyceum.EngineClient.TokenUsage.Of(1, 60)));
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Answer_WithoutText_IsCompleteWithItsReasonAlone(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);

        var empty = await engine.StreamAsync("[[stub tokens=0 finish=content_filter]]");
        (empty.Text, empty.FinishReason, empty.Done).ShouldBe(("", "content_filter", true));

        foreach (var detached in (bool[])[false, true])
        {
            using var response = await engine.DetachOrAskAsync(detached, Asking("[[stub tokens=0 cut_after=0]]"));
            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            body.ShouldContain("upstream_broken");
            body.ShouldNotContain("[DONE]");
        }
    }

    [Theory]
    [MemberData(nameof(Rejections))]
    public async Task Rejection_ByTheModelServer_HasTheSameStatusAndCode(string connector, (string Directive, int Status, string Code) rejection)
    {
        await using var engine = await Connector.EngineAsync(connector);
        var message = $"[[stub {rejection.Directive}]]";
        using var streamed = await engine.AskAsync(message);
        using var whole = await engine.AskAsync(message, stream: false);
        using var detached = await engine.DetachAsync(Guid.NewGuid(), message);

        foreach (var response in new[] { streamed, whole, detached })
        {
            await response.ShouldBeApiError(rejection.Status, rejection.Code);
            response.Headers.RetryAfter?.Delta.ShouldBe(
                rejection.Directive.Contains("retry_after", StringComparison.Ordinal) ? TimeSpan.FromSeconds(7) : null);
        }
        engine.Stub!.Log.Count.ShouldBe(3, "a POST is never repeated");
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Key_Wrong_IsReportedAsOurConfiguration(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector, new StubOptions(ApiKey: "another"));

        using var response = await engine.AskAsync("hi");
        var error = await response.ShouldBeApiError(502, "upstream_rejected");
        error.GetProperty("message").GetString()!.ShouldContain("Llm:ApiKey");
        using var models = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        await models.ShouldBeApiError(502, "upstream_rejected");
        (await HealthAsync(engine)).ShouldBe("degraded");
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Models_OverAnyConnector_AreListedAndOthersUnknown(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);

        using var list = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        (await list.JsonAsync()).GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()).ShouldBe(["stub"]);
        (await HealthAsync(engine)).ShouldBe("ok");
        using var unknown = await engine.AskAsync(new { model = "other", messages = new[] { new { role = "user", content = "hi" } } });
        await unknown.ShouldBeApiError(404, "model_not_found");
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task Stream_Broken_KeepsItsTextAndNamesTheCause(string connector, (string Directive, string Code) broken)
    {
        await using var engine = await Connector.EngineAsync(connector, ("Answers:BetweenTokens", "00:00:00.4"));
        foreach (var detached in (bool[])[false, true])
        {
            using var response = await engine.DetachOrAskAsync(
                detached, Asking($"[[stub tokens=20 rate=100 seed=2 {broken.Directive}]]", usage: true));
            var answer = await StreamedAnswer.ReadAsync(response);

            (answer.Text, answer.ErrorCode, answer.FinishReason, answer.Done).ShouldBe((StubText.Text(2, 5, false), broken.Code, null, false));
        }
        await engine.Stub!.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Count.ShouldBe(2);
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Whole_BrokenOrEndless_Is502(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);
        foreach (var directive in (string[])["drop_after=0", "garbage_after=0", "tokens=2500000"])
        {
            using var response = await engine.AskAsync($"[[stub tokens=20 {directive}]]", stream: false);
            await response.ShouldBeApiError(502, "upstream_broken");
        }
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Model_WithoutFirstToken_Is504AndFreed(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector, ("Answers:FirstToken", "00:00:00.3"));

        using var silent = await engine.AskAsync("[[stub tokens=3 header_delay_ms=60000]]");
        await silent.ShouldBeApiError(504, "first_token_timeout");
        // Headers, comments and a role are no beginning.
        var preparing = await engine.StreamAsync("[[stub tokens=3 first_delay_ms=60000 comment_every_ms=50]]");
        (preparing.Text, preparing.ErrorCode, preparing.Done).ShouldBe(("", "first_token_timeout", false));

        await engine.Stub!.UntilAsync(log => log.Running == 0);
        engine.Stub.Log.Requests.ShouldAllBe(request => request.Ended == StubEnd.ClientGone);
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Answer_LongerThanMaxDuration_IsCutWithItsCause(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector, ("Answers:MaxDuration", "00:00:00.7"));

        var answer = await engine.StreamAsync("[[stub tokens=1000 rate=50 seed=4]]");
        answer.ErrorCode.ShouldBe("max_duration");
        StubText.Text(4, 1000, false).ShouldStartWith(answer.Text.ShouldNotBeNull());
        using var whole = await engine.AskAsync("[[stub tokens=5 first_delay_ms=60000]]", stream: false);
        await whole.ShouldBeApiError(504, "max_duration");
        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Server_Missing_Is502AtOnce(string connector)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        await using var engine = await Engine.StartAsync(null, Connector.Settings(connector, $"http://127.0.0.1:{port}", "m"));

        foreach (var stream in (bool[])[true, false])
        {
            using var response = await engine.AskAsync("hi", stream);
            await response.ShouldBeApiError(502, "upstream_unreachable");
        }
        using var models = await engine.Client.GetAsync("/v1/models", TestContext.Current.CancellationToken);
        await models.ShouldBeApiError(502, "upstream_unreachable");
        (await HealthAsync(engine)).ShouldBe("degraded");
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Server_AcceptingNoConnection_Is504WithinTheConnectBound(string connector)
    {
        // A full backlog: the kernel lets further connection attempts wait.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var waiting = Enumerable.Range(0, 4)
            .Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false }).ToList();
        foreach (var socket in waiting)
        {
            Should.Throw<SocketException>(() => socket.Connect(full.LocalEndPoint!));
        }
        var url = $"http://127.0.0.1:{((IPEndPoint)full.LocalEndPoint!).Port}";
        await using var engine = await Engine.StartAsync(null, [.. Connector.Settings(connector, url, "m"), ("Answers:Connect", "00:00:00.3")]);

        foreach (var stream in (bool[])[true, false])
        {
            using var response = await engine.AskAsync("hi", stream);
            await response.ShouldBeApiError(504, "connect_timeout");
        }
        waiting.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [MemberData(nameof(Leavings))]
    public async Task Client_Gone_FreesTheModelAtOnce(string connector, string directive)
    {
        await using var engine = await Connector.EngineAsync(connector);
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

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Generation_Deleted_FreesTheModelAtOnce(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);
        var id = Guid.NewGuid();
        await engine.DetachAndLeaveAsync(id, "[[stub tokens=1000 stall_after=1]]");

        using var deleted = await engine.DeleteAsync(id);

        deleted.StatusCode.ShouldBe(HttpStatusCode.NoContent);
        await engine.Stub!.UntilAsync(log => log.Running == 0);
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Emoji_SplitOverEvents_ArrivesWhole(string connector)
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await Connector.EngineAsync(connector, upstream);
        upstream.Send("""{"choices":[{"index":0,"delta":{"content":"学🚀👩‍🚀 \\ud83d "},"finish_reason":null}]}""", piece: 1);
        // Halves of a surrogate pair in two events.
        upstream.Say("a\\ud83d");
        upstream.Say("\\ude80b");
        upstream.Finish();

        var id = Guid.NewGuid();
        using var response = await engine.DetachAsync(id, "hi");

        (await StreamedAnswer.ReadAsync(response)).Text.ShouldBe("学🚀👩‍🚀 \\ud83d a🚀b");
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Answer_WithToolCallsOrRefusal_IsRelayed(string connector)
    {
        await using var upstream = await RawUpstream.StartAsync();
        await using var engine = await Connector.EngineAsync(connector, upstream);
        string[] deltas =
        [
            """{"role":"assistant","content":null}""",
            """{"refusal":"not that"}""",
            """{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"look_up","arguments":""}}]}""",
            """{"tool_calls":[{"index":0,"function":{"arguments":"{\"term\":"}}]}""",
            """{"tool_calls":[{"index":0,"function":{"arguments":"\"学\"}"}}]}""",
        ];
        foreach (var delta in deltas)
        {
            upstream.Send($$"""{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{{delta}},"finish_reason":null}]}""");
        }
        upstream.Finish("tool_calls");

        using var response = await engine.AskAsync(new
        {
            stream = true,
            messages = new[] { new { role = "user", content = "hi" } },
            tools = new[] { new { type = "function", function = new { name = "look_up" } } },
        });
        var raw = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        var received = raw.Split("\n\n").Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
            .Select(line => JsonElement.Parse(line["data: ".Length..]).GetProperty("choices")[0]).ToList();
        var calls = received.Select(choice => choice.GetProperty("delta"))
            .Where(delta => delta.TryGetProperty("tool_calls", out _)).Select(delta => delta.GetProperty("tool_calls")[0]).ToList();
        calls.ShouldAllBe(call => call.GetProperty("index").GetInt32() == 0);
        (calls[0].GetProperty("id").GetString(), calls[0].GetProperty("function").GetProperty("name").GetString()).ShouldBe(("call_1", "look_up"));
        string.Concat(calls.Select(call => call.GetProperty("function").GetProperty("arguments").GetString())).ShouldBe("""{"term":"学"}""");
        received.Select(Refusal).ShouldContain("not that");
        received[^1].GetProperty("finish_reason").GetString().ShouldBe("tool_calls");
        raw.ShouldEndWith("data: [DONE]\n\n");

        static string? Refusal(JsonElement choice) =>
            choice.GetProperty("delta").TryGetProperty("refusal", out var refusal) ? refusal.GetString() : null;
    }

    [Theory]
    [MemberData(nameof(Connectors))]
    public async Task Request_OverAnyConnector_ReachesTheModelWithAllItsFields(string connector)
    {
        await using var engine = await Connector.EngineAsync(connector);
        const string Fields =
            """
            "messages":[{"role":"system","content":"Be kind."},
              {"role":"user","name":"ada","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}},{"type":"text","text":"[[stub tokens=2 rate=0]]"}]},
              {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"look-up","arguments":"{}"}}]},
              {"role":"tool","tool_call_id":"call_1","content":"学"}],
            "max_tokens":7,"temperature":0.25,"top_p":0.5,"stop":["x","y"],"seed":11,"user":"u","logit_bias":{"5":-1},"reasoning_effort":"low",
            "response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}}},
            "tools":[{"type":"function","function":{"name":"look-up","strict":true,"parameters":{"type":"object","$defs":{"a":{}},"additionalProperties":false}}}],
            "tool_choice":{"type":"function","function":{"name":"look-up"}},"parallel_tool_calls":false,"x_future_field":{"a":[1,null]}
            """;

        foreach (var stream in (string[])["false", "true"])
        {
            using var response = await engine.AskAsync(JsonElement.Parse($"{{{Fields},\"stream\":{stream}}}"));
            response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

            var sent = JsonElement.Parse(engine.Stub!.Log.Requests[^1].Body);
            sent.EnumerateObject().Select(property => property.Name).ShouldBeUnique();
            sent.GetProperty("stream").GetRawText().ShouldBe(stream);
            foreach (var field in JsonElement.Parse($"{{{Fields}}}").EnumerateObject())
            {
                JsonElement.DeepEquals(sent.GetProperty(field.Name), field.Value).ShouldBeTrue(field.Name);
            }
        }
    }

    private static object Asking(string message, bool usage = false) => new
    {
        stream = true,
        stream_options = new { include_usage = usage },
        messages = new[] { new { role = "user", content = message } },
    };

    private static (int Prompt, int Completion, int Total) Counts(JsonElement usage) => (
        usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32(),
        usage.GetProperty("total_tokens").GetInt32());

    private static async Task<string?> HealthAsync(Engine engine)
    {
        using var health = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        health.StatusCode.ShouldBe(HttpStatusCode.OK);
        return (await health.JsonAsync()).GetProperty("status").GetString();
    }
}
