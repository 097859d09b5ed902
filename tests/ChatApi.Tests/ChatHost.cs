using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Classes;
using Lyceum.ChatApi.Conversations;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Images;
using Lyceum.ChatApi.Searching;
using Lyceum.ChatApi.Titles;
using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Leases;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>The whole service on a real database, over HTTP, without a broker; its engine is a <see cref="StubEngine"/>.</summary>
public sealed class ChatHost(TestService service, IdentityFolder identity) : IAsyncDisposable
{
    public IServiceProvider Services => service.Services;

    public NpgsqlDataSource Database => service.Services.GetRequiredService<NpgsqlDataSource>();

    public static async Task<ChatHost> StartAsync(
        string connectionString, StubEngine engine, params (string Key, string Value)[] settings)
    {
        var identity = new IdentityFolder("chat-api", "gateway");
        var all = new Dictionary<string, string?>
        {
            ["ConnectionStrings:chatdb"] = connectionString,
            ["services:gpu-engine:http:0"] = engine.Address,
            ["Titles:Enabled"] = "false",
        };
        foreach (var (key, value) in settings)
            all[key] = value;
        var service = await TestService.StartAsync(identity, "chat-api", builder =>
        {
            builder.AddPostgres<ChatDb>("chatdb");
            builder.Services.AddSingleton<IHints, RecordedHints>();
            builder.AddGeneration();
            builder.AddAnswers();
            builder.AddImages();
            builder.AddTitles();
            builder.AddSearching();
            builder.AddClassViews();
        }, app =>
        {
            app.MapChat();
            app.MapConversations();
            app.MapImages();
            app.MapSearch();
            app.MapClassViews();
        }, all);
        var lease = service.Services.GetRequiredService<LeaseKeeper>();
        await Eventually.TrueAsync(() => lease.IsHeld, "the lease is held");
        return new(service, identity);
    }

    /// <summary>Somebody's requests.</summary>
    public Person As(string subject, string tenant = "t", string scope = "chat") =>
        new(service, identity.Token(sub: subject, tenant: tenant, kind: "user", scope: scope));

    /// <summary>Another service's requests.</summary>
    public Person AsService(string tenant = "t") =>
        new(service, identity.Token("chat-api", sub: "chat-api", tenant: tenant, kind: "service", scope: "tutors"));

    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var command = Database.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await service.App.StopAsync();
        await service.DisposeAsync();
        identity.Dispose();
    }
}

/// <summary>What an answer's stream said.</summary>
public sealed record Told(JsonElement Start, string Text, JsonElement End)
{
    public Guid Conversation => Start.GetProperty("conversation_id").GetGuid();
    public Guid Answer => Start.GetProperty("message_id").GetGuid();
    public Guid Question => Start.GetProperty("question_id").GetGuid();
}

public sealed class Person(TestService service, string token)
{
    public async Task<Told> AskAsync(object request, string? key = null)
    {
        using var response = await SendAsync(HttpMethod.Post, "/chat", request, key);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, body);
        return Read(body);
    }

    public Task<Told> AskAsync(string message, Guid? conversation = null, Guid? parent = null) =>
        AskAsync(new { message, conversation_id = conversation, parent_id = parent });

    /// <summary>An answer read again.</summary>
    public async Task<Told> ReadAsync(Guid answer)
    {
        using var response = await SendAsync(HttpMethod.Get, $"/chat/{answer}/stream");
        return Read(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Refused, with this status and code.</summary>
    public async Task RefusedAsync(HttpMethod method, string path, object? body, int status, string code)
    {
        using var response = await SendAsync(method, path, body);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        ((int)response.StatusCode).ShouldBe(status, text);
        JsonElement.Parse(text).GetProperty("code").GetString().ShouldBe(code);
    }

    public async Task<JsonElement> JsonAsync(HttpMethod method, string path, object? body = null)
    {
        using var response = await SendAsync(method, path, body);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        response.IsSuccessStatusCode.ShouldBeTrue($"{(int)response.StatusCode} {text}");
        return JsonElement.Parse(text);
    }

    /// <summary>Uploads an image.</summary>
    public async Task<Guid> UploadAsync(byte[] image) =>
        (await JsonAsync(HttpMethod.Post, "/api/images", new ByteArrayContent(image))).GetProperty("id").GetGuid();

    public Task<JsonElement> GetAsync(string path) => JsonAsync(HttpMethod.Get, path);

    public async Task<List<JsonElement>> MessagesAsync(Guid conversation, string query = "") =>
        [.. (await GetAsync($"/api/conversations/{conversation}/messages{query}")).GetProperty("messages").EnumerateArray()];

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null, string? key = null, string? accept = null)
    {
        var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : body as HttpContent ?? JsonContent.Create(body),
        };
        if (accept is not null)
            request.Headers.Accept.ParseAdd(accept);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static Told Read(string events)
    {
        var all = events.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(item => item.Split('\n').Where(line => line.Contains(": ", StringComparison.Ordinal))
                .ToDictionary(line => line[..line.IndexOf(':')], line => line[(line.IndexOf(':') + 2)..])).ToList();
        JsonElement Data(string type) => JsonElement.Parse(all.Single(item => item["event"] == type)["data"]);
        return new(Data("start"), string.Concat(all.Where(item => item["event"] == "delta")
            .Select(item => JsonElement.Parse(item["data"]).GetProperty("text").GetString())), Data("end"));
    }
}

