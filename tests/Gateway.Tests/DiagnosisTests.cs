using System.Diagnostics;
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>The doctor's stream and socket: for operators, as long as was asked for, and bounded.</summary>
public sealed class DiagnosisTests : IAsyncLifetime
{
    private const string Operator = "an-operator";

    private readonly IdentityFolder _identity = new("gateway", "session-api");
    private TestGateway _gateway = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _gateway = TestGateway.Start(
            _identity, new() { ["Diagnosis:MaxAtOnce"] = "2", ["Answers:MaxDuration"] = "00:00:20", ["Answers:Ping"] = "00:00:05" },
            configure: file => file["auth"]!["tokens"]!.AsArray().Add(TestGateway.Token(
                "ops", "acme", ["ops"], ("secret_sha256", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Operator)))))));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public async Task Trickle_SendsPartsAndAnEnd_WithItsFacts()
    {
        using var response = await _gateway.GetAsync("/api/ops/trickle?seconds=0.5&interval=0.1&bytes=10", Operator);

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        response.Content.Headers.ContentEncoding.ShouldBeEmpty("proxies compress what chat streams too");
        response.Headers.GetValues("X-Accel-Buffering").ShouldBe(["no"]);
        await using var body = await response.Content.ReadAsStreamAsync(Stop);
        var parts = await SseParser.Create(body).EnumerateAsync(Stop).ToListAsync(Stop);
        parts[0].EventType.ShouldBe("open");
        parts[^1].EventType.ShouldBe("end");
        parts[1..^1].ShouldAllBe(part => part.EventType == "part");
        parts.Count.ShouldBeGreaterThan(2);
        var facts = JsonElement.Parse(parts[0].Data).GetProperty("facts");
        facts.GetProperty("service").GetString().ShouldBe("gateway");
        facts.GetProperty("answer_seconds").GetDouble().ShouldBe(20);
        facts.GetProperty("longest_seconds").GetDouble().ShouldBe(50);
        facts.GetProperty("scheme").GetString().ShouldBe("http");
        facts.GetProperty("host").GetString().ShouldBe(_gateway.Client.BaseAddress!.Authority);
        var end = JsonElement.Parse(parts[^1].Data);
        end.GetProperty("ms").GetDouble().ShouldBeGreaterThanOrEqualTo(490);
        end.GetProperty("padding").GetString()!.Length.ShouldBe(10);
    }

    [Fact]
    public async Task Trickle_IsSilentBeforeItsHeaders_AsLongAsWasAskedFor()
    {
        var began = Stopwatch.GetTimestamp();
        using var response = await _gateway.GetAsync("/api/ops/trickle?before=0.5", Operator);

        Stopwatch.GetElapsedTime(began).TotalSeconds.ShouldBeGreaterThanOrEqualTo(0.49);
    }

    [Theory]
    [InlineData("/api/ops/trickle?seconds=50.1")]
    [InlineData("/api/ops/trickle?seconds=30&before=30")]
    [InlineData("/api/ops/trickle?seconds=-1")]
    [InlineData("/api/ops/trickle?seconds=NaN")]
    [InlineData("/api/ops/trickle?seconds=Infinity")]
    [InlineData("/api/ops/trickle?seconds=1e300")]
    [InlineData("/api/ops/trickle?seconds=much")]
    [InlineData("/api/ops/trickle?interval=0.01")]
    [InlineData("/api/ops/trickle?bytes=16385")]
    [InlineData("/api/ops/trickle?bytes=-1")]
    public async Task Trickle_OutOfBounds_Is400(string path) =>
        await (await _gateway.GetAsync(path, Operator)).ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");

    [Theory]
    [InlineData("/api/ops/trickle")]
    [InlineData("/ws/echo")]
    public async Task Route_IsForOperators(string path)
    {
        await (await _gateway.GetAsync(path, token: null)).ShouldBeProblem(HttpStatusCode.Unauthorized, "unauthorized");
        await (await _gateway.GetAsync(path)).ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_scope");
    }

    [Fact]
    public async Task Streams_BeyondTheBound_Are429_AndAPlaceIsFreeWhenTheCallerIsGone()
    {
        var first = await _gateway.GetAsync("/api/ops/trickle?seconds=40", Operator);
        using var second = await OpenAsync("?seconds=40");

        var third = await _gateway.GetAsync("/api/ops/trickle", Operator);
        await third.ShouldBeProblem(HttpStatusCode.TooManyRequests, "overloaded");
        third.Headers.RetryAfter.ShouldNotBeNull();

        first.Dispose();
        await Eventually.TrueAsync(
            async () => (await _gateway.GetAsync("/api/ops/trickle", Operator)).StatusCode == HttpStatusCode.OK, "a place is free");
    }

    [Fact]
    public async Task Socket_SendsBackWhatItGets_AndClosesAfterItsTime()
    {
        using var socket = await OpenAsync("?seconds=2&beat=1&ping=1");

        await socket.SendAsync("hello"u8.ToArray().AsMemory(), WebSocketMessageType.Text, true, Stop);
        var said = new List<string>();
        while (await ReceiveAsync(socket) is { } message)
            said.Add(message);

        said.ShouldContain("hello");
        said.ShouldContain("""{"type":"beat"}""");
        socket.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
    }

    [Fact]
    public async Task Socket_OfACallerThatCloses_IsClosedAtOnce()
    {
        using var socket = await OpenAsync("?seconds=40");

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Stop);

        socket.State.ShouldBe(WebSocketState.Closed);
        using var one = await OpenAsync("?seconds=40");
        await Eventually.TrueAsync(
            async () => (await _gateway.GetAsync("/api/ops/trickle", Operator)).StatusCode == HttpStatusCode.OK, "the first one's place is free");
    }

    [Fact]
    public async Task Socket_WithAMessageThatIsTooLarge_Ends()
    {
        using var socket = await OpenAsync("?seconds=40");

        await socket.SendAsync(new byte[5000].AsMemory(), WebSocketMessageType.Text, true, Stop);

        (await ReceiveAsync(socket)).ShouldBeNull();
    }

    [Theory]
    [InlineData("?seconds=51")]
    [InlineData("?seconds=-1")]
    [InlineData("?ping=0.5")]
    [InlineData("?beat=0")]
    public async Task Socket_OutOfBounds_IsRefusedAtTheUpgrade(string query)
    {
        var refused = await Should.ThrowAsync<WebSocketException>(OpenAsync(query));
        refused.Message.ShouldContain("400");
    }

    [Fact]
    public async Task Socket_ByAnOrdinaryRequest_Is426() =>
        await (await _gateway.GetAsync("/ws/echo", Operator)).ShouldBeProblem((HttpStatusCode)426, "invalid_request");

    /// <summary>An operator's browser that another site's page makes open it.</summary>
    [Fact]
    public async Task Socket_ByCookieFromAnotherSite_Is403()
    {
        var person = _identity.Token("session-api", aud: "lyceum-user", sub: "ada", tenant: "acme", scope: "ops", kind: "user");
        var response = await _gateway.SendAsync(HttpMethod.Get, "/ws/echo", token: null, headers:
            [("Cookie", $"lyceum_session={person}"), ("Origin", "https://elsewhere.example"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]);

        await response.ShouldBeProblem(HttpStatusCode.Forbidden, "forbidden_origin");
    }

    private async Task<ClientWebSocket> OpenAsync(string query)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {Operator}");
        await socket.ConnectAsync(new UriBuilder(new Uri(_gateway.Client.BaseAddress!, $"/ws/echo{query}")) { Scheme = "ws" }.Uri, Stop);
        return socket;
    }

    /// <returns>Null: it closes, or is gone.</returns>
    private static async Task<string?> ReceiveAsync(ClientWebSocket socket)
    {
        var buffer = new byte[8192];
        try
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), Stop);
            return part.MessageType == WebSocketMessageType.Close ? null : Encoding.UTF8.GetString(buffer, 0, part.Count);
        }
        catch (WebSocketException)
        {
            return null;
        }
    }
}
