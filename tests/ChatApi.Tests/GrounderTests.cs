using System.Buffers.Text;
using System.Net;
using System.Text.Json;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Asking;
using Lyceum.ChatApi.Writing;
using Lyceum.ServiceDefaults;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.ChatApi;

/// <summary>What an answer rests on, and what becomes of a question where that cannot be found out.</summary>
public sealed class GrounderTests
{
    private static readonly Caller Ada = new("acme", "ada", CallerKind.User, new HashSet<string> { Scopes.Chat });
    private static readonly object Noether = new
    {
        id = 3, name = "Ms Noether", subject = "algebra", language = "de", instructions = "Ask back.", kb_id = "algebra", voice = (string?)null,
    };

    [Fact]
    public async Task NothingNamed_NobodyIsAsked()
    {
        await using var app = App("http://127.0.0.1:1");
        (await GroundAsync(app, null, null)).ShouldBeNull();
    }

    [Fact]
    public async Task KnowledgeBase_PassagesNumbered_AskedForOnTheCallersBehalf()
    {
        await using var sessions = await SessionApi.StartAsync(_ => Results.Json(new
        {
            passages = new[]
            {
                new { id = "d:0", title = "光合作用", text = "植物利用光能。", source = "生物.md" },
                new { id = "d:1", title = "x", text = " ", source = "y" },
                new { id = "d:2", title = "细胞呼吸", text = "线粒体。", source = "生物.md" },
            },
        }));
        await using var app = App(sessions.Address, ("Grounding:Passages", "4"));

        var grounding = (await GroundAsync(app, null, "bio", "植物怎么利用光能？"))!;

        grounding.Sources.ShouldBe([
            new(1, "d:0", "光合作用", "生物.md", "植物利用光能。"), new(2, "d:2", "细胞呼吸", "生物.md", "线粒体。"),
        ]);
        (grounding.TutorId, grounding.KbId, grounding.Status, grounding.SystemPrompt).ShouldBe((null, "bio", GroundingStatus.Found, null));
        var asked = sessions.Requests.ShouldHaveSingleItem();
        asked.Path.ShouldBe("POST /internal/retrieval/bio");
        asked.Body.GetProperty("query").GetString().ShouldBe("植物怎么利用光能？");
        asked.Body.GetProperty("limit").GetInt32().ShouldBe(4);
        var claims = asked.Claims;
        (claims.GetProperty("kind").GetString(), claims.GetProperty("tenant").GetString(), claims.GetProperty("act").GetString(),
            claims.GetProperty("scope").GetString()).ShouldBe(("service", "acme", "ada", "tutors"));
    }

    [Fact]
    public async Task KnowledgeBase_WithNothingToSay_SaysSo()
    {
        await using var sessions = await SessionApi.StartAsync(_ => Results.Json(new { passages = Array.Empty<object>() }));
        await using var app = App(sessions.Address);
        var grounding = (await GroundAsync(app, null, "bio"))!;
        (grounding.Status, grounding.Sources.Count).ShouldBe((GroundingStatus.NothingFound, 0));
    }

    [Fact]
    public async Task Tutor_BringsItsInstructionsAndItsKnowledgeBase()
    {
        await using var sessions = await SessionApi.StartAsync(Algebra);
        await using var app = App(sessions.Address, ("Generation:SystemPrompt", "You are patient."));

        var grounding = (await GroundAsync(app, 3, null))!;

        (grounding.TutorId, grounding.KbId, grounding.Status).ShouldBe((3, "algebra", GroundingStatus.Found));
        grounding.SystemPrompt.ShouldBe(
            "You are patient.\n\nYour name is Ms Noether. You teach algebra.\n\nAsk back.\n\nWhere the language of a question is not clear, answer in de.");
        sessions.Requests.Select(r => r.Path).ShouldBe(["GET /internal/tutors/3", "POST /internal/retrieval/algebra"]);
    }

    [Fact]
    public async Task TutorAndKnowledgeBase_TheNamedOneIsSearched()
    {
        await using var sessions = await SessionApi.StartAsync(Algebra);
        await using var app = App(sessions.Address);
        (await GroundAsync(app, 3, "topology"))!.KbId.ShouldBe("topology");
        sessions.Requests.Last().Path.ShouldBe("POST /internal/retrieval/topology");
    }

