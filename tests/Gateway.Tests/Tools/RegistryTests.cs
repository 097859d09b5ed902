using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Tools;

public sealed class RegistryTests(PostgresFixture postgres) : IAsyncLifetime
{
    private const string Echo = """[{"name":"echo","kind":"builtin"}]""";

    private ToolGateways _gateways = null!;

    public async ValueTask InitializeAsync() => _gateways = await ToolGateways.StartAsync(postgres);

    public async ValueTask DisposeAsync() => await _gateways.DisposeAsync();

    private async Task<JsonElement> GetAsync(string path, string token = ToolGateways.Ada)
    {
        var response = await _gateways.Gateway.GetAsync(path, token);
        var body = await response.JsonAsync();
        response.StatusCode.ShouldBe(HttpStatusCode.OK, body.ToString());
        return body;
    }

    private static List<string> Names(JsonElement list) =>
        [.. list.GetProperty("versions").EnumerateArray().Select(version => version.GetProperty("version").GetString()!)];

    [Fact]
    public async Task Drill_RegistersItsManifests_AndSeesTheVersion()
    {
        var manifests = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "config", "new-manifests.json"), TestContext.Current.CancellationToken);

        var created = await _gateways.PostAsync("/api/config/tools", $$"""{ "version": "v1763800000", "manifests": {{manifests}} }""");

        created.StatusCode.ShouldBe(HttpStatusCode.Created, await created.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        created.Headers.Location!.ToString().ShouldBe("/api/config/tools/v1763800000");
        var list = await GetAsync("/api/config/tools");
        list.GetProperty("active").GetString().ShouldBe("v1763800000");
        Names(list).ShouldBe(["v1763800000", "builtin"]);
        var version = list.GetProperty("versions")[0];
        version.GetProperty("active").GetBoolean().ShouldBeTrue();
        version.GetProperty("created_by").GetString().ShouldBe("ada");
        version.GetProperty("manifests").EnumerateArray().Select(tool => tool.GetProperty("name").GetString()).ShouldBe(["echo", "wikipedia_summary"]);
        (await _gateways.OutputAsync("echo", "[1]")).ToString().ShouldBe("[1]");
        var tools = (await GetAsync("/api/tools", ToolGateways.Cyd)).GetProperty("tools");
        tools[1].GetProperty("input_schema").GetProperty("required")[0].GetString().ShouldBe("title");
    }

    [Fact]
    public async Task DrillScript_Runs()
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Repository.Root, "docs", "smoke-tests", "register-tools.sh"), _gateways.Gateway.Client.BaseAddress!.ToString().TrimEnd('/')])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["GATEWAY_TOKEN_LOCAL"] = ToolGateways.Ada },
        };
        using var drill = Process.Start(start)!;
        var (output, errors) = (drill.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), drill.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await drill.WaitForExitAsync(TestContext.Current.CancellationToken);

        drill.ExitCode.ShouldBe(0, await errors);
        (await output).TrimEnd().ShouldEndWith("builtin is in force again");
    }

    [Fact]
    public async Task SameVersionAgain_Is409_WhateverIsInIt()
    {
        (await _gateways.RegisterAsync("v1", Echo)).StatusCode.ShouldBe(HttpStatusCode.Created);

        var problem = await (await _gateways.RegisterAsync("v1", "[]")).ShouldBeProblem(HttpStatusCode.Conflict, "tool_registry_version_exists");

        problem.GetProperty("detail").GetString()!.ShouldContain("tool registry version already exists");
        await (await _gateways.RegisterAsync("builtin", Echo)).ShouldBeProblem(HttpStatusCode.Conflict, "tool_registry_version_exists");
        (await GetAsync("/api/config/tools/v1")).GetProperty("manifests").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task SameVersion_FromManyAtOnce_IsMadeOnce()
    {
        await _gateways.AddReplicaAsync();
        var responses = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _gateways.RegisterAsync(
            "v1", $$"""[{"name":"echo","kind":"builtin","description":"number {{i}}"}]""", gateway: _gateways.Gateways[i % 2])));

        responses.Count(response => response.StatusCode == HttpStatusCode.Created).ShouldBe(1);
        responses.Count(response => response.StatusCode == HttpStatusCode.Conflict).ShouldBe(39);
        var winner = await responses.Single(response => response.StatusCode == HttpStatusCode.Created).JsonAsync();
        winner.GetProperty("digest").GetString().ShouldBe((await GetAsync("/api/config/tools/v1")).GetProperty("digest").GetString());
    }

    [Fact]
    public async Task Version_IsAllThereIs_AndCanBeTakenBack()
    {
        await _gateways.RegisterAsync("v1", Echo);
        await _gateways.RegisterAsync("v2", "[]");
        await (await _gateways.ExecuteAsync("echo")).ShouldBeProblem(HttpStatusCode.NotFound, "tool_not_found");

        var back = await (await _gateways.PostAsync("/api/config/tools/v1/activate", "")).JsonAsync();
        back.GetProperty("changed").GetBoolean().ShouldBeTrue();
        await _gateways.OutputAsync("echo");
        (await (await _gateways.PostAsync("/api/config/tools/v1/activate", "")).JsonAsync()).GetProperty("changed").GetBoolean().ShouldBeFalse();
        await _gateways.PostAsync("/api/config/tools/v2/activate", "");
        await _gateways.PostAsync("/api/config/tools/builtin/activate", "");
        await _gateways.OutputAsync("echo");

        var history = (await GetAsync("/api/config/tools/activations")).GetProperty("activations").EnumerateArray().ToList();
        history.Select(activation => activation.GetProperty("version").GetString()).ShouldBe(["builtin", "v2", "v1", "v2", "v1"]);
        history.ShouldAllBe(activation => activation.GetProperty("activated_by").GetString() == "ada");
        var first = await GetAsync("/api/config/tools/activations?limit=2");
        (await GetAsync($"/api/config/tools/activations?limit=9&cursor={first.GetProperty("next_cursor").GetString()}"))
            .GetProperty("activations").GetArrayLength().ShouldBe(3);
    }

    [Fact]
    public async Task Version_ThatIsNotToBeActivated_Waits()
    {
        (await (await _gateways.RegisterAsync("v1", "[]", activate: false)).JsonAsync()).GetProperty("active").GetBoolean().ShouldBeFalse();

        await _gateways.OutputAsync("echo");
        await _gateways.PostAsync("/api/config/tools/v1/activate", "");
        await (await _gateways.ExecuteAsync("echo")).ShouldBeProblem(HttpStatusCode.NotFound, "tool_not_found");
    }

    [Fact]
    public async Task Tenants_DoNotSeeOrReachEachOthersTools()
    {
        await _gateways.RegisterAsync("v1", """[{"name":"mine","kind":"http","description":"d","input_schema":true,"http":{"method":"GET","url":"https://example.org/"}}]""");

        Names(await GetAsync("/api/config/tools", ToolGateways.Bob)).ShouldBe(["builtin"]);
        await (await _gateways.Gateway.GetAsync("/api/config/tools/v1", ToolGateways.Bob)).ShouldBeProblem(HttpStatusCode.NotFound, "tool_version_not_found");
        await (await _gateways.PostAsync("/api/config/tools/v1/activate", "", ToolGateways.Bob)).ShouldBeProblem(HttpStatusCode.NotFound, "tool_version_not_found");
        await (await _gateways.ExecuteAsync("mine", token: ToolGateways.Bob)).ShouldBeProblem(HttpStatusCode.NotFound, "tool_not_found");
        (await GetAsync("/api/config/tools/activations", ToolGateways.Bob)).GetProperty("activations").GetArrayLength().ShouldBe(0);
        await _gateways.OutputAsync("echo", token: ToolGateways.Bob);
        // The same name is another version there.
        (await _gateways.RegisterAsync("v1", Echo, ToolGateways.Bob)).StatusCode.ShouldBe(HttpStatusCode.Created);
    }

    [Fact]
    public async Task List_IsPaged_NewestFirst()
    {
        for (var i = 1; i <= 5; i++)
            await _gateways.RegisterAsync($"v{i}", Echo, activate: i == 2);

        var first = await GetAsync("/api/config/tools?limit=3");
        Names(first).ShouldBe(["v5", "v4", "v3"]);
        first.GetProperty("active").GetString().ShouldBe("v2");
        var last = await GetAsync($"/api/config/tools?limit=3&cursor={first.GetProperty("next_cursor").GetString()}");
        Names(last).ShouldBe(["v2", "v1", "builtin"]);
        last.GetProperty("next_cursor").ValueKind.ShouldBe(JsonValueKind.Null);
        await (await _gateways.Gateway.GetAsync("/api/config/tools?limit=101", ToolGateways.Ada)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
        await (await _gateways.Gateway.GetAsync("/api/config/tools?cursor=-1", ToolGateways.Ada)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_cursor");
    }

    [Theory]
    [InlineData("%0a")]
    [InlineData("a%20b")]
    [InlineData("none")]
    public async Task UnknownVersion_Is404(string version)
    {
        await (await _gateways.Gateway.GetAsync($"/api/config/tools/{version}", ToolGateways.Ada)).ShouldBeProblem(HttpStatusCode.NotFound, "tool_version_not_found");
        await (await _gateways.PostAsync($"/api/config/tools/{version}/activate", "")).ShouldBeProblem(HttpStatusCode.NotFound, "tool_version_not_found");
    }

    [Fact]
    public async Task Manifests_ThatAreWrong_AreRefused_WithEveryFaultAndItsPath()
    {
        var problem = await (await _gateways.PostAsync("/api/config/tools", """
            {"version":"bad version","acitvate":false,"manifests":[
              {"name":"1st","kind":"builtin","timeout":5},
              {"name":"a","kind":"http","description":"d","input_schema":{"type":"text"},"timeout_ms":0,
               "http":{"method":"FETCH","url":"ftp://x/","headers":{"Host":"x","X-A":{"secret":5}},"bdy":"x"}},
              {"name":"b","kind":"mcp","http":{},"mcp":{"url":"https://x/","server":"y","definition_digest":"md5"}},
              {"name":"c","kind":"http","description":"d","input_schema":true,"http":{"method":"GET","url":"https://{host}/x"}},
              {"name":"d","kind":"other"}, 7]}
            """)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

        problem.GetProperty("errors").EnumerateObject().Select(error => error.Name).ShouldBe(
            [
                "/version", "/acitvate", "/manifests/0/name", "/manifests/0/timeout", "/manifests/1/input_schema/type", "/manifests/1/timeout_ms",
                "/manifests/1/http/method", "/manifests/1/http/url", "/manifests/1/http/headers/Host", "/manifests/1/http/headers/X-A/secret",
                "/manifests/1/http/bdy", "/manifests/2/http", "/manifests/2/mcp", "/manifests/2/mcp/definition_digest",
                "/manifests/3/http/url", "/manifests/4/kind", "/manifests/5",
            ], ignoreOrder: true);
        Names(await GetAsync("/api/config/tools")).ShouldBe(["builtin"]);
    }

    [Theory]
    [InlineData("""[{"name":"echo","kind":"builtin"},{"name":"echo","kind":"builtin"}]""")]
    [InlineData("{}")]
    [InlineData("null")]
    public async Task Manifests_ThatAreNoList_OrNameAToolTwice_AreRefused(string manifests) =>
        (await (await _gateways.RegisterAsync("v1", manifests)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request"))
            .GetProperty("errors").TryGetProperty("/manifests", out _).ShouldBeTrue();

    [Fact]
    public async Task Versions_AreBounded()
    {
        _gateways.Configure(tools => tools["max_versions"] = 1);
        var version = 0;

        await Eventually.TrueAsync(
            async () => (await _gateways.RegisterAsync($"v{++version}", Echo)).StatusCode == HttpStatusCode.TooManyRequests, "the limit is in force", 5);
        version.ShouldBeGreaterThan(1);
    }

    [Fact]
    public async Task Replicas_Follow_WithoutABroker()
    {
        var other = await _gateways.AddReplicaAsync();
        await _gateways.RegisterAsync("v1", "[]");
        await FollowedAsync(other, HttpStatusCode.NotFound);
        await _gateways.PostAsync("/api/config/tools/builtin/activate", "");
        await FollowedAsync(other, HttpStatusCode.OK);
    }

    private async Task FollowedAsync(TestGateway other, HttpStatusCode expected)
    {
        (await _gateways.ExecuteAsync("echo")).StatusCode.ShouldBe(expected); // where it was activated, at once
        await Eventually.TrueAsync(async () => (await _gateways.ExecuteAsync("echo", gateway: other)).StatusCode == expected, "the other replica follows");
    }

    [Fact]
    public async Task DatabaseThatIsAway_TakesNothingAway_AndIsFollowedAgain()
    {
        var other = await _gateways.AddReplicaAsync();
        await _gateways.RegisterAsync("v1", """[{"name":"echo","kind":"builtin","description":"of v1"}]""");
        await FollowedAsync(other, HttpStatusCode.OK);

        await _gateways.SetDatabaseAsync(isThere: false);
        var refused = await _gateways.RegisterAsync("v2", "[]");
        refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        for (var i = 0; i < 20; i++)
            await _gateways.OutputAsync("echo");
        await _gateways.SetDatabaseAsync(isThere: true);

        await Eventually.TrueAsync(async () => (await _gateways.RegisterAsync("v2", "[]")).StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict, "it is back");
        await Eventually.TrueAsync(async () => (await _gateways.ExecuteAsync("echo", gateway: other)).StatusCode == HttpStatusCode.NotFound, "the other replica follows");
    }

    /// <summary>Whether the tenant has taken the tool away is not known.</summary>
    [Fact]
    public async Task GatewayThatNeverReadTheRegistry_RunsNothing()
    {
        var blind = await _gateways.AddReplicaAsync(database: "Host=127.0.0.1;Port=9;Database=none;Username=nobody");

        await (await _gateways.ExecuteAsync("echo", gateway: blind)).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "service_unavailable");
    }

    [Fact]
    public async Task DigestOfAVersion_DoesNotDependOnHowItIsWritten()
    {
        var one = await (await _gateways.RegisterAsync("v1", """[{"name":"echo","kind":"builtin","description":"\u0041 é"}]""")).JsonAsync();
        var other = await (await _gateways.RegisterAsync("v2", """ [ {"description":"A \u00e9" , "kind":"builtin","name":"echo"} ] """)).JsonAsync();
        var another = await (await _gateways.RegisterAsync("v3", """[{"name":"echo","kind":"builtin","description":"A e"}]""")).JsonAsync();

        other.GetProperty("digest").GetString().ShouldBe(one.GetProperty("digest").GetString());
        another.GetProperty("digest").GetString().ShouldNotBe(one.GetProperty("digest").GetString());
    }

    /// <summary>What docs/tools.md shows, done.</summary>
    [Fact]
    public async Task Documentation_IsTrue()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "tools.md"), TestContext.Current.CancellationToken);
        var examples = Regex.Matches(text, "```json\n(?<example>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture).Select(match => match.Groups["example"].Value).ToList();
        Environment.SetEnvironmentVariable("FILES_KEY", "key");
        await using var gateways = await ToolGateways.StartAsync(postgres);
        gateways.Configure(tools =>
        {
            foreach (var (name, value) in JsonNode.Parse(examples.Single(example => example.Contains("mcp_servers")))!["tools"]!.AsObject())
                tools[name] = value!.DeepClone();
            tools["secrets"]!["tickets"]!["file"] = gateways.File("tickets", "secret");
        });

        var answer = await (await gateways.PostAsync("/api/tools/execute", examples[0])).Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        JsonNode.DeepEquals(JsonNode.Parse(answer), JsonNode.Parse(examples[1])).ShouldBeTrue(answer);
        var manifest = examples.Single(example => example.Contains("create_ticket"));
        var version = 0;
        await Eventually.TrueAsync(
            async () => (await gateways.RegisterAsync($"v{++version}", $"[{manifest}]")).StatusCode == HttpStatusCode.Created, "the configuration is in force");
    }
}
