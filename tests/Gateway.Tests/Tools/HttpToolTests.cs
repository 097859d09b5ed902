using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests.Tools;

public sealed class HttpToolTests(SharedToolGateways shared, PostgresFixture postgres) : IClassFixture<SharedToolGateways>, IAsyncLifetime
{
    private readonly ToolGateways _gateways = shared.Gateways;
    private ToolBackend _backend = null!;

    public async ValueTask InitializeAsync() => _backend = await ToolBackend.StartAsync();

    public async ValueTask DisposeAsync() => await _backend.DisposeAsync();

    /// <summary>Registers a tool <c>t</c> that calls the backend at this path.</summary>
    private Task OfferAsync(string path, string method = "GET", string more = "", string host = "127.0.0.1", string http = "", ToolGateways? gateways = null) => (gateways ?? _gateways).OfferAsync(
        $$$"""{"name":"t","kind":"http","description":"d","input_schema":true,{{{more}}}"http":{"method":"{{{method}}}",{{{http}}}"url":"{{{_backend.Url(path, host)}}}"}}""");

    [Fact]
    public async Task Get_PutsTheInputIntoPathAndQuery()
    {
        await OfferAsync("/users/{id}/posts");

        (await _gateways.OutputAsync("t", """{"id":"a/b?c#d é","limit":5,"tags":["x&y","z"],"none":null}""")).GetProperty("ok").GetBoolean().ShouldBeTrue();

        var (method, target, headers, body) = _backend.Seen.ShouldHaveSingleItem();
        (method, body).ShouldBe(("GET", ""));
        target.ShouldBe("/users/a%2Fb%3Fc%23d%20%C3%A9/posts?limit=5&tags=x%26y&tags=z");
        headers.Keys.ShouldNotContain("Authorization"); // the caller's
        headers.Keys.ShouldNotContain("traceparent");
        headers.Keys.ShouldNotContain("Cookie");
        headers.AcceptEncoding.ToString().ShouldBe("identity");
    }

    [Fact]
    public async Task Post_SendsWhatIsLeftAsJson()
    {
        await OfferAsync("/users/{id}", "POST", http: """ "query":["dry"],""");
        await _gateways.OutputAsync("t", """{"id":7,"dry":true,"name":"Ada","age":1.50}""");
        _backend.Seen.TryDequeue(out var seen);
        seen.Target.ShouldBe("/users/7?dry=true");
        seen.Body.ShouldBe("""{"name":"Ada","age":1.50}""");
        seen.Headers.ContentType.ToString().ShouldBe("application/json");

        await OfferAsync("/users", "PUT", http: """ "body":"user",""");
        await _gateways.OutputAsync("t", """{"user":[1,2],"more":3}""");
        _backend.Seen.TryDequeue(out seen);
        seen.Body.ShouldBe("[1,2]");
    }