    [Fact]
    public async Task Tutor_WithoutAKnowledgeBase_IsATutorAlone()
    {
        await using var sessions = await SessionApi.StartAsync(_ => Results.Json(new
        {
            name = "Ada", subject = "", language = "en", instructions = "", kb_id = (string?)null,
        }));
        await using var app = App(sessions.Address, ("Generation:SystemPrompt", "Be kind."));
        (await GroundAsync(app, 3, null)).ShouldBe(
            new AnswerGrounding(3, null, null, [], "Be kind.\n\nYour name is Ada.\n\nWhere the language of a question is not clear, answer in en."));
    }

    [Theory]
    [InlineData("Why?", null, "Guide the learner")]
    [InlineData("为什么？", null, "请引导学习者")]
    [InlineData("Why?", "zh-Hans", "请引导学习者")]
    [InlineData("为什么？", "en", "Guide the learner")]
    public async Task Guiding_IsSaidToTheModel_InTheLanguageOfTheAnswer(string question, string? language, string said)
    {
        await using var app = App("http://127.0.0.1:1", ("Generation:SystemPrompt", "Be kind."));
        var teaching = Teaching.Of("guide", "simple", language, "c1");
        var grounding = (await app.Services.GetRequiredService<Grounder>().GroundAsync(Ada, null, null, question, teaching))!;
        grounding.SystemPrompt!.ShouldStartWith("Be kind.\n\n" + said);
        grounding.SystemPrompt!.ShouldContain("c1");
        (grounding.Teaching, grounding.Status).ShouldBe((teaching, null));
    }

    [Fact]
    public async Task Tutor_LockedToGuiding_Guides_WhateverIsAskedFor()
    {
        var classId = Guid.NewGuid();
        await using var sessions = await SessionApi.StartAsync(_ => Results.Json(new
        {
            name = "Ada", subject = "", language = "en", instructions = "", kb_id = (string?)null, mode = "guide", class_id = classId,
        }));
        await using var app = App(sessions.Address);
        foreach (var teaching in new[] { null, Teaching.Of("answer", "simple", null, null) })
        {
            var grounding = (await app.Services.GetRequiredService<Grounder>().GroundAsync(Ada, 3, null, "Why?", teaching))!;
            (grounding.Teaching!.Mode, grounding.Teaching.ReadingLevel, grounding.ClassId).ShouldBe(("guide", teaching?.ReadingLevel, classId));
            grounding.SystemPrompt!.ShouldContain("Guide the learner");
        }
    }

    [Theory]
    [InlineData(3, null, "tutor_not_found")]
    [InlineData(null, "bio", "knowledge_base_not_found")]
    [InlineData(null, "../../api/tutors", "knowledge_base_not_found")]
    public async Task WhoIsNamedAndNotThere_Is404(int? tutor, string? kbId, string code)
    {
        await using var sessions = await SessionApi.StartAsync(_ => Results.NotFound());
        await using var app = App(sessions.Address);
        var refused = await Should.ThrowAsync<ProblemException>(() => GroundAsync(app, tutor, kbId));
        (refused.Status, refused.Code).ShouldBe((404, code));
        sessions.Requests.Select(r => r.Path).ShouldAllBe(path => path == "GET /internal/tutors/3" || path == "POST /internal/retrieval/bio");
    }

    [Fact]
    public async Task TutorsKnowledgeBase_ThatIsGone_AnswersUngrounded()
    {
        await using var sessions = await SessionApi.StartAsync(request =>
            request.Method == "GET" ? Results.Json(Noether) : Results.NotFound());
        await using var app = App(sessions.Address);
        (await GroundAsync(app, 3, null))!.Status.ShouldBe(GroundingStatus.Unavailable);
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("unknown")]
    [InlineData("failing")]
    [InlineData("babbling")]
    [InlineData("silent")]
    public async Task Search_ThatFails_LeavesTheAnswerUngrounded_AndATutorUnknown(string how)
    {
        using var ended = new CancellationTokenSource();
        await using var sessions = await SessionApi.StartAsync(async _ =>
        {
            if (how == "silent")
                await Task.Delay(Timeout.Infinite, ended.Token);
            return how == "failing" ? Results.StatusCode(503) : Results.Text("<html>");
        });
        await using var app = how == "unknown" ? App(null)
            : App(how == "refused" ? "http://127.0.0.1:1" : sessions.Address, ("Grounding:Timeout", "00:00:00.3"));

        var grounding = (await GroundAsync(app, null, "bio"))!;
        (grounding.KbId, grounding.Status, grounding.Sources.Count).ShouldBe(("bio", GroundingStatus.Unavailable, 0));
        var refused = await Should.ThrowAsync<ProblemException>(() => GroundAsync(app, 3, "bio"));
        (refused.Status, refused.Code).ShouldBe((503, ErrorCodes.ServiceUnavailable));
        await ended.CancelAsync();
    }

