using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.StubModel;

/// <summary>One call of a function that a model asks for.</summary>
/// <param name="Arguments">As sent: any text, JSON or not.</param>
/// <param name="Id">Null: the server leaves it out.</param>
public sealed record ScriptedCall(string Function, string Arguments, string? Id = "call_1");

/// <summary>One request as the server saw it.</summary>
/// <param name="Name"><c>query:stage</c>, as in <see cref="RoadmapModelServer.Asked"/>.</param>
/// <param name="Functions">Names of the functions offered, <c>plugin-function</c>.</param>
/// <param name="Format"><c>response_format.type</c>; null without one.</param>
/// <param name="Results">What functions gave, as the model is told, in their order.</param>
public sealed record ModelRequest(
    string Name, IReadOnlyList<string> Functions, string? ToolChoice, string? Format, IReadOnlyList<string> Results, JsonElement Body);

/// <summary>
/// A model server that writes roadmaps, takes turns in collaborations, and holds its answer to a stage's question back until a test lets it go. Its first design is
/// wrong (an id twice), so that every stage asks it something. Told to, it calls functions, and turns away or bends what it is asked;
/// what is shown passages cites the first. A question with results of functions is named with their number, <c>query:stage+1</c>.
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

    /// <summary>Its model; another is not there.</summary>
    public string Model { get; set; } = "stub";

    /// <summary>It says of itself that it is the engine's built-in answerer.</summary>
    public bool IsPrimer { get; set; }

    /// <summary>The requests behind <see cref="Asked"/>, with those that <see cref="Rejects"/> turned away.</summary>
    public ConcurrentQueue<ModelRequest> Requests { get; } = new();

    /// <summary>Functions that it calls instead of answering; null or none: it answers.</summary>
    public Func<ModelRequest, IReadOnlyList<ScriptedCall>?>? Calls { get; set; }

    /// <summary>Requests that are turned away with a status and an error message.</summary>
    public Func<ModelRequest, (int Status, string Message)?>? Rejects { get; set; }

    /// <summary>Changes the content of an answer.</summary>
    public Func<ModelRequest, string, string>? Bends { get; set; }

    /// <summary>Changes the JSON of a whole response.</summary>
    public Func<ModelRequest, string, string>? BendsResponse { get; set; }

    /// <param name="takes">What every answer takes.</param>
    public static async Task<RoadmapModelServer> StartAsync(TimeSpan takes = default)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new RoadmapModelServer(app) { Takes = takes };
        app.MapGet("/v1/models", () => new
        {
            @object = "list",
            data = new[] { new { id = server.Model, @object = "model", created = 1, owned_by = "stub", lyceum = new { kind = server.IsPrimer ? "primer" : "language_model" } } },
        });
        app.MapPost("/v1/chat/completions", (Delegate)server.CompleteAsync); // or its result would not be written
        await app.StartAsync();
        return server;
    }

    /// <summary>As it was at its start.</summary>
    public void Forget()
    {
        Asked.Clear();
        Requests.Clear();
        (Calls, Rejects, Bends, BendsResponse, IsPrimer, Model) = (null, null, null, null, false, "stub");
        foreach (var question in _held.Keys)
            Release(question);
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
        var root = body.RootElement;
        var all = root.GetProperty("messages").EnumerateArray().ToList();
        var messages = all.Where(m => m.GetProperty("role").GetString() != "tool" && !m.TryGetProperty("tool_calls", out _)).Select(Content).ToList();
        var results = all.Where(m => m.GetProperty("role").GetString() == "tool").Select(Content).ToList();
        var question = messages[Math.Min(1, messages.Count - 1)];
        // A question with quotation marks before it has what was looked up there.
        var query = question[Math.Max(0, Math.Max(question.IndexOf("The learner asks for"), question.IndexOf("The task: ")))..].Split('"').ElementAtOrDefault(1) ?? question;
        var stage = Turn(question) is { } turn ? turn
            : question.Contains("\"activities\"") ? "write"
            : !question.Contains("\"modules\"") ? "analyse" : messages.Count > 2 ? "validate" : "design";
        var concept = stage == "write" ? ":" + question.Split("write now: ")[1].Split(':')[0] : "";
        var asked = $"{query}:{stage}{concept}{(results.Count > 0 ? $"+{results.Count}" : "")}";
        var request = new ModelRequest(asked, Functions(root),
            root.TryGetProperty("tool_choice", out var choice) ? choice.ToString() : null,
            root.TryGetProperty("response_format", out var format) ? format.GetProperty("type").GetString() : null, results, root.Clone());
        Requests.Enqueue(request);
        if (root.TryGetProperty("model", out var model) && !model.ValueEquals(Model))
            return Results.Json(new { error = new { message = $"There is no {model}.", code = "model_not_found" } }, statusCode: 404);
        if (Rejects?.Invoke(request) is { } rejected)
            return Results.Json(new { error = new { message = rejected.Message, type = "invalid_request_error" } }, statusCode: rejected.Status);
        Asked.Enqueue(asked);
        if (_held.Where(held => asked.StartsWith(held.Key)).Select(held => held.Value).FirstOrDefault() is { } gate)
            await gate.Task.WaitAsync(http.RequestAborted);
        await Task.Delay(Takes, http.RequestAborted);
        var calls = Calls?.Invoke(request);
        var finish = calls is { Count: > 0 } ? "tool_calls"
            : root.TryGetProperty("max_tokens", out _) ? "length" : "stop"; // so that an answer tells what was asked for
        var cites = messages.Concat(results).Any(text => text.Contains("[1]", StringComparison.Ordinal));
        var answer = JsonSerializer.Serialize(Answer(stage, cites));
        object message = calls is { Count: > 0 }
            ? new { role = "assistant", content = (string?)null, tool_calls = calls.Select(call => new { id = call.Id, type = "function", function = new { name = call.Function, arguments = call.Arguments } }) }
            : new { role = "assistant", content = Bends?.Invoke(request, answer) ?? answer };
        var response = JsonSerializer.Serialize(new
        {
            id = "x", @object = "chat.completion", created = 1, model = "stub", choices = new[] { new { index = 0, message, finish_reason = finish } },
            usage = new { prompt_tokens = 7, completion_tokens = 5, total_tokens = 12 },
        });
        return Results.Content(BendsResponse?.Invoke(request, response) ?? response, "application/json");
    }

    private static string Content(JsonElement message) => message.GetProperty("content").GetString() ?? "";

    private static List<string> Functions(JsonElement root) => !root.TryGetProperty("tools", out var tools) ? []
        : [.. tools.EnumerateArray().Select(tool => tool.GetProperty("function").GetProperty("name").GetString()!)];

    /// <summary>Of a collaboration: <c>planner 1</c> is the planner's turn in the first round; last comes <c>result</c>.</summary>
    private static string? Turn(string question)
    {
        if (question.EndsWith("Write the result now.", StringComparison.Ordinal))
            return "result";
        var words = question.Split("It is your turn, ");
        return words.Length > 1 ? $"{words[1].Split(' ')[0]} {words[1].Split("(round ")[1].Split(' ')[0]}" : null;
    }

    private static object Answer(string stage, bool cites) => stage switch
    {
        "planner 1" or "tutor 1" or "critic 1" or "result" => cites ? new { text = $"{stage} [1]", sources = new[] { 1 } } : stage,
        "analyse" => new { title = "The way", goal = "To do it alone" },
        "write" => new
        {
            activities = new[] { new { style = "visual", text = "Draw it" }, new { style = "hands_on", text = "Do it" } },
            resources = new[] { new { title = "A book", kind = "book", search = "a book" } },
            quiz = new[] { new { question = "Why?", options = new[] { "Because", "No idea" }, answer = 0, explanation = "So." } },
            sources = cites ? new[] { 1 } : [],
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
