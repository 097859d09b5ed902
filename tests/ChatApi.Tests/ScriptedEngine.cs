using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Lyceum.EngineClient;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>
/// An engine that answers each question with the tokens of its script, keeps the generation and sends it again from a byte
/// on; and that moderates, or does not.
/// </summary>
internal sealed class ScriptedEngine(WebApplication app) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, IReadOnlyList<string>> _scripts = new();
    private readonly ConcurrentDictionary<string, string> _kept = new();
    private readonly TaskCompletionSource _go = new();
    private int _paused;
    private int _draining;

    public Uri Address => new(app.Urls.First());

    /// <summary>All that a model was asked, whole bodies.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>From which byte on a generation was read again.</summary>
    public ConcurrentQueue<(string Id, int After)> Attached { get; } = new();

    /// <summary>Texts that were to be judged.</summary>
    public ConcurrentQueue<string> Judged { get; } = new();

    /// <summary>What <c>/v1/moderations</c> says of a text; null: 503.</summary>
    public Func<string, string[]?> Moderate { get; set; } = _ => null;

    /// <summary>So many questions are rejected first, as by an engine that stops.</summary>
    public int Draining { get => Volatile.Read(ref _draining); set => Volatile.Write(ref _draining, value); }

    /// <summary>Answers stop amid their script until <see cref="Go"/>.</summary>
    public bool Pauses { get; set; }

    public int Paused => Volatile.Read(ref _paused);

    public void Go() => _go.TrySetResult();

    public void Script(string question, IReadOnlyList<string> tokens) => _scripts[question] = tokens;

    public static async Task<ScriptedEngine> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var engine = new ScriptedEngine(app);
        app.MapPost("/v1/chat/completions", engine.AnswerAsync);
        app.MapGet("/v1/generations/{id}", engine.GoOnAsync);
        app.MapDelete("/v1/generations/{id}", () => Results.NoContent());
        app.MapPost(ModerationClient.Path, (JsonElement body) =>
        {
            var text = body.GetProperty("input").GetString()!;
            engine.Judged.Enqueue(text);
            return engine.Moderate(text) is { } flags
                ? Results.Json(new { results = new[] { new { flagged = flags.Length > 0, categories = flags.ToDictionary(f => f, _ => true) } } })
                : Results.StatusCode(503);
        });
        await app.StartAsync();
        return engine;
    }

    private async Task AnswerAsync(HttpContext http)
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        Asked.Enqueue(JsonSerializer.Serialize(body.RootElement, Readable));
        if (Interlocked.Decrement(ref _draining) >= 0)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            await http.Response.WriteAsJsonAsync(new { error = new { code = "draining", message = "This engine is stopping." } });
            return;
        }
        var question = body.RootElement.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!;
        var tokens = _scripts.GetValueOrDefault(question, ["An ", "answer."]);
        _kept[http.Request.Headers["Generation-Id"].ToString()] = string.Concat(tokens);
        Begin(http);
        for (var i = 0; i < tokens.Count; i++)
        {
            // Of some answers amid the script, of others before its last token.
            if (Pauses && i == (tokens.Count % 2 == 0 ? tokens.Count / 2 : tokens.Count - 1))
            {
                Interlocked.Increment(ref _paused);
                await _go.Task.WaitAsync(http.RequestAborted);
            }
            await SayAsync(http, new { reasoning_content = "hm " });
            await SayAsync(http, new { content = tokens[i] });
        }
        await EndAsync(http);
    }

    private async Task GoOnAsync(HttpContext http, string id, int after)
    {
        Attached.Enqueue((id, after));
        if (!_kept.TryGetValue(id, out var whole))
        {
            await Results.Json(new { error = new { code = "generation_not_found", message = "not here" } }, statusCode: 404).ExecuteAsync(http);
            return;
        }
        Begin(http);
        var rest = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(whole).AsSpan(after));
        foreach (var rune in rest.EnumerateRunes())
            await SayAsync(http, new { content = rune.ToString() });
        await EndAsync(http);
    }

    private static JsonSerializerOptions Readable { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static void Begin(HttpContext http) => http.Response.ContentType = "text/event-stream";

    private static async Task SayAsync(HttpContext http, object delta)
    {
        await http.Response.WriteAsync($"data: {JsonSerializer.Serialize(new { choices = new[] { new { index = 0, delta } } })}\n\n", http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    private static async Task EndAsync(HttpContext http)
    {
        await http.Response.WriteAsync("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    public ValueTask DisposeAsync()
    {
        Go();
        return app.DisposeAsync();
    }
}
