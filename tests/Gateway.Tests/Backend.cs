using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.EngineClient;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace Lyceum.Tests.Gateway.Tests;

/// <summary>A service behind the gateway, with the same ServiceDefaults as the real ones; records what reached it.</summary>
public sealed class Backend(TestService service) : IAsyncDisposable
{
    public Uri Address => service.Address;

    public ConcurrentQueue<Dictionary<string, string>> Seen { get; private init; } = new();

    /// <summary>What <c>/api/conversations/stream</c> sends next; completing it ends the stream.</summary>
    public Channel<string> Stream { get; private init; } = Channel.CreateUnbounded<string>();

    /// <summary>What it says of engines, as the keeper of their directory.</summary>
    public ConcurrentQueue<EngineAnnouncement> Engines { get; private init; } = new();

    public static async Task<Backend> StartAsync(IdentityFolder identity, string name = "chat-api", Uri? at = null)
    {
        var seen = new ConcurrentQueue<Dictionary<string, string>>();
        var stream = Channel.CreateUnbounded<string>();
        var engines = new ConcurrentQueue<EngineAnnouncement>();
        var service = await TestService.StartAsync(
            identity, name, build => { if (at is not null) build.WebHost.UseUrls(at.ToString()); }, app => Map(app, name, seen, stream, engines));
        return new Backend(service) { Seen = seen, Stream = stream, Engines = engines };
    }

    private static void Map(
        WebApplication app, string name, ConcurrentQueue<Dictionary<string, string>> seen, Channel<string> stream,
        ConcurrentQueue<EngineAnnouncement> engines)
    {
        app.MapGet("/api/conversations/stream", async (HttpContext http) =>
        {
            http.Response.ContentType = "text/event-stream";
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await foreach (var text in stream.Reader.ReadAllAsync(http.RequestAborted))
            {
                await http.Response.WriteAsync(text, http.RequestAborted);
                await http.Response.Body.FlushAsync(http.RequestAborted);
            }
        });
        foreach (var path in (string[])["/api/conversations/silent", "/v1/generations/silent"])
            app.MapGet(path, (HttpContext http) => Task.Delay(Timeout.Infinite, http.RequestAborted));
        app.MapGet("/chat/{id:int}/stream", (HttpContext http) =>
            $"{http.Request.QueryString} as {(http.Request.Headers.ContainsKey("Authorization") ? "somebody" : "nobody")}").AllowAnonymous();
        app.MapPost("/api/auth/login", (HttpContext http) =>
        {
            http.Response.Headers.SetCookie = new(["lyceum_session=a; path=/; httponly", "lyceum_refresh=b; path=/api/auth; httponly"]);
            return TypedResults.NoContent();
        }).AllowAnonymous();
        app.MapGet("/ws/{id}", (HttpContext http) => seen.Enqueue(Headers(http))).AllowAnonymous();
        app.MapGet("/internal/engines", () => new EngineList([.. engines]));
        // As sign-in, open; the identity, where there is one, is not looked at.
        app.MapPost("/api/auth/refresh", (HttpContext http) => seen.Enqueue(Headers(http))).AllowAnonymous();
        app.MapGet("/api/conversations/titled", (HttpContext http) =>
        {
            http.Response.Headers["X-Title"] = Encoding.Latin1.GetString("学习"u8);
            http.Response.Headers["X-Name"] = "J\u00fcrgen";
        });
        app.MapGet("/api/conversations/conflict", () => Problems.Conflict(ErrorCodes.AnswerInProgress, "wait for it"));
        app.MapGet("/api/conversations/broken", (HttpContext http) => http.Abort());
        foreach (var path in (string[])["/api/conversations/length", "/v1/audio/speech"])
        {
            app.MapPost(path, async (HttpContext http) =>
            {
                using var copy = new MemoryStream();
                await http.Request.Body.CopyToAsync(copy, http.RequestAborted);
                return TypedResults.Ok(new { copy.Length });
            }).WithMetadata(new RequestSizeLimitAttribute(64 * 1024 * 1024));
        }

        app.Map("/{**any}", (HttpContext http, Caller caller) =>
        {
            seen.Enqueue(Headers(http));
            return TypedResults.Ok(new
            {
                Service = name, Port = http.Connection.LocalPort, Path = http.Request.Path.Value, http.Request.Method,
                Query = http.Request.QueryString.Value, caller.Tenant, caller.Subject, caller.Kind, caller.Scopes,
            });
        });
    }

    private static Dictionary<string, string> Headers(HttpContext http) => http.Request.Headers.ToDictionary(
        header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);

    public async ValueTask DisposeAsync() => await service.DisposeAsync();
}
