using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Net.WebSockets;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>
/// Sends requests and keeps what came back, masked, to be compared with a committed file. <c>LYCEUM_RECORD=1</c>
/// rewrites the file.
/// </summary>
internal sealed class Recorder(HttpClient http)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Headers of the connection, not of the answer.</summary>
    private static readonly HashSet<string> Unrecorded =
        new(["Date", "Transfer-Encoding", "Content-Length", "Connection"], StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Headers of every response, with their usual value: written down only where one is missing or another.
    /// </summary>
    private static readonly Dictionary<string, string> Usual = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'", ["Referrer-Policy"] = "same-origin",
        ["X-Content-Type-Options"] = "nosniff", ["X-Request-Id"] = "<id>", ["Server-Timing"] = "<timing>",
    };

    private static readonly JsonSerializerOptions Readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonArray _exchanges = [];

    public static bool IsRecording => Environment.GetEnvironmentVariable("LYCEUM_RECORD") == "1";

    /// <summary>Sends a request and keeps the exchange.</summary>
    /// <param name="route">Method and route, as <c>GET /api/kb/{kb_id}</c>.</param>
    /// <param name="what">What the request shows.</param>
    /// <param name="at">The path and query to send; null: the route's.</param>
    /// <param name="body">An object is sent as JSON, <see cref="HttpContent"/> as it is.</param>
    /// <param name="by">Another client than the recorder's.</param>
    /// <param name="tidy">Takes out of the response what other tests did.</param>
    /// <returns>The JSON of the response, unmasked; undefined where there is none; of a stream its first
    /// event's.</returns>
    public async Task<JsonElement> SendAsync(
        string route, string what, string? at = null, object? body = null, HttpClient? by = null,
        Action<JsonNode>? tidy = null, params (string Name, string Value)[] headers)
    {
        var parts = route.Split(' ');
        using var request = new HttpRequestMessage(new HttpMethod(parts[0]), at ?? parts[1]);
        request.Content = body switch { null => null, HttpContent content => content, _ => JsonContent.Create(body) };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var limit = new CancellationTokenSource(Limit);
        using var response = await (by ?? http).SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, limit.Token);

        var exchange = Begin(route, what);
        exchange["status"] = (int)response.StatusCode;
        exchange["headers"] = Headers(response);
        var type = response.Content.Headers.ContentType?.MediaType;
        if (type == "text/event-stream")
            return await ReadEventsAsync(response, exchange, limit.Token);
        var bytes = await response.Content.ReadAsByteArrayAsync(limit.Token);
        if (bytes.Length == 0)
            return default;
        if (type is not ("application/json" or "application/problem+json"))
        {
            var isText = type?.StartsWith("text/", StringComparison.Ordinal) == true;
            exchange["body"] = isText ? Mask.Text(Encoding.UTF8.GetString(bytes)) : "<bytes>";
            return default;
        }
        var json = JsonNode.Parse(bytes)!;
        tidy?.Invoke(json);
        exchange["body"] = Mask.Json(json);
        return JsonElement.Parse(Encoding.UTF8.GetString(bytes));
    }

    /// <summary>Reads until it is so; nothing of it is kept.</summary>
    public async Task WaitAsync(string path, Func<JsonElement, bool> condition)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!condition(await http.GetFromJsonAsync<JsonElement>(path, limit.Token)))
            await Task.Delay(50, limit.Token);
    }

    /// <summary>
    /// Opens a WebSocket, sends the messages, and keeps what comes until an event of the last type, each shape once.
    /// </summary>
    /// <param name="until">The <c>type</c> of the event at which it hangs up.</param>
    public Task SpeakAsync(string route, string what, Uri url, string? protocol, string until, params object[] messages) =>
        SpeakAsync(route, what, url, protocol, until, by: null, messages);

    /// <param name="by">Whose credentials it has; null: the URL has a ticket.</param>
    public async Task SpeakAsync(
        string route, string what, Uri url, string? protocol, string until, HttpClient? by, params object[] messages)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var socket = new ClientWebSocket();
        if (protocol is not null)
            socket.Options.AddSubProtocol(protocol);
        if (by?.DefaultRequestHeaders.Authorization is { } authorization)
            socket.Options.SetRequestHeader("Authorization", authorization.ToString());
        await socket.ConnectAsync(url, limit.Token);
        var exchange = Begin(route, what);
        exchange["protocol"] = socket.SubProtocol;
        foreach (var message in messages)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(message);
            await socket.SendAsync(json, WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        }
        var events = new JsonArray();
        var buffer = new byte[256 * 1024];
        string? type;
        do
        {
            var length = 0;
            ValueWebSocketReceiveResult part;
            do
            {
                part = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
                length += part.Count;
            }
            while (!part.EndOfMessage);
            part.MessageType.ShouldBe(WebSocketMessageType.Text, what);
            var node = JsonNode.Parse(buffer.AsSpan(0, length))!.AsObject();
            type = (string?)node["type"];
            Add(events, Piece(node, isPiece: type == "delta"));
        }
        while (type != until);
        exchange["events"] = events;
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
    }

    /// <summary>Compares with <c>tests/contracts/exchanges/{name}.json</c>, or writes it.</summary>
    public void Verify(string name)
    {
        var file = Path.Combine(Repository.Root, "tests", "contracts", "exchanges", $"{name}.json");
        var recorded = _exchanges.ToJsonString(Readable) + "\n";
        if (IsRecording)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, recorded);
            return;
        }
        var expected = JsonNode.Parse(File.ReadAllText(file))!.AsArray();
        // One exchange at a time: a failure names the route, and shows no other.
        for (var i = 0; i < Math.Max(expected.Count, _exchanges.Count); i++)
        {
            var (before, now) = (expected.ElementAtOrDefault(i), _exchanges.ElementAtOrDefault(i));
            var which = (before ?? now)!;
            (now?.ToJsonString(Readable)).ShouldBe(
                before?.ToJsonString(Readable),
                $"{name}: {which["request"]}, {which["case"]} (LYCEUM_RECORD=1 rewrites {file})");
        }
    }

    private JsonObject Begin(string route, string what)
    {
        var exchange = new JsonObject { ["request"] = route, ["case"] = what };
        _exchanges.Add(exchange);
        return exchange;
    }

    private static JsonObject Headers(HttpResponseMessage response)
    {
        var headers = response.Headers.Concat<KeyValuePair<string, IEnumerable<string>>>(response.Content.Headers)
            .Where(header => !Unrecorded.Contains(header.Key))
            .OrderBy(header => header.Key, StringComparer.Ordinal);
        var recorded = new JsonObject();
        foreach (var (name, values) in headers)
        {
            var value = string.Join("; and ", values.Select(value => Mask.Header(name, value)));
            if (!Usual.TryGetValue(name, out var usual) || usual != value)
                recorded[name] = value;
        }
        foreach (var name in Usual.Keys.Where(name => !response.Headers.Contains(name)))
            recorded[name] = null;
        return recorded;
    }

    private static async Task<JsonElement> ReadEventsAsync(
        HttpResponseMessage response, JsonObject exchange, CancellationToken cancellationToken)
    {
        var (events, first) = (new JsonArray(), default(JsonElement));
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancellationToken))
        {
            if (item.EventType == "ping")
                continue;
            JsonNode? data = item.Data;
            if (item.Data.StartsWith('{'))
            {
                var node = JsonNode.Parse(item.Data)!.AsObject();
                if (first.ValueKind == JsonValueKind.Undefined)
                    first = JsonElement.Parse(item.Data);
                data = Piece(node, item.EventType == "delta" || node.ContainsKey("choices"));
            }
            var recorded = new JsonObject { ["event"] = item.EventType, ["data"] = data };
            if (item.EventId is { Length: > 0 } id)
                recorded["id"] = int.TryParse(id, out _) ? "<cursor>" : id;
            Add(events, recorded);
        }
        exchange["events"] = events;
        return first;
    }

    /// <summary>A piece of an answer, without its text: where it is cut is the network's doing.</summary>
    private static JsonNode Piece(JsonObject node, bool isPiece)
    {
        if (isPiece)
            HideText(node);
        return Mask.Json(node)!;
    }

    private static void HideText(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject o:
                foreach (var (name, value) in o.ToList())
                {
                    if (name is "text" or "content" && value is JsonValue v && v.TryGetValue<string>(out var text))
                        o[name] = text.Length > 0 ? "<text>" : "";
                    else
                        HideText(value);
                }
                break;
            case JsonArray a:
                foreach (var element in a)
                    HideText(element);
                break;
        }
    }

    /// <summary>
    /// Each shape once: how many pieces an answer has, and in which order parallel parts end, is not the contract.
    /// </summary>
    private static void Add(JsonArray events, JsonNode masked)
    {
        if (!events.Any(known => JsonNode.DeepEquals(known, masked)))
            events.Add(masked);
    }
}
