using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.RoadmapWorker.Tests.Models;

/// <summary>
/// SessionApi as far as grounding asks it: tenant <c>dev</c> has tutor 7 with the knowledge base <c>bows</c>, and tutor 8 without one. A
/// search can be held until a test lets it go, and answered otherwise.
/// </summary>
public sealed class KnowledgeServer : IAsyncDisposable
{
    private static readonly object[] Passages =
    [
        new { id = "d1:0", title = "Holding the bow", text = "Hold the bow with a bent thumb.", source = "bows.md" },
        new { id = "d1:1", title = "Drawing the bow", text = "Draw it at a right angle to the string.", source = "bows.md" },
    ];

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _held = new();

    private KnowledgeServer(WebApplication app) => _app = app;

    public string Url => _app.Urls.First();

    /// <summary>Every search as <c>tenant:knowledge base:query</c>.</summary>
    public ConcurrentQueue<string> Searched { get; } = new();

    /// <summary>By the query; null: as usual.</summary>
    public Func<string, IResult?>? Answers { get; set; }

    public static async Task<KnowledgeServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new KnowledgeServer(app);
        app.MapGet("/internal/tutors/{id:int}", (int id, HttpRequest http) => (Tenant(http), id) switch
        {
            ("dev", 7) => Results.Json(Tutor("bows")), ("dev", 8) => Results.Json(Tutor(null)), _ => Results.NotFound(),
        });
        app.MapPost("/internal/retrieval/{kb}", (Delegate)server.SearchAsync);
        await app.StartAsync();
        return server;
    }

    /// <summary>Searches for this wait for <see cref="Release"/>.</summary>
    public void Hold(string query) => _held[query] = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release(string query)
    {
        if (_held.TryRemove(query, out var held))
            held.TrySetResult();
    }

    private async Task<IResult> SearchAsync(HttpContext http)
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        var (query, kb) = (body.RootElement.GetProperty("query").GetString()!, (string)http.Request.RouteValues["kb"]!);
        Searched.Enqueue($"{Tenant(http.Request)}:{kb}:{query}");
        if (_held.TryGetValue(query, out var gate))
            await gate.Task.WaitAsync(http.RequestAborted);
        if (Tenant(http.Request) != "dev" || kb != "bows")
            return Results.NotFound();
        return Answers?.Invoke(query) ?? Results.Json(new { passages = query.Contains("thumb") ? Passages[..1] : Passages });
    }

    private static object Tutor(string? kb) => new { name = "Nadia", subject = "Violin", language = "en", instructions = "", kb_id = kb };

    private static string Tenant(HttpRequest http)
    {
        var payload = http.Headers.Authorization.ToString().Split('.')[1].Replace('-', '+').Replace('_', '/');
        using var claims = JsonDocument.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(payload.PadRight((payload.Length + 3) / 4 * 4, '='))));
        return claims.RootElement.GetProperty("tenant").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var query in _held.Keys)
            Release(query);
        await _app.DisposeAsync();
    }
}
