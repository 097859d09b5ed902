using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Bench;

/// <summary>
/// One caller that takes all it gets of one bounded thing, bounded itself in number, until it is ended. A process of its
/// own, niced: what is measured is the system, not who burdens it.
/// </summary>
internal sealed class Greed(Uri target, string token, int tutor, string answer) : IDisposable
{
    public const string Command = "greed";
    public const string Dummy = "greed-dummy";

    /// <summary>Of HMAC keys in the bench's gateway; its value is the id too.</summary>
    public static string SecretOf(string key) => $"{key}-signs-with-this-0123456789abcdef";

    public static readonly string[] Ways =
        ["sessions", "answers", "tools", "mcp", "bodies", "completions", "audio", "generations", "readers", "silence"];

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 10_000 })
    {
        BaseAddress = target, Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token) },
    };
    private readonly ConcurrentBag<IDisposable> _held = [];

    public Task RunAsync(string way, CancellationToken cancel) => way switch
    {
        "sessions" => EachAsync(10, _ => SessionAsync(cancel), cancel),
        "answers" => EachAsync(1500, _ => HoldAsync(() => Post("/chat", new { message = "[[stub tokens=5 stall_after=1]]" }), cancel), cancel),
        "tools" => EachAsync(600, _ => HoldAsync(() => Post("/api/tools/execute", new { tool = "hangs", input = new { } }), cancel), cancel),
        "mcp" => EachAsync(20, i => RepeatAsync(n => Post("/api/tools/execute", new { tool = $"refused-{(i + (20 * n)) % 100}", input = new { } }), cancel), cancel),
        "bodies" => EachAsync(100, _ => BodyAsync(cancel), cancel),
        "completions" => EachAsync(1500, _ => HoldAsync(() => Post("/v1/chat/completions", Question("[[stub tokens=5 stall_after=1]]")), cancel), cancel),
        "audio" => EachAsync(100, _ => RepeatAsync(_ => Post("/v1/audio/speech", new { input = "All of it is mine." }), cancel), cancel),
        "generations" => EachAsync(20, _ => RepeatAsync(_ =>
        {
            var request = Post("/v1/chat/completions", Question("[[stub tokens=3 rate=0]]"));
            request.Headers.Add("Generation-Id", Guid.NewGuid().ToString());
            return request;
        }, cancel), cancel),
        "readers" => EachAsync(300, _ => HoldAsync(() => new(HttpMethod.Get, $"/chat/{answer}/stream"), cancel), cancel),
        "silence" => EachAsync(1500, _ => SilenceAsync(cancel), cancel),
        _ => throw new ArgumentException($"no such way: {way}"),
    };

    /// <summary>Answers everything at once, and holds nothing.</summary>
    public static async Task DummyAsync(CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.MapGet("/hang", (HttpContext http) => Task.Delay(Timeout.Infinite, http.RequestAborted));
        app.MapGet("/quick", () => Results.Json(new { ok = true }));
        app.MapFallback(async (HttpContext http) =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
            http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        });
        await app.StartAsync(cancel);
        Console.WriteLine($"listening on {app.Urls.First()}");
        await Task.Delay(Timeout.Infinite, cancel);
    }

    public void Dispose()
    {
        foreach (var held in _held)
            held.Dispose();
        _http.Dispose();
    }

    public static object Question(string content) => new { stream = true, messages = new[] { new { role = "user", content } } };

    public static HttpRequestMessage Post(string path, object body) =>
        new(HttpMethod.Post, path) { Content = JsonContent.Create(body) };

    /// <summary>The headers of docs/hmac.md.</summary>
    public static HttpRequestMessage Signed(HttpRequestMessage request, string key, string body)
    {
        var (date, nonce) = (DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture), Guid.NewGuid().ToString("N"));
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)));
        var text = string.Join('\n', "LYCEUM-HMAC-SHA256", key, request.Method.Method, request.RequestUri!.OriginalString, date, nonce, digest);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(SecretOf(key)), Encoding.UTF8.GetBytes(text)));
        request.Headers.TryAddWithoutValidation("Authorization", $"HMAC key_id=\"{key}\", nonce=\"{nonce}\", signature=\"{signature}\"");
        request.Headers.TryAddWithoutValidation("x-sb-date", date);
        request.Headers.TryAddWithoutValidation("x-content-sha256", digest);
        return request;
    }

    private static Task EachAsync(int count, Func<int, Task> work, CancellationToken cancel) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
        {
            while (!cancel.IsCancellationRequested)
            {
                try
                {
                    await work(i);
                }
                catch (Exception) when (!cancel.IsCancellationRequested)
                {
                    // Refused, or closed: it tries again.
                }
                await Task.Delay(Pause, cancel);
            }
        }));

    private async Task HoldAsync(Func<HttpRequestMessage> make, CancellationToken cancel)
    {
        using var request = make();
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        await response.Content.CopyToAsync(Stream.Null, cancel);
    }

    private async Task RepeatAsync(Func<int, HttpRequestMessage> make, CancellationToken cancel)
    {
        for (var i = 0; i < 50; i++)
            await HoldAsync(() => make(i), cancel);
    }

    private async Task SessionAsync(CancellationToken cancel)
    {
        using var made = await _http.SendAsync(Post($"/api/tutors/{tutor}/sessions", new { student_id = 1 }), cancel);
        made.EnsureSuccessStatusCode();
        var url = (await made.Content.ReadFromJsonAsync<JsonElement>(cancel)).GetProperty("engine_url").GetString()!;
        var socket = new ClientWebSocket();
        _held.Add(socket);
        await socket.ConnectAsync(new Uri(url), cancel);
        _ = socket.ReceiveAsync(new byte[64], cancel); // answers pings
    }

    private async Task BodyAsync(CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(target.Host, target.Port, cancel);
        using var request = Signed(new(HttpMethod.Post, "/v1/chat/completions"), "greedy", "x");
        var head = $"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {25 * 1024 * 1024}\r\n"
            + string.Concat(request.Headers.Select(header => $"{header.Key}: {string.Join(", ", header.Value)}\r\n"));
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head + "\r\n"), cancel);
        for (var piece = new byte[64 * 1024]; ; await Task.Delay(200, cancel))
            await client.GetStream().WriteAsync(piece, cancel);
    }

    private async Task SilenceAsync(CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(target.Host, target.Port, cancel);
        while (await client.GetStream().ReadAsync(new byte[64], cancel) > 0)
        {
            // It says why it closes.
        }
    }
}
