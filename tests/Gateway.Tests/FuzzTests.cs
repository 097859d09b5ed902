using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>
/// Requests that nobody in their right mind sends, over all routes there are: each is answered in time, and none is answered that the
/// gateway failed. The services behind it answer anything. The seed is printed, and set by <c>LYCEUM_FUZZ_SEED</c>.
/// </summary>
public sealed class FuzzTests(PostgresFixture postgres) : IAsyncLifetime
{
    private const int AtOnce = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly IdentityFolder _identity = new("gateway", "chat-api");
    private readonly ConcurrentQueue<string> _failures = new();
    private WebApplication _behind = null!;
    private TestGateway _gateway = null!;
    private string[] _routes = [];

    // A client that sends what it is told, also in headers.
    private readonly HttpClient _client = new(new SocketsHttpHandler { RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8, AllowAutoRedirect = false });

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _behind = builder.Build();
        _behind.Map("{**rest}", AnswerAsync);
        await _behind.StartAsync();
        var behind = new Uri(_behind.Urls.First());
        var settings = new[] { "chat-api", "session-api", "roadmap-worker", "gpu-engine" }.SelectMany(service => TestGateway.Reference(service, behind)).ToDictionary();
        settings["ConnectionStrings:gatewaydb"] = await postgres.CreateDatabaseAsync();
        settings["Logging:LogLevel:Default"] = "Error";
        _gateway = TestGateway.Start(_identity, settings, configure: file => file["auth"]!["tokens"] =
            new JsonArray(TestGateway.Token("ada", "acme", [.. Scopes.All], ("secret_file", "ada"))));
        await Eventually.TrueAsync(
            async () => (await _gateway.GetAsync("/api/observe/events")).StatusCode == HttpStatusCode.OK, "the database is ready");
        await Eventually.TrueAsync(
            async () => (await _gateway.GetAsync("/api/config/tools")).StatusCode == HttpStatusCode.OK, "the registry is read");
        _client.BaseAddress = _gateway.Client.BaseAddress;
        _routes = [.. _gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.TrimStart('/')).Distinct()];
        _routes.Length.ShouldBeGreaterThan(20);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
        await _behind.DisposeAsync();
        _identity.Dispose();
    }

    [Fact]
    public Task AnyRequest_IsAnsweredInTime_AndNoneBreaksTheGateway() => FuzzAsync(2_000);

    [Fact]
    [Trait("Category", "Long")]
    public Task AHundredThousandRequests_AreAnsweredInTime_AndNoneBreaksTheGateway() => FuzzAsync(100_000);

    private async Task FuzzAsync(int count)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LYCEUM_FUZZ_SEED"), out var given) ? given : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"LYCEUM_FUZZ_SEED={seed}");
        var statuses = new ConcurrentDictionary<HttpStatusCode, int>();
        var cancel = TestContext.Current.CancellationToken;
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (i, _) =>
        {
            // Each request has a luck of its own, so that one can be asked again by its number.
            var luck = new Luck(new Random(HashCode.Combine(seed, i)));
            if (luck.OneIn(50))
                await SendBytesAsync(i, luck, cancel);
            else
                await SendAsync(i, luck, statuses, cancel);
        });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{(int)status.Key}: {status.Value}")));
        _failures.ShouldBeEmpty($"LYCEUM_FUZZ_SEED={seed}");
        statuses.Keys.ShouldContain(HttpStatusCode.OK); // it came through to what answers
        statuses.Keys.ShouldContain(HttpStatusCode.BadRequest);
        (await _gateway.GetAsync("/api/observe/events")).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    private async Task SendAsync(int number, Luck luck, ConcurrentDictionary<HttpStatusCode, int> statuses, CancellationToken cancel)
    {
        using var request = luck.Request(luck.Of(_routes));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            // A stream has no end: that it begins is enough.
            var body = response.Content.Headers.ContentType?.MediaType == "text/event-stream" && response.IsSuccessStatusCode
                ? "" : await response.Content.ReadAsStringAsync(patience.Token);
            statuses.AddOrUpdate(response.StatusCode, 1, (_, seen) => seen + 1);
            if ((int)response.StatusCode >= 500)
                _failures.Enqueue($"{number}: {request.Method} {request.RequestUri} {(int)response.StatusCode}: {body}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            _failures.Enqueue($"{number}: {request.Method} {request.RequestUri}: no answer in {Patience}");
        }
        catch (HttpRequestException e) when (e.InnerException is IOException or SocketException)
        {
            // Refused before the body was read: the connection is closed under it, which a client may see before the answer.
        }
    }

    /// <summary>What is no HTTP at all, or half of it: an answer or an end comes, and not an answer that something failed.</summary>
    private async Task SendBytesAsync(int number, Luck luck, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        using var tcp = new TcpClient();
        var address = _gateway.Client.BaseAddress!;
        try
        {
            await tcp.ConnectAsync(address.Host, address.Port, patience.Token);
            await using var stream = tcp.GetStream();
            await stream.WriteAsync(luck.Bytes(luck.Of(_routes)), patience.Token);
            tcp.Client.Shutdown(SocketShutdown.Send);
            using var reader = new StreamReader(stream, Encoding.Latin1);
            var answer = await reader.ReadToEndAsync(patience.Token);
            if (answer.StartsWith("HTTP/1.1 5", StringComparison.Ordinal))
                _failures.Enqueue($"{number}: bytes: {answer}");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            _failures.Enqueue($"{number}: bytes: neither answer nor end in {Patience}");
        }
        catch (IOException)
        {
            // Cut off: as good as an answer.
        }
    }

    /// <summary>Every service at once: whatever is asked, also for the engines there are, it is well; a completion is one.</summary>
    private static async Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Path != "/v1/chat/completions")
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            await http.Response.WriteAsJsonAsync(new { status = "ok" }, http.RequestAborted);
            return;
        }
        using var reader = new StreamReader(http.Request.Body);
        var isStream = (await reader.ReadToEndAsync(http.RequestAborted)).Contains("\"stream\":true", StringComparison.Ordinal);
        const string usage = "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}";
        http.Response.ContentType = isStream ? "text/event-stream" : "application/json";
        await http.Response.WriteAsync(
            isStream
                ? "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]," + usage + "}\n\ndata: [DONE]\n\n"
                : "{\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]," + usage + "}",
            http.RequestAborted);
    }

    /// <summary>What one request is made of.</summary>
    private sealed class Luck(Random random)
    {
        private static readonly string[] Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "CONNECTED"];
        private static readonly string[] Words =
            ["echo", "tool", "input", "version", "manifests", "prompt", "records", "edges", "id", "type", "from", "to", "properties", "events", "start", "depth",
                "direction", "limit", "message", "", "\0", "\u202e", "𝕏", "é", "\"", "\\", "../..", "%", "' OR 1=1 --", "NaN", "9999999999999999999999", "-1", "1e400", "null"];
        private static readonly string[] Types =
            ["application/json", "application/json; charset=utf-8", "application/json; charset=klingon", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "a/b"];

        public bool OneIn(int n) => random.Next(n) == 0;

        public string Of(params string[] values) => values[random.Next(values.Length)];

        public HttpRequestMessage Request(string route)
        {
            var path = OneIn(20) ? "/" + Uri.EscapeDataString(Word()) : Fill(route);
            var query = OneIn(3) ? "?" + string.Join('&', Enumerable.Range(0, random.Next(1, 5)).Select(_ => OneIn(8) ? "%ff=%00" : $"{Escape(Word())}={Escape(Word())}")) : "";
            var request = new HttpRequestMessage(new HttpMethod(OneIn(3) ? Of(Methods) : Of(["GET", "POST"])), path + query);
            if (!OneIn(6))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", TestGateway.Secret);
            else if (OneIn(2))
                request.Headers.TryAddWithoutValidation("Authorization", Of(["Bearer", "Bearer  ", "HMAC key_id=a", "HMAC " + Word(), "Basic x", Word(), "Bearer a.b.c", "Bearer " + new string('x', 5_000)]));
            if (OneIn(4))
            {
                request.Headers.TryAddWithoutValidation(
                    Of(["X-API-Key", "Cookie", "Origin", "X-Forwarded-For", "X-Forwarded-Host", "traceparent", "X-Request-Id", "Idempotency-Key", "Accept", "Last-Event-ID", "Upgrade", "Expect", "Range", "x-sb-date", "X-Lyceum-Tenant", "Host", "Referer", "X-User-Name", "tracestate", "baggage"]),
                    Of(["", "*", "lyceum_session=x", "00-zz-yy-xx", "websocket", "100-continue", "-1", "::1, evil", "http://evil.example", "a\tb", "Jürgen", "https://example.org/学习", "application/json, text/plain, */*", new string('y', 3_000)]));
            }
            if (request.Method.Method is not ("GET" or "HEAD") || OneIn(10))
            {
                request.Content = new ByteArrayContent(Body());
                request.Content.Headers.TryAddWithoutValidation("Content-Type", OneIn(5) ? Of(Types) : Types[0]);
                if (OneIn(20))
                    request.Content.Headers.TryAddWithoutValidation("Content-Encoding", "gzip");
            }
            return request;
        }

        public byte[] Bytes(string route) => random.Next(5) switch
        {
            0 => Noise(random.Next(200)),
            1 => Encoding.ASCII.GetBytes($"GET {Fill(route)} HTTP/1.1\r\n"),
            2 => Encoding.ASCII.GetBytes($"POST {Fill(route)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TestGateway.Secret}\r\nContent-Length: 1000\r\n\r\n{{"),
            3 => Encoding.ASCII.GetBytes($"POST {Fill(route)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TestGateway.Secret}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            _ => [.. "GET / HTTP/1.1\r\nHost: x\r\n"u8, .. Noise(50), .. "\r\n\r\n"u8],
        };

        private byte[] Noise(int length)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            return bytes;
        }

        private string Word() => Of(Words);

        private static string Escape(string text) => Uri.EscapeDataString(text);

        /// <summary>Words in a route's place holders.</summary>
        private string Fill(string route) => string.Join('/', route.Split('/').Select(part =>
            part.StartsWith('{') ? Escape(OneIn(4) ? Guid.NewGuid().ToString() : Word()) : part));

        private byte[] Body() => random.Next(8) switch
        {
            0 => [],
            1 => Noise(random.Next(500)),
            2 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", random.Next(1, 3_000)))),
            3 => Encoding.UTF8.GetBytes($"{{\"prompt\":\"{new string('p', random.Next(200_000))}\"}}"),
            4 => Cut(Encoding.UTF8.GetBytes(Json(0))),
            _ => Encoding.UTF8.GetBytes(Known()),
        };

        private byte[] Cut(byte[] bytes) => bytes[..random.Next(bytes.Length + 1)];

        /// <summary>What a route knows, with something else in the place of its values.</summary>
        private string Known() => random.Next(6) switch
        {
            0 => $$"""{"tool":"echo","input":{{Json(0)}}}""",
            1 => $$"""{"version":{{Value()}},"manifests":{{Json(0)}}}""",
            2 => $$"""{"prompt":{{Value()}},"stream":{{Of(["true", "false", "1"])}},"max_tokens":{{Value()}}}""",
            3 => $$"""{"records":[{"id":{{Value()}},"type":{{Value()}},"properties":{{Json(0)}}}],"edges":[{"from":{{Value()}},"to":{{Value()}},"type":{{Value()}}}]}""",
            4 => $$"""{"events":[{"type":{{Value()}},"at":{{Value()}},"attributes":{{Json(0)}},"id":{{Value()}}}]}""",
            _ => Json(0),
        };

        private string Json(int depth) => random.Next(depth > 4 ? 3 : 6) switch
        {
            < 3 => Value(),
            3 => $"[{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => Json(depth + 1)))}]",
            _ => $"{{{string.Join(',', Enumerable.Range(0, random.Next(5)).Select(_ => $"{Text()}:{Json(depth + 1)}"))}}}",
        };

        private string Value() => random.Next(6) switch
        {
            0 => "null",
            1 => Of(["true", "0", "-0", "1e308", "1E400", "123456789012345678901234567890", "0.1", "-1"]),
            2 => "[]",
            3 => "{}",
            _ => Text(),
        };

        private string Text() => OneIn(10) ? "\"\\ud800\"" : System.Text.Json.JsonSerializer.Serialize(Word());
    }
}
