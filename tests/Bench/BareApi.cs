using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.Bench;

/// <summary>
/// The least that ASP.NET Core does for a JSON echo: what the gateway's own routes are measured against, and what stands behind its proxied ones.
/// </summary>
internal static class BareApi
{
    public const string Command = "bare";
    public const string Listening = "listening on ";

    public static async Task RunAsync(CancellationToken cancel)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        await using var app = builder.Build();
        app.MapPost("/echo", (ToolCall call) => TypedResults.Ok(new ToolAnswer("ok", call.Input)));
        app.MapGet("/api/conversations/echo", () => TypedResults.Ok(new ToolAnswer("ok", default)));
        app.MapGet("/health", () => "ok");
        await app.StartAsync(cancel);
        Console.WriteLine(Listening + app.Urls.First());
        await Console.In.ReadToEndAsync(cancel);
        await app.StopAsync(CancellationToken.None);
    }

    private sealed record ToolCall(string Tool, JsonElement Input);

    private sealed record ToolAnswer(string Status, JsonElement? Output);
}
