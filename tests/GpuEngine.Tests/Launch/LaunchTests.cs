using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lyceum.GpuEngine.Launch;
using Lyceum.Tests.GpuEngine.Sessions;
using Lyceum.Tests.StubModel;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.GpuEngine.Launch;

/// <summary>A model server of real processes, started and kept by an engine.</summary>
public sealed class LaunchTests
{
    private readonly LaunchedProcesses _processes = new();

    [Fact]
    public async Task Server_Loading_IsNotAskedUntilItIsReady()
    {
        var gate = Path.Combine(Path.GetTempPath(), $"launch-{Guid.NewGuid():N}");
        await using var engine = await Engine.StartAsync(null, _processes.Settings(
            $"""sh -c "while [ ! -e '{gate}' ]; do sleep 0.05; done; exec {LaunchedProcesses.Stub}" """));
        try
        {
            await UntilAsync(engine, state => state.Phase is ServerPhase.Loading);
            using (var refused = await engine.AskAsync("[[stub tokens=3]]"))
            {
                (await refused.ShouldBeApiError(503, "model_loading")).GetProperty("message").GetString()!.ShouldContain("loading");
                refused.Headers.RetryAfter!.Delta!.Value.ShouldBeGreaterThan(TimeSpan.Zero);
            }
            var (status, check) = await HealthAsync(engine);
            (status, check.GetProperty("status").GetString()).ShouldBe((HttpStatusCode.OK, "degraded"));
            check.GetProperty("detail").GetString()!.ShouldContain("loading");
        }
        finally
        {
            await File.WriteAllTextAsync(gate, "", TestContext.Current.CancellationToken);
        }

        var ready = await UntilAsync(engine, state => state.Phase is ServerPhase.Ready);
        File.Delete(gate);
        (await engine.StreamAsync("[[stub tokens=3 seed=5]]")).Text.ShouldBe(StubText.Text(5, 3, false));
        (await HealthAsync(engine)).Check.GetProperty("status").GetString().ShouldBe("ok");
        var facts = (await GetAsync(engine, "/v1/engine/state")).GetProperty("model_server");
        (facts.GetProperty("state").GetString(), facts.GetProperty("pid").GetInt32(), facts.GetProperty("restarts").GetInt32())
            .ShouldBe(("ready", ready.Pid!.Value, 0));
        (await LogAsync(engine)).ShouldContain($"listening on http://127.0.0.1:{ready.Address!.Port}");
        (await MetricsAsync(engine)).ShouldContain("lyceum_engine_model_server_up{} 1");
    }

    [Fact]
    public async Task Server_Killed_IsRestartedAndAnswers()
    {
        await using var engine = await Engine.StartAsync(null, _processes.Settings(LaunchedProcesses.Stub));
        var first = await UntilAsync(engine, state => state.Phase is ServerPhase.Ready);
        (await engine.StreamAsync("[[stub tokens=3]]")).Done.ShouldBeTrue();

        LaunchedProcesses.Signal(first.Pid!.Value, "KILL");

        var second = await UntilAsync(engine, state => state is { Phase: ServerPhase.Ready, Restarts: 1 });
        second.Pid.ShouldNotBe(first.Pid);
        (await engine.StreamAsync("[[stub tokens=3 seed=7]]")).Text.ShouldBe(StubText.Text(7, 3, false));
        (await LogAsync(engine)).ShouldContain(line => line.Contains("exit code 137", StringComparison.Ordinal));
        (await MetricsAsync(engine)).ShouldContain("lyceum_engine_model_server_restarts_total{reason=\"exited\"} 1");
    }

    [Fact]
    public async Task Server_Hanging_IsRestarted()
    {
        await using var engine = await Engine.StartAsync(null, _processes.Settings(
            LaunchedProcesses.Stub, ("Llm:Launch:HealthTimeout", "00:00:02"), ("Llm:Launch:HealthFailures", "2")));
        var hung = await UntilAsync(engine, state => state.Phase is ServerPhase.Ready);

        // It takes connections and says nothing; and SIGTERM does not reach it.
        LaunchedProcesses.Signal(hung.Pid!.Value, "STOP");

        await UntilAsync(engine, state => state is { Phase: ServerPhase.Loading, Restarts: 1, Pid: not null });
        _processes.Alive().ShouldNotContain(hung.Pid.Value, "there are never two");
        await UntilAsync(engine, state => state is { Phase: ServerPhase.Ready, Restarts: 1 });
        (await engine.StreamAsync("[[stub tokens=3]]")).Done.ShouldBeTrue();
        (await MetricsAsync(engine)).ShouldContain("lyceum_engine_model_server_restarts_total{reason=\"hung\"} 1");
    }