/// <summary>An engine that answers at once, and remembers what it was asked.</summary>
public sealed class StubEngine(WebApplication app) : IAsyncDisposable
{
    public string Address => app.Urls.First();
    public ConcurrentQueue<JsonElement> Asked { get; } = new();

    /// <summary>The text for a request; null: it answers 500.</summary>
    public Func<JsonElement, string?> Reply { get; set; } = asked => $"Answer to: {Messages(asked).Last().Content}";

    /// <summary>What it says of its model: <c>primer</c> is none.</summary>
    public string Kind { get; set; } = "openai";

    public static IEnumerable<(string Role, string Content)> Messages(JsonElement asked) => asked.GetProperty("messages").EnumerateArray()
        .Select(message => (message.GetProperty("role").GetString()!, Text(message.GetProperty("content"))));

    /// <summary>The images that it was shown last, as their bytes.</summary>
    public List<byte[]> LastImages =>
    [
        .. Asked.Last().GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("content"))
            .Where(content => content.ValueKind is JsonValueKind.Array).SelectMany(content => content.EnumerateArray())
            .Where(part => part.GetProperty("type").GetString() == "image_url")
            .Select(part => part.GetProperty("image_url").GetProperty("url").GetString()!)
            .Select(url => Convert.FromBase64String(url["data:image/jpeg;base64,".Length..])),
    ];

    /// <summary>Whether its model takes images; null: it does not say.</summary>
    public bool? Vision { get; set; } = false;

    private static string Text(JsonElement content) => content.ValueKind is JsonValueKind.String ? content.GetString()!
        : string.Concat(content.EnumerateArray().Where(part => part.TryGetProperty("text", out _)).Select(part => part.GetProperty("text").GetString()));

    /// <summary>The conversation that it was shown last, without the system's words.</summary>
    public List<string> LastShown => [.. Messages(Asked.Last()).Where(m => m.Role != "system").Select(m => m.Content)];

    public static async Task<StubEngine> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var engine = new StubEngine(builder.Build());
        await engine.ServeAsync();
        return engine;
    }

    private Task ServeAsync()
    {
        app.MapGet("/v1/models", () => Results.Json(new { data = new[] { new { id = "m", lyceum = new { kind = Kind } } } }));
        app.MapGet("/v1/engine", () => Vision is not { } vision ? Results.StatusCode(500) : Results.Json(new
        {
            id = "e", incarnation = Guid.Empty, url = Address, capacity = 1, sessions = 0,
            offers = new { language_model = true, asr = false, tts = false, moderation = false, vision },
        }));
        app.MapGet("/v1/generations/{id}", () => Results.Json(
            new { error = new { code = "generation_not_found", message = "not here" } }, statusCode: 404));
        app.MapDelete("/v1/generations/{id}", () => Results.NoContent());
        app.MapPost("/v1/chat/completions", (JsonElement body) =>
        {
            Asked.Enqueue(body.Clone());
            if (Reply(body) is not { } text)
                return Results.Json(new { error = new { code = "broken", message = "broken" } }, statusCode: 500);
            var chunk = JsonSerializer.Serialize(new { choices = new[] { new { delta = new { content = text }, finish_reason = "stop" } } });
            return Results.Text($"data: {chunk}\n\ndata: [DONE]\n\n", "text/event-stream");
        });
        return app.StartAsync(TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
