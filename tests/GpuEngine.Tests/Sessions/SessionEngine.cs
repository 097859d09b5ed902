using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Lyceum.GpuEngine;
using Lyceum.GpuEngine.Announcing;
using Lyceum.GpuEngine.Completions;
using Lyceum.GpuEngine.Sessions;
using Lyceum.GpuEngine.Sessions.Live;
using Lyceum.GpuEngine.Speech;
using Lyceum.Tests.StubModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>A GpuEngine with live sessions on real Kestrel before the stub model, its transcript log in a folder of its own.</summary>
internal sealed class SessionEngine : IAsyncDisposable
{
    /// <summary>A setting's value that stands for the stub's base address without path.</summary>
    public const string StubUrl = "{stub-url}";

    private const string StubEndpoint = "{stub}";

    private readonly IdentityFolder _identity;
    private readonly TestService _service;

    private SessionEngine(IdentityFolder identity, TestService service, StubModelServer stub, string transcripts) =>
        (_identity, _service, Stub, Transcripts) = (identity, service, stub, transcripts);

    public StubModelServer Stub { get; }

    public string Transcripts { get; }

    public LogList Log { get; private init; } = new();

    public IServiceProvider Services => _service.Services;

    public Uri Address => _service.Address;

    public HttpClient Client => _service.Client;

    public SessionStore Store => Services.GetRequiredService<SessionStore>();

    /// <param name="share">Of the person, as SessionApi says it.</param>
    public string Token(string tenant = "dev", string act = "ada", string scope = "sessions", double? share = null) =>
        _identity.Token(
            "session-api", tenant: tenant, sub: "session-api", kind: "service", scope: scope, act: act, share: share);

    /// <summary>As the gateway presents somebody, with this kind and these scopes.</summary>
    public string CallerToken(string kind, string scope) =>
        _identity.Token("gateway", tenant: "dev", sub: "ada", kind: kind, scope: scope);

    /// <summary>As the gateway presents another web server that asks this engine directly.</summary>
    public string CallerToken() => _identity.Token("gateway", tenant: "dev", sub: "ada", kind: "token", scope: "engine");

    public static Task<SessionEngine> StartAsync(params (string Key, string Value)[] settings) => StartAsync(null, settings);

    /// <summary>One that hears and speaks by the stub.</summary>
    public static Task<SessionEngine> WithSpeechAsync(params (string Key, string Value)[] settings) =>
        StartAsync(null, [("Asr:Endpoint", StubEndpoint), ("Tts:Endpoint", StubEndpoint), .. settings]);

    public static async Task<SessionEngine> StartAsync(Action<WebApplicationBuilder>? build, params (string Key, string Value)[] settings)
    {
        var stub = await StubModelServer.StartAsync(
            new StubOptions(Defaults: new StubScript { Tokens = 5, Rate = 0 }), TestContext.Current.CancellationToken);
        var identity = new IdentityFolder("gateway", "gpu-engine", "session-api");
        var folder = Directory.CreateTempSubdirectory("lyceum-transcripts-").FullName;
        var log = new LogList();
        var all = new Dictionary<string, string?>
        {
            ["Llm:Endpoint"] = stub.Endpoint, ["Engine:Transcripts:Folder"] = folder,
            ["Drain:Answers"] = "00:00:00",
        };
        foreach (var (key, value) in settings)
        {
            all[key] = value switch { StubEndpoint => stub.Endpoint, StubUrl => stub.Url, _ => value };
        }
        var service = await TestService.StartAsync(
            identity,
            "gpu-engine",
            builder =>
            {
                builder.Logging.ClearProviders().AddProvider(log);
                builder.AddCompletions().AddChatModel().AddSpeech().AddSessions().AddAnnouncement();
                build?.Invoke(builder);
            },
            app => app.MapSessions().MapAnnouncement(),
            all);
        return new SessionEngine(identity, service, stub, folder) { Log = log };
    }