    [Fact]
    public async Task Server_EndingAtOnce_IsRestartedWithBackoff_AndHealthShowsItsLastLines()
    {
        await using var engine = await Engine.StartAsync(null, _processes.Settings(
            "sh -c 'echo reading {port}; echo out of GPU memory >&2; exit 3'", ("Llm:Launch:MaxBackoff", "00:00:00.4")));

        await UntilAsync(engine, state => state is { Phase: ServerPhase.Waiting, Restarts: >= 4 });

        (await LogAsync(engine)).Where(line => line.Contains("started again", StringComparison.Ordinal)).Take(5).ShouldBe(
            new[] { "0.1", "0.2", "0.4", "0.4", "0.4" }.Select(wait => $"it ended with exit code 3; started again in {wait} s"));
        var check = (await HealthAsync(engine)).Check;
        check.GetProperty("status").GetString().ShouldBe("degraded");
        check.GetProperty("detail").GetString()!.ShouldContain("exit code 3");
        check.GetProperty("detail").GetString()!.ShouldContain("out of GPU memory");
        using var refused = await engine.AskAsync("?");
        // What the server prints is for operators, not for callers.
        (await refused.ShouldBeApiError(503, "model_loading")).GetProperty("message").GetString()!.ShouldNotContain("GPU");
    }

