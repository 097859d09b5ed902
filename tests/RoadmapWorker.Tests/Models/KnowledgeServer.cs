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

    /// <summary>What is shared, with whom of the tenant; kinds as <c>practice_set</c>.</summary>
    public ConcurrentBag<(string With, string Kind, string Id, string Owner, Guid Class)> Shares { get; } = [];

    /// <summary>Classes by tenant, teacher and id.</summary>
    public ConcurrentDictionary<(string Tenant, string Teacher, Guid Class), (string Subject, string Name)[]> Classes { get; } = [];

    /// <summary>Every look, as <c>teacher view student</c>.</summary>
    public ConcurrentQueue<string> Looks { get; } = new();

    /// <summary>Messages of a person's conversation.</summary>
    public ConcurrentDictionary<(string Person, Guid Conversation), object[]> Conversations { get; } = [];

    /// <summary>How answers are moderated, by person, as JSON; nobody else's are.</summary>
    public ConcurrentDictionary<string, object> Policies { get; } = [];

    /// <summary>Nobody says what is shared, or who is in a class.</summary>
    public bool IsAway { get; set; }

    /// <summary>What searches were, and how they were answered.</summary>
    public void Forget()
    {
        Searched.Clear();
        Answers = null;
        foreach (var held in _held.Values)
            held.TrySetResult();
        _held.Clear();
    }

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
        app.MapGet("/internal/shares", (string kind, HttpRequest http) => server.IsAway ? Results.StatusCode(503) : Results.Json(new
        {
            items = server.Shares.Where(share => share.With == Claim(http, "act") && share.Kind == kind)
                .Select(share => new { kind, id = share.Id, owner = share.Owner, class_id = share.Class }),
        }));
        app.MapPost("/internal/classes/{id:guid}/looks", (Delegate)server.LookAsync);
        app.MapGet("/internal/policy", (HttpRequest http) => server.IsAway ? Results.StatusCode(503)
            : server.Policies.TryGetValue(Claim(http, "act"), out var policy) ? Results.Json(policy) : Results.NotFound());
        app.MapGet("/api/conversations/{id:guid}/messages", (Guid id, HttpRequest http) =>
            server.Conversations.TryGetValue((Claim(http, "act"), id), out var said)
                ? Results.Json(new { conversation_id = id, messages = said }) : Results.NotFound());
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

    private async Task<IResult> LookAsync(Guid id, HttpContext http)
    {
        if (IsAway)
            return Results.StatusCode(503);
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        var student = body.RootElement.TryGetProperty("student", out var named) ? named.GetString() : null;
        var teacher = Claim(http.Request, "act");
        Looks.Enqueue($"{teacher} {body.RootElement.GetProperty("view").GetString()} {student}".TrimEnd());
        if (!Classes.TryGetValue((Tenant(http.Request), teacher, id), out var students))
            return Results.NotFound();
        return Results.Json(new
        {
            id, name = "7b",
            students = students.Where(known => student is null || known.Subject == student)
                .Select(known => new { subject = known.Subject, name = known.Name, visibility = "progress" }),
            shares = Shares.Where(share => share.Class == id).DistinctBy(share => share.Id)
                .Select(share => new { kind = share.Kind, id = share.Id, owner = share.Owner, class_id = id }),
        });
    }

    private static object Tutor(string? kb) => new { name = "Nadia", subject = "Violin", language = "en", instructions = "", kb_id = kb };

    private static string Tenant(HttpRequest http) => Claim(http, "tenant");

    private static string Claim(HttpRequest http, string name)
    {
        var payload = http.Headers.Authorization.ToString().Split('.')[1].Replace('-', '+').Replace('_', '/');
        using var claims = JsonDocument.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(payload.PadRight((payload.Length + 3) / 4 * 4, '='))));
        return claims.RootElement.GetProperty(name).GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var query in _held.Keys)
            Release(query);
        await _app.DisposeAsync();
    }
}
