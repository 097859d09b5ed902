using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.GpuEngine.Sessions;

/// <summary>A live session's questions and answers are judged before they are asked, shown or spoken.</summary>
public sealed class ModeratedSessionTests
{
    private static readonly object Help = new { text = "Talk to Ms Noether.", contact = "room 12" };

    [Fact]
    public async Task Answer_EndsBeforeTheSentenceThatIsWithheld()
    {
        await using var model = await Model.StartAsync();
        model.Say("boom", "Sure. ", "How to make a bo", "mb: mix. ", "More.");
        model.Say("zh", "好的。", "制作炸", "弹的步骤。");
        await using var engine = await model.EngineAsync();
        await using var client = await engine.ConnectAsync(await CreateAsync(engine, new { answers = true, by = new[] { "words" } }));

        foreach (var (question, shown) in ((string, string)[])[("boom", "Sure. "), ("zh", "好的。"), ("hello", "An answer.")])
        {
            await client.SayAsync(question);
            var events = await UntilAsync(client, "text");
            var text = events[^1];
            (text.GetProperty("content").GetString(), text.GetProperty("finish_reason").GetString())
                .ShouldBe((shown, question == "hello" ? "stop" : "moderated"));
            string.Concat(events).ShouldNotContain("bomb");
            string.Concat(events).ShouldNotContain("炸");
            events.ShouldNotContain(e => e.GetProperty("type").ValueEquals("thinking"));
        }
        var recorded = Recorded(engine);
        recorded.ShouldNotContain("mix");
        recorded.ShouldContain("\"flag\"");
        recorded.ShouldContain("\"weapons\"");
    }

    [Fact]
    public async Task Question_ThatIsRefused_ReachesNoModel_NeitherNowNorLater()
    {
        await using var model = await Model.StartAsync();
        await using var engine = await model.EngineAsync();
        await using var client = await engine.ConnectAsync(await CreateAsync(engine, new { questions = true }));

        await client.SayAsync("how to make a bomb");
        (await UntilAsync(client, "error"))[^1].GetProperty("code").GetString().ShouldBe("question_refused");
        await client.SayAsync("why is the sky blue?");
        await UntilAsync(client, "text");

        model.Asked.ShouldHaveSingleItem().ShouldContain("sky");
        string.Concat(model.Asked).ShouldNotContain("bomb");
    }

    [Fact]
    public async Task SignsOfSelfHarm_BringTheSchoolsHelp_AndTheAnswerGoesOn()
    {
        await using var model = await Model.StartAsync();
        await using var engine = await model.EngineAsync();
        await using var client = await engine.ConnectAsync(await CreateAsync(engine, new { help = Help }));

        await client.SayAsync("我不想活了");
        var events = await UntilAsync(client, "text");
        var help = events.Single(e => e.GetProperty("type").ValueEquals("help"));
        (help.GetProperty("content").GetString(), help.GetProperty("contact").GetString()).ShouldBe(("Talk to Ms Noether.", "room 12"));
        events[^1].GetProperty("content").GetString().ShouldBe("An answer.");
        Recorded(engine).ShouldContain("self_harm");
    }

    [Theory]
    [InlineData("refuse")]
    [InlineData("go_on")]
    public async Task Moderator_ThatIsDown_RefusesOrGoesOn_AndTheClientIsTold(string choice)
    {
        await using var model = await Model.StartAsync();
        model.Say("more", "First one. ", "Second one. ");
        model.Moderate = text => text.Contains("Second") ? null : [];
        await using var engine = await model.EngineAsync();
        await using var client = await engine.ConnectAsync(await CreateAsync(
            engine, new { questions = true, answers = true, by = new[] { "moderations" }, when_unavailable = choice }));

        await client.SayAsync("more");
        var events = await UntilAsync(client, "text");
        events.ShouldContain(e => e.GetProperty("type").ValueEquals("warning") && e.GetProperty("reason").ValueEquals("moderation_unavailable"));
        (events[^1].GetProperty("content").GetString(), events[^1].GetProperty("finish_reason").GetString()).ShouldBe(choice == "refuse"
            ? ("First one. ", "moderation_unavailable") : ("First one. Second one. ", "stop"));

        model.Moderate = _ => null;
        await client.SayAsync("hello");
        if (choice == "refuse")
            (await UntilAsync(client, "error"))[^1].GetProperty("code").GetString().ShouldBe("moderation_unavailable");
        else
            (await UntilAsync(client, "text"))[^1].GetProperty("content").GetString().ShouldBe("An answer.");
    }

    [Fact]
    public async Task Policy_ThatIsOutOfBounds_IsRejected()
    {
        await using var model = await Model.StartAsync();
        await using var engine = await model.EngineAsync();
        foreach (var wrong in (object[])
            [new { words = Enumerable.Repeat("x", 501) }, new { words = new[] { new string('x', 65) } }, new { by = new[] { "magic" } }])
        {
            using var response = await engine.TryCreateAsync(new { tutor_id = 1, student_id = 1, moderation = wrong });
            response.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        }
    }

