using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace Lyceum.Tests.Support.WholeSystem;

/// <summary>A student: makes sessions through the gateway and talks on their sockets, keeping what it is shown.</summary>
public sealed class SessionClient(HttpClient http)
{
    public HttpClient Http => http;

    public async Task<int> TutorAsync(object? tutor = null)
    {
        using var made = await http.PostAsJsonAsync("/api/tutors", tutor ?? new { name = "Ms Noether", subject = "algebra" });
        return (await OkAsync(made)).GetProperty("id").GetInt32();
    }

    public async Task<SessionAddress> CreateAsync(int tutor, object? body = null)
    {
        using var made = await http.PostAsJsonAsync($"/api/tutors/{tutor}/sessions", body ?? new { student_id = 123 });
        return SessionAddress.Of(await OkAsync(made));
    }

    public async Task<SessionAddress> ConnectAsync(string session)
    {
        using var fresh = await http.PostAsync($"/api/sessions/{session}/connect", null);
        return SessionAddress.Of(await OkAsync(fresh));
    }

    public async Task<JsonElement> ReadAsync(string session)
    {
        using var read = await http.GetAsync($"/api/sessions/{session}?limit=500");
        return await OkAsync(read);
    }

    public static async Task<JsonElement> OkAsync(HttpResponseMessage response)
    {
        var body = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"{(int)response.StatusCode}: {body}", null, response.StatusCode);
        return JsonElement.Parse(body);
    }
}

/// <summary>As <c>POST …/sessions</c> answers.</summary>
public sealed record SessionAddress(string SessionId, Uri EngineUrl, JsonElement Raw)
{
    public static SessionAddress Of(JsonElement json) => new(
        json.GetProperty("session_id").GetString()!, new Uri(json.GetProperty("engine_url").GetString()!), json);
}

/// <summary>
/// One socket of a session. It is read all the time, as browsers do: a client that does not read answers no ping, and the engine ends
/// its connection.
/// </summary>
public sealed class SessionSocket : IDisposable
{
    private static ReadOnlySpan<byte> Heartbeat => """{"type":"heartbeat"}"""u8;

    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1); // holds nothing to release
    private readonly Channel<JsonElement> _events = Channel.CreateUnbounded<JsonElement>();

    /// <summary>What was shown of each turn: the question that was accepted, and the answer so far.</summary>
    public Dictionary<int, string> Shown { get; } = [];

    /// <summary>Turns whose whole answer was shown.</summary>
    public HashSet<int> Whole { get; } = [];

    /// <summary>Heartbeats that it answered. They are no events of the session.</summary>
    public int Heartbeats { get; private set; }

    public HttpStatusCode Status => _socket.HttpStatusCode;

    public static async Task<SessionSocket> OpenAsync(Uri url, string? protocol = "lyceum.v1", CancellationToken cancellationToken = default)
    {
        var socket = new SessionSocket();
        socket._socket.Options.CollectHttpResponseDetails = true;
        if (protocol is not null)
            socket._socket.Options.AddSubProtocol(protocol);
        try
        {
            await socket._socket.ConnectAsync(url, cancellationToken);
            _ = socket.ReceiveAsync();
            return socket;
        }
        catch (WebSocketException e)
        {
            var status = socket.Status;
            socket.Dispose();
            throw new HttpRequestException($"refused with {(int)status}", e, status);
        }
    }

    public Task SayAsync(string content, CancellationToken cancellationToken = default) =>
        SendAsync(JsonSerializer.SerializeToUtf8Bytes(new { type = "text", content }), cancellationToken);

    /// <summary>The next text event; null when the engine closed, or died.</summary>
    public async Task<JsonElement?> NextAsync(CancellationToken cancellationToken = default)
    {
        if (!await _events.Reader.WaitToReadAsync(cancellationToken) || !_events.Reader.TryRead(out var happened))
            return null;
        Note(happened);
        return happened;
    }

    /// <summary>The next event of this type; null when the socket closed before.</summary>
    public async Task<JsonElement?> UntilAsync(string type, CancellationToken cancellationToken = default)
    {
        while (await NextAsync(cancellationToken) is { } next)
        {
            if (next.GetProperty("type").GetString() == type)
                return next;
        }
        return null;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>One message at a time.</summary>
    private async Task SendAsync(byte[] message, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await _socket.SendAsync(message.AsMemory(), WebSocketMessageType.Text, true, cancellationToken);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <summary>Until the engine closes, or dies.</summary>
    private async Task ReceiveAsync()
    {
        var (buffer, length) = (new byte[64 * 1024], 0);
        try
        {
            while (await _socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None) is var part
                && part.MessageType is not WebSocketMessageType.Close)
            {
                length += part.Count;
                if (!part.EndOfMessage)
                    continue;
                if (buffer.AsSpan(0, length).SequenceEqual(Heartbeat))
                {
                    Heartbeats++;
                    await SendAsync(Heartbeat.ToArray(), CancellationToken.None);
                }
                else
                {
                    _events.Writer.TryWrite(JsonElement.Parse(Encoding.UTF8.GetString(buffer, 0, length)));
                }
                length = 0;
            }
            _events.Writer.TryComplete();
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            _events.Writer.TryComplete();
        }
        catch (Exception e)
        {
            _events.Writer.TryComplete(e);
        }
    }

    private void Note(JsonElement happened)
    {
        if (!happened.TryGetProperty("turn", out var number))
            return;
        var turn = number.GetInt32();
        switch (happened.GetProperty("type").GetString())
        {
            case "accepted":
                Shown[turn] = "";
                break;
            case "delta":
                Shown[turn] += happened.GetProperty("content").GetString();
                break;
            case "text":
                Shown[turn] = happened.GetProperty("content").GetString()!;
                Whole.Add(turn);
                break;
        }
    }
}