    [Fact]
    public async Task Instance_ThatCannotBeReached_TheNextIsAsked()
    {
        await using var sessions = await SessionApi.StartAsync(Algebra);
        await using var app = App("http://127.0.0.1:1", ("services:session-api:http:1", sessions.Address));
        (await GroundAsync(app, null, "bio"))!.Status.ShouldBe(GroundingStatus.Found);
    }

    [Fact]
    public void Close_SaysWhatIsCited_AndKeepsItsText()
    {
        AnswerSource[] sources = [new(1, "a", "A", "a.md", "text a"), new(2, "b", "B", "b.md", "text b")];
        var end = new AnswerEnd("complete", "stop");

        var closed = new AnswerGrounding(null, "kb", GroundingStatus.Found, sources, null).Close(end, "As [2] says.");
        closed.Grounding.ShouldBe(GroundingStatus.Found);
        closed.Sources.ShouldBe([new(1, "a", "A", "a.md", null), new(2, "b", "B", "b.md", "text b", Cited: true)]);

        new AnswerGrounding(3, null, null, [], "prompt").Close(end, "As [1] says.").ShouldBe(end);
    }

    [Fact]
    public async Task Source_OfAPage_HasItsPlace()
    {
        await using var sessions = await SessionApi.StartAsync(_ => Results.Json(new
        {
            passages = new[]
            {
                new
                {
                    id = "d:3", title = "page 12", text = "A ring is …", source = "r.pdf", kb_id = "bio", document_id = "d",
                    section = "page 12", page = 12, offset = 4711, length = 11,
                },
            },
        }));
        await using var app = App(sessions.Address);

        (await GroundAsync(app, null, "bio"))!.Sources.ShouldBe(
            [new(1, "d:3", "page 12", "r.pdf", "A ring is …", Cited: false, "bio", "d", 12, 4711, 11)]);
    }

    private static IResult Algebra(HttpRequest request) => request.Method == "GET" ? Results.Json(Noether)
        : Results.Json(new { passages = new[] { new { id = "1", title = "Rings", text = "A ring is …", source = "r.md" } } });

    private static Task<AnswerGrounding?> GroundAsync(WebApplication app, int? tutorId, string? kbId, string question = "Why?") =>
        app.Services.GetRequiredService<Grounder>().GroundAsync(Ada, tutorId, kbId, question);

    /// <summary>What the service itself registers; nothing of it needs to be started.</summary>
    private static WebApplication App(string? sessionApi, params (string Key, string Value)[] settings)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["Identity:KeyFile"] = TestIdentity.KeyFile;
        builder.Configuration["Identity:JwksFile"] = TestIdentity.JwksFile;
        if (sessionApi is not null)
            builder.Configuration["services:session-api:http:0"] = sessionApi;
        foreach (var (key, value) in settings)
            builder.Configuration[key] = value;
        builder.AddServiceDefaults();
        builder.AddGeneration();
        builder.AddGrounding();
        return builder.Build();
    }

    /// <summary>SessionApi's part of the conversation, as it would go over the wire.</summary>
    private sealed class SessionApi(WebApplication app) : IAsyncDisposable
    {
        public List<Asked> Requests { get; } = [];

        public string Address => app.Urls.First();

        public static Task<SessionApi> StartAsync(Func<HttpRequest, IResult> answer) => StartAsync(r => Task.FromResult(answer(r)));

        public static async Task<SessionApi> StartAsync(Func<HttpRequest, Task<IResult>> answer)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var sessions = new SessionApi(builder.Build());
            await sessions.ServeAsync(answer);
            return sessions;
        }

        private Task ServeAsync(Func<HttpRequest, Task<IResult>> answer)
        {
            app.Map("/{**path}", async (HttpRequest request) =>
            {
                var body = request.Method == "POST" ? await request.ReadFromJsonAsync<JsonElement>() : default;
                var token = request.Headers.Authorization.ToString()["Bearer ".Length..];
                Requests.Add(new($"{request.Method} {request.Path}", body, JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]))));
                return await answer(request);
            });
            return app.StartAsync(TestContext.Current.CancellationToken);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }

    /// <param name="Claims">Of the bearer token.</param>
    private sealed record Asked(string Path, JsonElement Body, JsonElement Claims);
}