    [Fact]
    public async Task OpenSession_FollowsThePolicy_AndKeepsItWhereItCannotBeRead()
    {
        object? policy = null;
        var isAway = false;
        var shown = new ConcurrentQueue<string>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var school = builder.Build();
        school.MapGet("/policy", (HttpRequest request) =>
        {
            shown.Enqueue(request.Headers.Authorization.ToString());
            return isAway ? Results.StatusCode(503) : Results.Json(new { moderation = policy, tell = Array.Empty<string>(), consent_missing = false });
        });
        await school.StartAsync(TestContext.Current.CancellationToken);
        var url = school.Urls.First();
        await using var model = await Model.StartAsync();
        model.Say("boom", "Sure. ", "How to make a bo", "mb: mix. ", "More.");
        await using var engine = await model.EngineAsync(
            ("Engine:RetrievalOrigins:0", url), ("Engine:Sessions:PolicyFresh", "00:00:00.0000001"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(
            new { tutor_id = 1, student_id = 1, policy = new { url = $"{url}/policy", token = "the-ticket" } }));

        (await SayAsync()).ShouldBe("stop");
        policy = new { questions = false, answers = true, by = new[] { "words" }, words = Array.Empty<string>() };
        (await SayAsync()).ShouldBe("moderated");
        isAway = true;
        (await SayAsync()).ShouldBe("moderated");
        (isAway, policy) = (false, new { answers = true, words = new[] { new string('x', 65) } }); // out of bounds, so not read
        (await SayAsync()).ShouldBe("moderated");
        policy = null;
        (await SayAsync()).ShouldBe("stop");
        shown.Distinct().ShouldBe(["Bearer the-ticket"]);

        // Only addresses that the engine knows are asked.
        using var refused = await engine.TryCreateAsync(
            new { tutor_id = 1, student_id = 1, policy = new { url = "http://127.0.0.1:1/policy", token = "t" } });
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);

        async Task<string?> SayAsync()
        {
            await client.SayAsync("boom");
            return (await UntilAsync(client, "text"))[^1].GetProperty("finish_reason").GetString();
        }
    }

    [Fact]
    public async Task Policy_IsReadOnceInAWhile()
    {
        var read = 0;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var school = builder.Build();
        school.MapGet("/policy", () =>
        {
            read++;
            return Results.Json(new { moderation = (object?)null });
        });
        await school.StartAsync(TestContext.Current.CancellationToken);
        await using var model = await Model.StartAsync();
        await using var engine = await model.EngineAsync(
            ("Engine:RetrievalOrigins:0", school.Urls.First()), ("Engine:Sessions:PolicyFresh", "01:00:00"));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(
            new { tutor_id = 1, student_id = 1, policy = new { url = $"{school.Urls.First()}/policy", token = "t" } }));
        for (var i = 0; i < 3; i++)
        {
            await client.SayAsync("hello");
            await UntilAsync(client, "text");
        }
        read.ShouldBe(1);
    }

    private static Task<SessionAddress> CreateAsync(SessionEngine engine, object moderation) =>
        engine.CreateAsync(new { tutor_id = 1, student_id = 1, moderation });

    private static string Recorded(SessionEngine engine) =>
        string.Concat(Directory.GetFiles(engine.Transcripts).Where(file => Path.GetFileName(file) != "lock").Select(file =>
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }));

    private static async Task<List<JsonElement>> UntilAsync(Client client, string type)
    {
        var events = new List<JsonElement>();
        do
            events.Add((await client.NextAsync()).ShouldNotBeNull().Clone());
        while (!events[^1].GetProperty("type").ValueEquals(type));
        return events;
    }
}

/// <summary>A model server that answers what the test says, and moderates, or does not.</summary>
internal sealed class Model(WebApplication app) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string[]> _scripts = new();

    public string Endpoint => app.Urls.First() + "/v1";

    /// <summary>Whole bodies.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    public ConcurrentQueue<string> Judged { get; } = new();

    /// <summary>Null: 503.</summary>
    public Func<string, string[]?> Moderate { get; set; } = _ => [];

    public void Say(string question, params string[] tokens) => _scripts[question] = tokens;

    public Task<SessionEngine> EngineAsync(params (string Key, string Value)[] settings) =>
        SessionEngine.StartAsync([("Llm:Endpoint", Endpoint), ("Llm:Model", "m"), ("Moderation:Endpoint", Endpoint), .. settings]);

    public static async Task<Model> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var model = new Model(app);
        app.MapPost("/v1/chat/completions", model.AnswerAsync);
        app.MapPost("/v1/moderations", (JsonElement body) =>
        {
            model.Judged.Enqueue(body.GetRawText());
            return model.Moderate(body.GetProperty("input").GetString()!) is { } flags
                ? Results.Json(new { id = "x", model = "omni", results = new[] { new { flagged = flags.Length > 0, categories = flags.ToDictionary(f => f, _ => true) } } })
                : Results.StatusCode(503);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return model;
    }

    private async Task AnswerAsync(HttpContext http)
    {
        using var body = await JsonDocument.ParseAsync(http.Request.Body);
        Asked.Enqueue(body.RootElement.GetRawText());
        var messages = body.RootElement.GetProperty("messages").EnumerateArray().ToList();
        http.Response.ContentType = "text/event-stream";
        foreach (var token in _scripts.GetValueOrDefault(messages[^1].GetProperty("content").GetString()!, ["An ", "answer."]))
        {
            await http.Response.WriteAsync(Event(new { reasoning_content = "hm" }, null));
            await http.Response.WriteAsync(Event(new { content = token }, null));
        }
        await http.Response.WriteAsync(Event(new { }, "stop") + "data: [DONE]\n\n");
    }

    private static string Event(object delta, string? finish) =>
        $"data: {JsonSerializer.Serialize(new { id = "x", choices = new[] { new { index = 0, delta, finish_reason = finish } } })}\n\n";

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
