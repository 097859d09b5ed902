using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Gateway.Tests.Tools;

/// <summary>Somebody's HTTP server, good or bad; records what reached it.</summary>
public sealed class ToolBackend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ToolBackend(WebApplication app) => _app = app;

    public int Port { get; private set; }

    public string Url(string path, string host = "127.0.0.1") => $"http://{host}:{Port}{path}";

    /// <summary>Requests as they came: method, path and query, headers, body.</summary>
    public ConcurrentQueue<(string Method, string Target, IHeaderDictionary Headers, string Body)> Seen { get; } = new();

    /// <summary>Released one by one by a test for <c>/held</c>.</summary>
    public SemaphoreSlim Held { get; } = new(0);

    public static async Task<ToolBackend> StartAsync(Action<WebApplication>? map = null)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var backend = new ToolBackend(builder.Build());
        map?.Invoke(backend._app);
        backend.Map();
        await backend._app.StartAsync(TestContext.Current.CancellationToken);
        backend.Port = new Uri(backend._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        return backend;
    }

    private void Map()
    {
        var failures = 0;
        _app.Use(async (http, next) =>
        {
            http.Request.EnableBuffering();
            using var reader = new StreamReader(http.Request.Body, leaveOpen: true);
            var body = await reader.ReadToEndAsync(http.RequestAborted);
            http.Request.Body.Position = 0;
            Seen.Enqueue((http.Request.Method, http.Features.Get<IHttpRequestFeature>()!.RawTarget, new HeaderDictionary(http.Request.Headers.ToDictionary(header => header.Key, header => header.Value)), body));
            await next(http);
        });
        _app.MapGet("/redirect", () => Results.Redirect(Url("/private")));
        _app.MapGet("/status/{status:int}", (int status) => Results.Json(new { secret = "the upstream's own words" }, statusCode: status));
        // An answer of any bytes, called anything: ?type=…&bytes=(hexadecimal)
        _app.MapGet("/as", async (HttpContext http, string? type, string bytes) =>
        {
            if (type is not null)
                http.Response.Headers.ContentType = type;
            await http.Response.Body.WriteAsync(Convert.FromHexString(bytes), http.RequestAborted);
        });
        _app.MapGet("/text", () => Results.Text("Grüße", "text/plain"));
        _app.MapGet("/html-as-json", () => Results.Text("<html>", "application/json"));
        _app.MapGet("/half-a-pair", () => Results.Text("\"\\ud800\"", "application/json"));
        _app.MapGet("/bytes", () => Results.Bytes([1, 2, 3], "application/octet-stream"));
        _app.MapGet("/empty", () => Results.NoContent());
        _app.MapGet("/huge", () => Results.Text($"\"{new string('x', 100_000)}\"", "application/json"));
        _app.MapGet("/bomb", (HttpContext http) =>
        {
            http.Response.Headers.ContentEncoding = "gzip";
            return Results.Bytes([0x1f, 0x8b, 8, 0], "application/json");
        });
        _app.MapGet("/endless", async (HttpContext http) =>
        {
            http.Response.ContentType = "application/json";
            for (var chunk = new byte[4096]; !http.RequestAborted.IsCancellationRequested;)
                await http.Response.Body.WriteAsync(chunk, http.RequestAborted);
        });
        _app.MapGet("/silent", (HttpContext http) => Task.Delay(Timeout.Infinite, http.RequestAborted));
        _app.MapGet("/slow-body", async (HttpContext http) =>
        {
            http.Response.ContentType = "application/json";
            await http.Response.WriteAsync("[", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        _app.MapGet("/held", async (HttpContext http) =>
        {
            await Held.WaitAsync(http.RequestAborted);
            return Results.Json(true);
        });
        _app.MapMethods("/once-broken", ["GET", "POST"], (HttpContext http) =>
        {
            if (Interlocked.Increment(ref failures) % 2 == 1)
            {
                http.Abort();
                return Results.Empty;
            }
            return Results.Json("well again");
        });
        _app.Map("/{**any}", () => Results.Json(new { ok = true }));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Held.Dispose();
    }
}
