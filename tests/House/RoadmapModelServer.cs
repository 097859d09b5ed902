using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.House;

/// <summary>
/// A model server that writes roadmaps, takes turns in collaborations, and holds its answer to a stage's question back until a test lets it go. Its first design is
/// wrong (an id twice), so that every stage asks it something.
/// </summary>
public sealed class RoadmapModelServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _held = new();

    private RoadmapModelServer(WebApplication app) => _app = app;

    public string Endpoint => _app.Urls.First() + "/v1";

    /// <summary>Every question, as <c>query:stage</c> (of the last stage <c>query:write:concept</c>, of a collaboration <c>task:turn</c>), in their order.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>What every answer takes, beside what a test holds back.</summary>
    public TimeSpan Takes { get; init; }

    /// <param name="takes">What every answer takes.</param>
    public static async Task<RoadmapModelServer> StartAsync(TimeSpan takes = default)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new RoadmapModelServer(app) { Takes = takes };
        app.MapGet("/v1/models", () => new { @object = "list", data = new[] { new { id = "stub", @object = "model", created = 1, owned_by = "stub" } } });
        app.MapPost("/v1/chat/completions", (Delegate)server.CompleteAsync); // or its result would not be written
        await app.StartAsync();
        return server;
    }

    /// <summary>Questions that begin with this wait for <see cref="Release"/>.</summary>
    public void Hold(string question) => _held[question] = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Release(string question)
    {
        if (_held.TryRemove(question, out var held))
            held.TrySetResult();
    }

    private async Task<IResult> CompleteAsync(HttpContext http)
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        var messages = body.RootElement.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("content").GetString()!).ToList();
        var question = messages[1];
        var query = question.Split('"')[1];
        var stage = Turn(question) is { } turn ? turn
            : question.Contains("\"activities\"") ? "write"
            : !question.Contains("\"modules\"") ? "analyse" : messages.Count > 2 ? "validate" : "design";
        var concept = stage == "write" ? ":" + question.Split("write now: ")[1].Split(':')[0] : "";
        var asked = $"{query}:{stage}{concept}";
        Asked.Enqueue(asked);
        if (_held.Where(held => asked.StartsWith(held.Key)).Select(held => held.Value).FirstOrDefault() is { } gate)
            await gate.Task.WaitAsync(http.RequestAborted);
        await Task.Delay(Takes, http.RequestAborted);
        var finish = body.RootElement.TryGetProperty("max_tokens", out _) ? "length" : "stop"; // so that an answer tells what was asked for
        return Results.Json(new
        {
            id = "x", @object = "chat.completion", created = 1, model = "stub",
            choices = new[] { new { index = 0, message = new { role = "assistant", content = JsonSerializer.Serialize(Answer(stage)) }, finish_reason = finish } },
            usage = new { prompt_tokens = 7, completion_tokens = 5, total_tokens = 12 },
        });
    }

    /// <summary>Of a collaboration: <c>planner 1</c> is the planner's turn in the first round; last comes <c>result</c>.</summary>
    private static string? Turn(string question)
    {
        if (question.EndsWith("Write the result now.", StringComparison.Ordinal))
            return "result";
        var words = question.Split("It is your turn, ");
        return words.Length > 1 ? $"{words[1].Split(' ')[0]} {words[1].Split("(round ")[1].Split(' ')[0]}" : null;
    }

    private static object Answer(string stage) => stage switch
    {
        "planner 1" or "tutor 1" or "critic 1" or "result" => stage,
        "analyse" => new { title = "The way", goal = "To do it alone" },
        "write" => new
        {
            activities = new[] { new { style = "visual", text = "Draw it" }, new { style = "hands_on", text = "Do it" } },
            resources = new[] { new { title = "A book", kind = "book", search = "a book" } },
            quiz = new[] { new { question = "Why?", options = new[] { "Because", "No idea" }, answer = 0, explanation = "So." } },
        },
        _ => new
        {
            modules = new[]
            {
                new
                {
                    id = "m", title = "All of it",
                    concepts = new[] { "a", "b", stage == "design" ? "b" : "c" }.Select((id, index) => new
                    {
                        id, title = $"Concept {id}", summary = "What it is", hours = 8, prerequisites = index == 0 ? Array.Empty<string>() : ["a"],
                    }),
                },
            },
        },
    };

    public async ValueTask DisposeAsync()
    {
        foreach (var question in _held.Keys)
            Release(question);
        await _app.DisposeAsync();
    }
}
