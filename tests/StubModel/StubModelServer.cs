using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.Tests.StubModel;

/// <summary>The server's settings.</summary>
/// <param name="Port">0: the operating system chooses.</param>
/// <param name="Models">What <c>/v1/models</c> lists.</param>
/// <param name="ApiKey">Where set, requests without it as bearer token (to Azure's routes: as <c>api-key</c>) get 401.</param>
/// <param name="Defaults">The script of a message without directives.</param>
public sealed record StubOptions(int Port = 0, IReadOnlyList<string>? Models = null, string? ApiKey = null, StubScript? Defaults = null);

/// <summary>
/// A small OpenAI-compatible model server over real HTTP whose answers, pace and failures are known beforehand
/// (<see cref="StubScript"/>, <see cref="StubText"/>). Routes: <c>GET /v1/models</c>, <c>POST /v1/chat/completions</c>,
/// <c>GET|DELETE /stub/requests</c>, and the audio API (<see cref="StubSpeech"/>). The same models are deployments in Azure's
/// dialect (<see cref="StubAzure"/>): <c>POST /openai/deployments/{model}/chat/completions?api-version=…</c>, <c>GET /openai/models</c>.
/// </summary>
public sealed class StubModelServer : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private readonly WebApplication _app;
    private readonly StubOptions _options;
    private readonly TokenClock _clock = new();

    private StubModelServer(WebApplication app, StubOptions options) => (_app, _options) = (app, options);

    /// <summary>What it was asked so far.</summary>
    public StubLog Log { get; } = new();

    /// <summary>Its voice and its ear.</summary>
    public StubSpeech Speech { get; } = new();

    /// <summary>Base address without path, <c>http://127.0.0.1:PORT</c>.</summary>
    public string Url => _app.Urls.First();

    /// <summary>What belongs into <c>Llm__Endpoint</c>.</summary>
    public string Endpoint => Url + "/v1";

    /// <summary>Starts to listen on loopback.</summary>
    public static async Task<StubModelServer> StartAsync(StubOptions? options = null, CancellationToken cancel = default)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, options?.Port ?? 0);
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
        });
        // A stalled answer would otherwise hold up the stop.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
        var app = builder.Build();
        var server = new StubModelServer(app, options ?? new StubOptions());
        app.MapGet("/v1/models", server.Models);
        app.MapPost("/v1/chat/completions", server.CompleteAsync);
        app.MapGet("/openai/models", server.Models);
        app.MapPost(StubAzure.Route, server.CompleteAsync);
        app.MapPost("/v1/audio/speech", server.Speech.SpeakAsync);
        app.MapPost("/v1/audio/transcriptions", server.Speech.TranscribeAsync).DisableAntiforgery();
        app.MapGet("/stub/requests", server.Requests);
        app.MapDelete("/stub/requests", server.Log.Clear);
        await app.StartAsync(cancel);
        return server;
    }

    /// <summary>Waits until the log is as <paramref name="condition"/> says; looks every 10 ms.</summary>
    /// <exception cref="TimeoutException">It was not so within <paramref name="limit"/> (default 10 s).</exception>
    public async Task UntilAsync(Func<StubLog, bool> condition, TimeSpan? limit = null)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        var deadline = DateTime.UtcNow + (limit ?? TimeSpan.FromSeconds(60));
        while (!condition(Log))
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"stub: {Log.Count} requests, {Log.Running} running");
            }
            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Completes when the process is told to stop.</summary>
    public Task WaitForShutdownAsync() => _app.WaitForShutdownAsync();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _clock.DisposeAsync();
    }

    private IResult Models(HttpRequest http) => Authorized(http)
        ? Results.Json(
            new
            {
                @object = "list",
                data = Ids.Select(id => new { id, @object = "model", created = 1_700_000_000, owned_by = "stub" }),
            },
            Json)
        : Refused();

    private IResult Requests() =>
        Results.Json(new { count = Log.Count, running = Log.Running, requests = Log.Requests }, Json);

    private async Task CompleteAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(http.RequestAborted);
        using var body = JsonDocument.Parse(text);
        var root = body.RootElement;
        var deployment = StubAzure.Deployment(http);
        var messages = root.GetProperty("messages").EnumerateArray().ToList();
        var user = messages.FindLast(m => m.GetProperty("role").ValueEquals("user"));
        var parts = messages.Where(m => m.TryGetProperty("content", out var content) && content.ValueKind is JsonValueKind.Array)
            .SelectMany(m => m.GetProperty("content").EnumerateArray()).ToList();
        var asked = user.ValueKind is JsonValueKind.Object ? Text(user.GetProperty("content")) : "";
        var request = new StubRequest
        {
            Id = $"chatcmpl-stub-{Guid.NewGuid():n}",
            Model = deployment ?? (root.TryGetProperty("model", out var model) ? model.GetString() : null),
            Stream = root.TryGetProperty("stream", out var stream) && stream.ValueKind is JsonValueKind.True,
            MessageCount = messages.Count,
            LastUserMessage = asked,
            Authorization = http.Request.Headers.Authorization,
            Traceparent = http.Request.Headers["traceparent"],
            ApiKey = http.Request.Headers["api-key"],
            ApiVersion = http.Request.Query["api-version"],
            Body = text.Length > 16_384 ? text[..16_384] : text,
            Parts = [.. parts.Select(part => part.GetProperty("type").GetString()!)],
            Images = [.. parts.Where(part => part.GetProperty("type").ValueEquals("image_url")).Select(Image)],
        };
        var usage = root.TryGetProperty("stream_options", out var options) && options.ValueKind is JsonValueKind.Object &&
            options.TryGetProperty("include_usage", out var include) && include.ValueKind is JsonValueKind.True;

        Log.Begin(request);
        var end = StubEnd.ClientGone;
        try
        {
            if (!Authorized(http.Request))
            {
                end = StubEnd.Scripted;
                await Refused().ExecuteAsync(http);
                return;
            }
            if (deployment is not null && StubAzure.Fault(request, Ids) is { } fault)
            {
                end = StubEnd.Scripted;
                await fault.ExecuteAsync(http);
                return;
            }
            var script = StubScript.Parse(asked, _options.Defaults ?? new StubScript());
            if (script.ValidationErrors > 0 && Log.Requests.Count(r => r.LastUserMessage == asked) > script.ValidationErrors)
            {
                script = script.Mended();
            }
            end = await new StubAnswer(http, request, script, StubForm.Of(root, script), usage, deployment is not null, _clock).PlayAsync();
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            end = StubEnd.ClientGone;
        }
        finally
        {
            Log.End(request, end);
        }
    }

    private IReadOnlyList<string> Ids => _options.Models ?? ["stub"];

    private bool Authorized(HttpRequest http) => _options.ApiKey is null || (http.Path.StartsWithSegments("/openai")
        ? http.Headers["api-key"] == _options.ApiKey
        : http.Headers.Authorization == $"Bearer {_options.ApiKey}");

    private static IResult Refused() => Results.Json(
        new { error = new { message = "Incorrect API key provided.", type = "invalid_request_error", code = "invalid_api_key" } },
        statusCode: 401);

    // data:TYPE;base64,BYTES; of another address, its length.
    private static StubImage Image(JsonElement part)
    {
        var url = part.GetProperty("image_url").GetProperty("url").GetString()!;
        var comma = url.IndexOf(";base64,", StringComparison.Ordinal);
        if (!url.StartsWith("data:", StringComparison.Ordinal) || comma < 0)
            return new(url, 0, "");
        var bytes = Convert.FromBase64String(url[(comma + ";base64,".Length)..]);
        return new(url["data:".Length..comma], bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    private static string Text(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.String => content.GetString()!,
        JsonValueKind.Array => string.Concat(content.EnumerateArray()
            .Select(part => part.TryGetProperty("text", out var text) ? text.GetString() : "")),
        _ => "",
    };
}