    [Theory]
    [InlineData("""{"id":".."}""")]
    [InlineData("""{"id":"."}""")]
    [InlineData("""{"id":""}""")]
    [InlineData("""{"id":{}}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    public async Task Input_ThatLeadsElsewhere_Is400_AndNothingIsSent(string input)
    {
        await OfferAsync("/users/{id}/posts");

        await (await _gateways.ExecuteAsync("t", input)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_input");
        _backend.Seen.ShouldBeEmpty();
    }

    /// <summary>Also where it is the last segment, or part of one: a DELETE of one item must not become one of all.</summary>
    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("./")]
    [InlineData("../..")]
    [InlineData("a/../b")]
    [InlineData("a/.")]
    [InlineData("..\\\\x")]
    [InlineData("")]
    public async Task LastSegment_ThatLeadsElsewhere_Is400_AndNothingIsSent(string id)
    {
        await OfferAsync("/items/{id}", "DELETE");

        await (await _gateways.ExecuteAsync("t", $$"""{"id":"{{id}}"}""")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_input");
        _backend.Seen.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("%2e", "/items/%252e")]
    [InlineData("%2E%2e", "/items/%252E%252e")]
    [InlineData("...", "/items/...")]
    [InlineData("a.", "/items/a.")]
    [InlineData("a/b", "/items/a%2Fb")]
    [InlineData("?x=1", "/items/%3Fx%3D1")]
    [InlineData("#x", "/items/%23x")]
    [InlineData("a;b", "/items/a%3Bb")]
    [InlineData(" ", "/items/%20")]
    [InlineData("//evil.example", "/items/%2F%2Fevil.example")]
    public async Task LastSegment_OfAnythingElse_IsOneSegment(string id, string target)
    {
        await OfferAsync("/items/{id}", "DELETE");

        await _gateways.OutputAsync("t", $$"""{"id":"{{id}}"}""");
        _backend.Seen.ShouldHaveSingleItem().Target.ShouldBe(target);
    }

    [Fact]
    public async Task Segment_OfSeveralProperties_IsCheckedWhole()
    {
        await OfferAsync("/items/{a}{b}/x", "DELETE");

        await (await _gateways.ExecuteAsync("t", """{"a":".","b":"."}""")).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_input");
        _backend.Seen.ShouldBeEmpty();
    }

    /// <summary>Type, bytes in hexadecimal, the output's JSON.</summary>
    [Theory]
    [InlineData("text/plain; charset=gbk", "D1A7CFB0", "\"学习\"")]
    [InlineData("text/plain; charset=GB2312", "D1A7CFB0", "\"学习\"")]
    [InlineData("text/plain;charset=\"gb18030\"", "D1A7CFB0", "\"学习\"")]
    [InlineData("text/plain; charset=iso-8859-1", "4772FCDF65", "\"Grüße\"")]
    [InlineData("text/plain; charset=latin1", "4772FCDF65", "\"Grüße\"")]
    [InlineData("text/plain; charset=windows-1252", "80", "\"€\"")]
    [InlineData("text/plain; charset=utf8", "C3BC", "\"ü\"")]
    [InlineData("text/plain; charset=utf-16", "FFFE665B", "\"学\"")]
    [InlineData("text/plain", "FFFE665B", "\"学\"")]
    [InlineData("text/plain", "EFBBBF61", "\"a\"")]
    [InlineData("text/html", "3C6D65746120636861727365743D67626B3ED1A7", "\"<meta charset=gbk>学\"")]
    [InlineData("application/json", "EFBBBF7B2261223A317D", "{\"a\":1}")]
    [InlineData("Application/JSON", "7B2261223A317D", "{\"a\":1}")]
    [InlineData("APPLICATION/JSON; Charset=UTF-8", "7B2261223A317D", "{\"a\":1}")]
    [InlineData("application/json; charset=gbk", "22D1A7CFB022", "\"学习\"")]
    [InlineData("application/json; charset=utf-8;", "7B7D", "{}")]
    [InlineData("application/problem+json", "7B7D", "{}")]
    [InlineData("application/vnd.api+JSON", "7B7D", "{}")]
    [InlineData("text/json", "7B2261223A317D", "{\"a\":1}")]
    [InlineData(null, "7B2261223A317D", "{\"a\":1}")]
    [InlineData(null, "61", "\"a\"")]
    public async Task Answer_OfAnyCharsetAndType_IsRead(string? type, string bytes, string output)
    {
        await OfferAsync(As(type, bytes));

        (await _gateways.OutputAsync("t")).GetRawText().ShouldBe(output);
    }

    [Theory]
    [InlineData("text/plain", "B9E2BACF", "utf-8")] // GBK that nobody announced
    [InlineData("text/plain; charset=utf-8", "FC", "utf-8")]
    [InlineData("text/plain; charset=klingon", "61", "klingon")]
    [InlineData("application/json", "EFBBBF7B", "JSON")]
    [InlineData("application/octet-stream", "7B7D", "neither")]
    public async Task Answer_ThatCannotBeRead_Is502_AndSaysWhy(string type, string bytes, string says)
    {
        await OfferAsync(As(type, bytes));

        var problem = await (await _gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "tool_failed");
        problem.GetProperty("detail").GetString()!.ShouldContain(says);
    }

    private static string As(string? type, string bytes) =>
        $"/as?bytes={bytes}{(type is null ? "" : $"&type={Uri.EscapeDataString(type)}")}";

    [Theory]
    [InlineData("/text", "\"Grüße\"")]
    [InlineData("/empty", "null")]
    public async Task Answer_ThatIsNoJson_IsTextOrNothing(string path, string output)
    {
        await OfferAsync(path);

        (await _gateways.OutputAsync("t")).GetRawText().ShouldBe(output);
    }

    [Theory]
    [InlineData("/status/404", 404)]
    [InlineData("/status/500", 500)]
    [InlineData("/redirect", 302)]
    [InlineData("/html-as-json", null)]
    [InlineData("/half-a-pair", null)]
    [InlineData("/bytes", null)]
    [InlineData("/bomb", null)]
    [InlineData("/huge", null)]
    [InlineData("/endless", null)]
    public async Task Answer_ThatIsWrong_Is502_AndItsWordsStayInside(string path, int? status)
    {
        await OfferAsync(path, more: """ "max_output_bytes":50000,""");

        var problem = await (await _gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "tool_failed");

        problem.ToString().ShouldNotContain("own words");
        if (status is not null)
            problem.GetProperty("upstream_status").GetInt32().ShouldBe(status.Value);
        _backend.Seen.ShouldHaveSingleItem().Target.ShouldBe(path);
    }

    [Theory]
    [InlineData("/silent")]
    [InlineData("/slow-body")]
    public async Task Answer_ThatTakesTooLong_Is504(string path)
    {
        await OfferAsync(path, more: """ "timeout_ms":200,""");

        await (await _gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.GatewayTimeout, "timeout");
    }

    [Fact]
    public async Task Output_ThatDoesNotFitItsSchema_Is502()
    {
        await OfferAsync("/anything", more: """ "output_schema":{"properties":{"ok":{"type":"string"}}},""");

        await (await _gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "tool_failed");
    }

    [Fact]
    public async Task BrokenCall_IsRepeatedOnce_OnlyWhereThatIsSafe()
    {
        await OfferAsync("/once-broken");
        (await _gateways.OutputAsync("t")).GetString().ShouldBe("well again");
        _backend.Seen.Count.ShouldBe(2);

        await OfferAsync("/once-broken", "POST");
        await (await _gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "tool_failed");
        _backend.Seen.Count.ShouldBe(3);
        await _gateways.OutputAsync("t"); // an even one

        await OfferAsync("/once-broken", "POST", more: """ "idempotent":true,""");
        (await _gateways.OutputAsync("t")).GetString().ShouldBe("well again");
    }

    [Fact]
    public async Task Call_BeyondTheToolsConcurrency_Is429_AtOnce()
    {
        await OfferAsync("/held", more: """ "max_concurrency":2,""");
        var running = new[] { _gateways.ExecuteAsync("t"), _gateways.ExecuteAsync("t", token: ToolGateways.Ada) };
        await Eventually.TrueAsync(() => Task.FromResult(_backend.Seen.Count == 2), "both have arrived");

        var refused = await _gateways.ExecuteAsync("t");

        await refused.ShouldBeProblem(HttpStatusCode.TooManyRequests, "overloaded");
        refused.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        _backend.Held.Release(2);
        (await Task.WhenAll(running)).ShouldAllBe(response => response.IsSuccessStatusCode);
        _backend.Held.Release();
        (await _gateways.ExecuteAsync("t")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Calls_BeyondTheProcesss_Are503()
    {
        await using var gateways = await ToolGateways.StartAsync(postgres, tools =>
        {
            tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.1") };
            tools["max_concurrent_calls"] = 1;
        });
        await OfferAsync("/held", gateways: gateways);
        var held = gateways.ExecuteAsync("t");
        await Eventually.TrueAsync(() => Task.FromResult(!_backend.Seen.IsEmpty), "it has arrived");

        await (await gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.ServiceUnavailable, "overloaded");

        _backend.Held.Release();
        (await held).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("localhost")] // a name that leads inside
    [InlineData("[::1]")]
    [InlineData("[::ffff:127.0.0.2]")]
    [InlineData("2130706434")] // 127.0.0.2, as a browser would read it
    [InlineData("0x7f.2")]
    [InlineData("0.0.0.0")]
    public async Task PrivateAddress_IsNotConnectedTo(string host)
    {
        await using var gateways = await ToolGateways.StartAsync(postgres); // nothing is allowed
        await gateways.OfferAsync($$$"""{"name":"t","kind":"http","description":"d","input_schema":true,"http":{"method":"GET","url":"{{{_backend.Url("/private", host)}}}"}}""");

        await (await gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "egress_refused");

        _backend.Seen.ShouldBeEmpty();
    }

    [Fact]
    public async Task AllowList_IsFollowed_WithoutARestart_AlsoByConnectionsThatAreOpen()
    {
        await using var gateways = await ToolGateways.StartAsync(postgres, tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.1") });
        await OfferAsync("/x", host: "localhost", gateways: gateways);
        await gateways.OutputAsync("t"); // and the connection is kept

        gateways.Configure(_ => { });
        await Eventually.TrueAsync(async () => !(await gateways.ExecuteAsync("t")).IsSuccessStatusCode, "it is refused");
        await (await gateways.ExecuteAsync("t")).ShouldBeProblem(HttpStatusCode.BadGateway, "egress_refused");

        gateways.Configure(tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray($"localhost:{_backend.Port}") });
        await Eventually.TrueAsync(async () => (await gateways.ExecuteAsync("t")).IsSuccessStatusCode, "it is allowed by name");
    }

    [Fact]
    public async Task Secret_GoesWhereItIsMeantFor_AndNowhereElse()
    {
        await using var gateways = await ToolGateways.StartAsync(postgres);
        var file = gateways.File("weather", "s3cret");
        gateways.Configure(tools =>
        {
            tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.0/8") };
            tools["secrets"] = new JsonObject
            {
                ["weather"] = new JsonObject { ["file"] = file, ["origins"] = new JsonArray(_backend.Url("")), ["tenants"] = new JsonArray("acme") },
            };
        });
        string Manifest(string url) =>
            $$$"""[{"name":"t","kind":"http","description":"d","input_schema":true,"http":{"method":"GET","url":"{{{url}}}","headers":{"X-Plain":"p","Authorization":{"secret":"weather","prefix":"Bearer "} } } }]""";
        await Eventually.TrueAsync(async () => (await gateways.RegisterAsync($"v{Guid.NewGuid():N}", Manifest(_backend.Url("/a")))).StatusCode == HttpStatusCode.Created, "the secret is known");

        await gateways.OutputAsync("t");
        _backend.Seen.TryDequeue(out var seen);
        (seen.Headers.Authorization.ToString(), seen.Headers["X-Plain"].ToString()).ShouldBe(("Bearer s3cret", "p"));
        // Hot: a new secret is sent without a restart.
        gateways.File("weather", "n3w");
        await Eventually.TrueAsync(async () =>
        {
            await gateways.OutputAsync("t");
            return _backend.Seen.TryDequeue(out seen) && seen.Headers.Authorization == "Bearer n3w";
        }, "the new secret is sent");

        foreach (var (url, token) in new[] { (_backend.Url("/a", "localhost"), ToolGateways.Ada), ("http://127.0.0.1:1/", ToolGateways.Ada), (_backend.Url("/a"), ToolGateways.Bob) })
        {
            var problem = await (await gateways.RegisterAsync("stolen", Manifest(url), token)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
            problem.GetProperty("errors").TryGetProperty("/manifests/0/http/headers/Authorization/secret", out _).ShouldBeTrue();
        }
        (await (await gateways.Gateway.GetAsync("/api/config/tools", ToolGateways.Ada)).Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).ShouldNotContain("n3w");
        // Taken out of the file: what is registered does not get it any more.
        gateways.Configure(tools => tools["egress"] = new JsonObject { ["allow"] = new JsonArray("127.0.0.0/8") });
        await Eventually.TrueAsync(async () => (await gateways.ExecuteAsync("t")).StatusCode == HttpStatusCode.BadGateway, "the secret is withheld");
    }
}