    [Fact]
    public async Task Server_NotReadyInTime_IsRestarted()
    {
        await using var engine = await Engine.StartAsync(null, _processes.Settings("sleep 1000", ("Llm:Endpoint", "http://127.0.0.1:1/v1"), ("Llm:Launch:StartTimeout", "00:00:00.5")));

        var state = await UntilAsync(engine, state => state is { Phase: ServerPhase.Loading, Restarts: >= 1, Pid: not null });

        state.Trouble.ShouldBe("it was not ready within 0.5 s: it takes no connections");
        _processes.Alive().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Program_Missing_IsNamed()
    {
        await using var engine = await Engine.StartAsync(null, _processes.Settings("no-such-model-server --port {port}"));

        var state = await UntilAsync(engine, state => state.Phase is ServerPhase.Waiting && state.Trouble is not null);

        state.Trouble.ShouldBe("it ended with exit code 127");
        state.LastWords!.ShouldContain("no-such-model-server: not found");
    }

    [Fact]
    public async Task Port_TakenByAnotherProgram_IsNotTakenForTheServer()
    {
        await using var stranger = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await Engine.StartAsync(null, _processes.Settings(LaunchedProcesses.Stub, ("Llm:Endpoint", stranger.Endpoint)));

        var state = await UntilAsync(engine, state => state.Trouble is not null);

        state.Trouble!.ShouldContain($"port {new Uri(stranger.Endpoint).Port} is taken");
        using var refused = await engine.AskAsync("?");
        (await refused.ShouldBeApiError(503, "model_loading")).GetProperty("message").GetString()!.ShouldNotContain("port");
        stranger.Log.Count.ShouldBe(0);
    }

    // A worker in the server's group, one that left its session as daemons do, and one that does not want to go.
    private static string WithWorkers => $"""sh -c "sleep 1000 & setsid sleep 1000 & sh -c 'trap : TERM; while :; do sleep 1000; done' & exec {LaunchedProcesses.Stub}" """;

    [Fact]
    public async Task Engine_Stopped_LeavesNoProcessOfTheServer()
    {
        await using (var engine = await Engine.StartAsync(null, _processes.Settings(WithWorkers, ("Drain:Timeout", "00:00:30"))))
        {
            await UntilAsync(engine, state => state.Phase is ServerPhase.Ready);
            _processes.Alive().Count.ShouldBeGreaterThanOrEqualTo(4);

            await engine.App.StopAsync(TestContext.Current.CancellationToken);

            _processes.Alive().ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task Engine_Killed_LeavesNoProcessOfTheServer()
    {
        await using var unused = await StubModelServer.StartAsync(cancel: TestContext.Current.CancellationToken);
        await using var engine = await EngineProcess.StartAsync(
            unused, [("Llm__Endpoint", ""), .. _processes.Settings(WithWorkers).Select(setting => (setting.Key.Replace(":", "__"), setting.Value))]);
        using var http = new HttpClient { BaseAddress = engine.Addresses[0] };
        await Eventually.TrueAsync(
            async () => Check(await (await http.GetAsync("/health", TestContext.Current.CancellationToken)).JsonAsync()).GetProperty("status").GetString() is "ok",
            "the model server is ready", 60);
        _processes.Alive().Count.ShouldBeGreaterThanOrEqualTo(4);

        engine.Kill();

        await _processes.NoneIsLeftAsync();
    }

    [Fact]
    public async Task Log_OfTheServer_IsBoundedAndHasNoSecrets()
    {
        Environment.SetEnvironmentVariable("LAUNCH_TEST__SETTING", "of the engine alone");
        await using var engine = await Engine.StartAsync(null, _processes.Settings(
            """
            sh -c 'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i + 1)); done
            printf "\r 10%%\r 50%%\r100%% loaded\r\n"
            env; echo "args: --api-key $MODEL_API_KEY"; head -c 10000 /dev/zero | tr "\0" x; echo; echo the end; sleep 1000'
            """,
            ("Llm:Endpoint", "http://127.0.0.1:1/v1"), ("Llm:Launch:LogLines", "150"),
            ("Llm:Launch:Environment:MODEL_API_KEY", "sk-not-for-you"), ("Llm:Launch:Environment:CUDA_VISIBLE_DEVICES", "1")));
        await Eventually.TrueAsync(async () => (await LogAsync(engine)).Contains("the end"), "all is said");

        var lines = await LogAsync(engine);
        lines.Count.ShouldBeLessThanOrEqualTo(150);
        lines.Max(line => line.Length).ShouldBe(4096);
        lines.ShouldContain("args: --api-key ***");
        lines.ShouldContain("MODEL_API_KEY=***");
        lines.ShouldContain("CUDA_VISIBLE_DEVICES=1");
        lines.ShouldNotContain(line => line.Contains("sk-not", StringComparison.Ordinal) || line.Contains("engine alone", StringComparison.Ordinal));
        lines.ShouldContain("100% loaded");
        lines.ShouldNotContain("line 0");

        var document = await GetAsync(engine, "/v1/engine/log");
        var last = document.GetProperty("lines").EnumerateArray().Last().GetProperty("number").GetInt64();
        last.ShouldBeGreaterThan(300);
        (await GetAsync(engine, $"/v1/engine/log?after={last}")).GetProperty("lines").GetArrayLength().ShouldBe(0);
        using var forbidden = await engine.Client.GetAsync("/v1/engine/log", TestContext.Current.CancellationToken);
        await forbidden.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task Engine_WithoutLaunch_HasNoServer()
    {
        await using var engine = await Engine.PrimerAsync();

        (await GetAsync(engine, "/v1/engine/state")).GetProperty("model_server").ValueKind.ShouldBe(JsonValueKind.Null);
        using var log = await SendAsync(engine, "/v1/engine/log");
        await log.ShouldBeProblem(HttpStatusCode.NotFound, "not_found");
    }

    private static async Task<ServerState> UntilAsync(Engine engine, Func<ServerState, bool> condition)
    {
        var server = engine.Services.GetRequiredService<ModelServer>();
        ServerState? met = null;
        await Eventually.TrueAsync(
            () => Task.FromResult(condition(server.State) && (met = server.State) is not null), $"the model server's state; it is {server.State}", 60);
        return met!;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Check)> HealthAsync(Engine engine)
    {
        // A report is shared for half a second: the next one is of now.
        await Task.Delay(TimeSpan.FromMilliseconds(510), TestContext.Current.CancellationToken);
        using var response = await engine.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        return (response.StatusCode, Check(await response.JsonAsync()));
    }

    private static JsonElement Check(JsonElement health) => health.GetProperty("checks").GetProperty("model_server");

    private static async Task<List<string>> LogAsync(Engine engine) =>
        [.. (await GetAsync(engine, "/v1/engine/log")).GetProperty("lines").EnumerateArray().Select(line => line.GetProperty("text").GetString()!)];

    private static async Task<JsonElement> GetAsync(Engine engine, string path)
    {
        using var response = await SendAsync(engine, path);
        response.IsSuccessStatusCode.ShouldBeTrue(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return await response.JsonAsync();
    }

    private static async Task<HttpResponseMessage> SendAsync(Engine engine, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", engine.Token(scope: "ops"));
        return await engine.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static Task<string> MetricsAsync(Engine engine) => engine.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
}