    public async Task<HttpResponseMessage> PostAsync(string path, object? body, string? token = null, params (string Key, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Content = body is null ? null : JsonContent.Create(body);
        return await SendAsync(request, token, headers);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? token = null)
    {
        using var request = new HttpRequestMessage(method, path);
        return await SendAsync(request, token, []);
    }

    public Task<HttpResponseMessage> TryCreateAsync(object? more = null, string? token = null) =>
        PostAsync("/v1/sessions", more ?? new { tutor_id = 1, student_id = 999, kb_id = "test" }, token);

    public async Task<SessionAddress> CreateAsync(object? body = null)
    {
        using var response = await TryCreateAsync(body);
        response.StatusCode.ShouldBe(System.Net.HttpStatusCode.Created, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return SessionAddress.Of(await response.JsonAsync());
    }

    public async Task<SessionAddress> FreshAddressAsync(string session)
    {
        using var response = await PostAsync($"/v1/sessions/{session}/connect", null);
        return SessionAddress.Of(await response.JsonAsync());
    }

    public async Task<Client> ConnectAsync(SessionAddress address, string? subProtocol = "lyceum.v1") =>
        await Sessions.Client.ConnectAsync(address.EngineUrl, subProtocol);

    public Task<Client> ResumeAsync(string session, string handle, long after) =>
        Sessions.Client.ConnectAsync(new Uri(WebSocketBase, $"/ws/{session}?resume={handle}&after={after}"), "lyceum.v1");

    public Uri WebSocketBase => new UriBuilder(Address) { Scheme = "ws" }.Uri;

    /// <summary>Nothing is left of sockets; of sessions, only those the test made.</summary>
    public Task NoSocketsAsync() => Eventually.TrueAsync(() => Task.FromResult(Store.Sockets == 0), "no sockets left");

    public async ValueTask DisposeAsync()
    {
        await _service.DisposeAsync();
        await Stub.DisposeAsync();
        _identity.Dispose();
        if (Directory.Exists(Transcripts))
        {
            Directory.Delete(Transcripts, recursive: true);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? token, (string Key, string Value)[] headers)
    {
        request.Headers.Authorization = token is "" ? null : new AuthenticationHeaderValue("Bearer", token ?? Token());
        foreach (var (key, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(key, value);
        }
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}

internal sealed record SessionAddress(string SessionId, Uri EngineUrl, string EngineToken, JsonElement Raw)
{
    public static SessionAddress Of(JsonElement json) => new(
        json.GetProperty("session_id").GetString()!, new Uri(json.GetProperty("engine_url").GetString()!),
        json.GetProperty("engine_token").GetString()!, json);
}

/// <summary>A client on a real socket.</summary>
internal sealed class Client : IAsyncDisposable
{
    private const string Heartbeat = """{"type":"heartbeat"}""";

    private readonly ClientWebSocket _socket;
    private readonly byte[] _buffer = new byte[1024 * 1024];

    private Client(ClientWebSocket socket) => _socket = socket;

    public WebSocket Socket => _socket;

    /// <summary>The first event, of <c>lyceum.v1</c>.</summary>
    public JsonElement Session { get; private set; }

    public string Handle => Session.GetProperty("resume").GetString()!;

    public static async Task<Client> ConnectAsync(Uri url, string? subProtocol)
    {
        var client = new Client(await OpenAsync(url, subProtocol));
        if (subProtocol is not null)
        {
            client.Session = (await client.NextAsync())!.Value;
            client.Session.GetProperty("type").GetString().ShouldBe("session");
        }
        return client;
    }

    public static async Task<ClientWebSocket> OpenAsync(Uri url, string? subProtocol)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.KeepAliveInterval = TimeSpan.FromMilliseconds(500); // pongs, which no test is to depend on
        if (subProtocol is not null)
        {
            socket.Options.AddSubProtocol(subProtocol);
        }
        try
        {
            await socket.ConnectAsync(url, TestContext.Current.CancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The audio of the <c>audio</c> events that were read, by their number.</summary>
    public Dictionary<long, byte[]> Audio { get; } = [];

    public async Task SendAsync(byte[] audio) =>
        await _socket.SendAsync(audio.AsMemory(), WebSocketMessageType.Binary, true, TestContext.Current.CancellationToken);

    public Task SayAsync(string content, string? id = null, long? ack = null) => SendAsync(JsonSerializer.Serialize(
        id is null && ack is null ? new { type = "text", content } : (object)new { type = "text", content, id, ack }));

    public async Task SendAsync(string message) =>
        await _socket.SendAsync(Encoding.UTF8.GetBytes(message).AsMemory(), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);

    /// <summary>The next text message as it is, heartbeats too; null when the engine closed.</summary>
    public async Task<string?> NextRawAsync() =>
        await ReceiveAsync(WebSocketMessageType.Text) is { } length ? Encoding.UTF8.GetString(_buffer, 0, length) : null;

    /// <summary>Reads up to the next heartbeat, and answers it.</summary>
    /// <returns>The messages before it.</returns>
    public async Task<int> BeatAsync()
    {
        for (var before = 0; ; before++)
        {
            if (await NextRawAsync() == Heartbeat)
            {
                await SendAsync(Heartbeat);
                return before;
            }
        }
    }

    /// <summary>
    /// The next event, with its audio where it is one of audio; null when the engine closed. Heartbeats are answered.
    /// </summary>
    public async Task<JsonElement?> NextAsync()
    {
        if (await NextRawAsync() is not { } text)
        {
            return null;
        }
        if (text == Heartbeat)
        {
            await SendAsync(Heartbeat);
            return await NextAsync();
        }
        var next = JsonElement.Parse(text);
        if (next.GetProperty("type").ValueEquals("audio") && !next.TryGetProperty("omitted", out _))
        {
            if (await ReceiveAsync(WebSocketMessageType.Binary) is not { } bytes)
            {
                return null;
            }
            bytes.ShouldBe(next.GetProperty("bytes").GetInt32());
            Audio.Add(next.GetProperty("seq").GetInt64(), _buffer[..bytes]);
        }
        return next;
    }

    private async Task<int?> ReceiveAsync(WebSocketMessageType type)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Eventually.Limit);
        var length = 0;
        while (true)
        {
            var part = await _socket.ReceiveAsync(_buffer.AsMemory(length), limit.Token);
            if (part.MessageType is WebSocketMessageType.Close)
            {
                return null;
            }
            part.MessageType.ShouldBe(type);
            length += part.Count;
            if (part.EndOfMessage)
            {
                return length;
            }
        }
    }

    /// <summary>The next event of this type; those before it are passed to <paramref name="seen"/>.</summary>
    public async Task<JsonElement> UntilAsync(string type, List<JsonElement>? seen = null)
    {
        while (true)
        {
            var next = await NextAsync() ?? throw new ShouldAssertException($"closed ({_socket.CloseStatusDescription}) before '{type}'");
            seen?.Add(next);
            if (next.GetProperty("type").GetString() == type)
            {
                return next;
            }
        }
    }

    /// <summary>Breaks the connection without a word.</summary>
    public void Kill() => _socket.Abort();

    public async Task CloseAsync() =>
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
