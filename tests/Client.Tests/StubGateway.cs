using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lyceum.Tests.Client.Tests;

/// <summary>What a client sent.</summary>
public sealed record Received(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name.ToLowerInvariant());

    public long After => long.Parse(Header("Last-Event-ID")!, CultureInfo.InvariantCulture);
}

/// <summary>What it is answered.</summary>
/// <param name="CutAfter">The connection is closed after so many bytes of the body; null: it is sent whole, and ends properly.</param>
/// <param name="Hangs">After that nothing more is said, and the connection stays.</param>
/// <param name="Chunked">False: the body ends with the connection, as HTTP/1.0 has it, so that a cut looks like an end.</param>
public sealed record Reply(
    int Status, string ContentType, string Body, int? CutAfter = null, bool Hangs = false, bool Chunked = true, string? RetryAfter = null)
{
    public static Reply Stream(string body, int? cutAfter = null) => new(200, "text/event-stream", body, cutAfter);

    public static Reply Json(int status, string body) => new(status, status < 400 ? "application/json" : "application/problem+json", body);

    public static Reply Problem(int status, string code, string? retryAfter = null) =>
        Json(status, $$"""{"type":"about:blank","title":"","status":{{status}},"detail":"as the test says","code":"{{code}}","trace_id":"1"}""")
            with { RetryAfter = retryAfter };
}

/// <summary>An HTTP server on loopback, down to the bytes, so that it can end a response at any of them. One request a connection.</summary>
public sealed class StubGateway : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentQueue<Task> _connections = [];
    private readonly Func<Received, Reply?> _answer;
    private readonly Task _accepting;

    /// <param name="answer">Null: the connection is closed without an answer.</param>
    public StubGateway(Func<Received, Reply?> answer)
    {
        _answer = answer;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = AcceptAsync();
    }

    public Uri Address { get; }

    public ConcurrentQueue<Received> Requests { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _accepting;
        _listener.Stop();
        await Task.WhenAll(_connections);
        _closing.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Enqueue(ServeAsync(await _listener.AcceptTcpClientAsync(_closing.Token)));
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        client.NoDelay = true;
        try
        {
            await using var stream = client.GetStream();
            if (await ReadAsync(stream) is not { } request)
                return;
            Requests.Enqueue(request);
            if (_answer(request) is { } reply)
                await WriteAsync(stream, reply);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client has gone, or the test has ended.
        }
    }

    private async Task<Received?> ReadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, _closing.Token) == 0)
                return null;
            head.Add(one[0]);
        }
        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var first = lines[0].Split(' ');
        var headers = lines[1..].Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1].Trim());
        var body = new byte[headers.TryGetValue("content-length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, _closing.Token);
        return new(first[0], first[1], headers, body);
    }

    private async Task WriteAsync(NetworkStream stream, Reply reply)
    {
        var body = Encoding.UTF8.GetBytes(reply.Body);
        var sent = reply.CutAfter is { } cut ? body[..Math.Min(cut, body.Length)] : body;
        var head = $"HTTP/1.1 {reply.Status} X\r\nContent-Type: {reply.ContentType}\r\nConnection: close\r\n"
            + (reply.RetryAfter is null ? "" : $"Retry-After: {reply.RetryAfter}\r\n")
            + (reply.Chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _closing.Token);
        if (sent.Length > 0 && reply.Chunked)
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{sent.Length:x}\r\n"), _closing.Token);
        await stream.WriteAsync(sent, _closing.Token);
        if (sent.Length > 0 && reply.Chunked)
            await stream.WriteAsync("\r\n"u8.ToArray(), _closing.Token);
        if (reply.Chunked && reply.CutAfter is null && !reply.Hangs)
            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), _closing.Token);
        if (reply.Hangs)
            await Task.Delay(Timeout.Infinite, _closing.Token);
    }
}
