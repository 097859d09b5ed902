using System.Net;
using System.Text.Json;
using Lyceum.GpuEngine.OpenAI;
using Lyceum.GpuEngine.Sessions.Events;
using Lyceum.GpuEngine.Sessions.Turns;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lyceum.Tests.GpuEngine.Sessions;

public sealed class RetrievalTests
{
    [Fact]
    public async Task Turn_WithRetrieval_GivesTheModelPassages()
    {
        (string? Token, JsonElement Body) asked = default;
        await using var knowledge = await KnowledgeAsync((token, body) =>
        {
            asked = (token, body.Clone());
            return Results.Json(new
            {
                passages = new[] { new { id = "p1", title = "间隔重复", text = "复习之间要有间隔。", source = "学习.md" } },
            });
        });
        await using var engine = await SessionEngine.StartAsync(Allowing(knowledge));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = knowledge.Urls.First() + "/search", token = "kb-token" },
        }));

        await client.SayAsync("什么是间隔重复？");
        await client.UntilAsync("text");

        asked.Token.ShouldBe("Bearer kb-token");
        asked.Body.GetProperty("query").GetString().ShouldBe("什么是间隔重复？");
        asked.Body.GetProperty("limit").GetInt32().ShouldBe(6);
        var system = JsonElement.Parse(engine.Stub.Log.Requests.ShouldHaveSingleItem().Body).GetProperty("messages")[0];
        system.GetProperty("role").GetString().ShouldBe("system");
        system.GetProperty("content").GetString()!.ShouldContain("[1] 间隔重复 (学习.md)\n复习之间要有间隔。");
    }

    [Fact]
    public async Task Primer_WithRetrieval_CitesInTheTextEvent()
    {
        await using var knowledge = await KnowledgeAsync((_, _) => Results.Json(new
        {
            passages = new[]
            {
                new { id = "x", title = "Tides", text = "The moon causes the tides.", source = "tides.md" },
                new { id = "p1", title = "Photosynthesis", text = "Photosynthesis turns light into sugar in the chloroplasts of plants.", source = "bio.md" },
            },
        }));
        await using var engine = await SessionEngine.StartAsync(
            ("Llm:Endpoint", ""), ("Primer:TokensPerSecond", "0"), Allowing(knowledge));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = knowledge.Urls.First() + "/search", token = "t" },
        }));

        await client.SayAsync("What is photosynthesis?");
        var text = await client.UntilAsync("text");

        LyceumV1Tests.Content(text)!.ShouldContain("chloroplasts");
        var cited = text.GetProperty("citations").EnumerateArray().ShouldHaveSingleItem();
        cited.GetProperty("id").GetString().ShouldBe("p1");
        LyceumV1Tests.Content(text)!.ShouldContain($"[{cited.GetProperty("number").GetInt32()}] ");
    }

    [Fact]
    public async Task Turn_RetrievalFailed_GoesOnWithAWarning()
    {
        await using var knowledge = await KnowledgeAsync((_, _) => Results.StatusCode(503));
        await using var engine = await SessionEngine.StartAsync(Allowing(knowledge));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = knowledge.Urls.First() + "/search", token = "t" },
        }));
        await client.SayAsync("Hello");
        (await client.UntilAsync("warning")).GetProperty("reason").GetString().ShouldBe("retrieval_unavailable");
        await client.UntilAsync("text");
    }

    /// <summary>Wherever it leads: the engine asks nobody that a caller, or an answer, has chosen.</summary>
    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Turn_RetrievalRedirected_AsksNobodyElse(int status)
    {
        var asked = 0;
        await using var inside = await KnowledgeAsync((_, _) =>
        {
            Interlocked.Increment(ref asked);
            return Results.Json(new { passages = Array.Empty<object>() });
        });
        await using var knowledge = await KnowledgeAsync((_, _) => new Redirection(inside.Urls.First() + "/search", status));
        await using var engine = await SessionEngine.StartAsync(Allowing(knowledge));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = knowledge.Urls.First() + "/search", token = "t" },
        }));
        await client.SayAsync("Hello");
        (await client.UntilAsync("warning")).GetProperty("reason").GetString().ShouldBe("retrieval_unavailable");
        await client.UntilAsync("text");
        asked.ShouldBe(0);
    }

    [Theory]
    [InlineData("http://127.0.0.1:22/")]
    [InlineData("http://localhost:7101/internal/retrieval/bio")] // another name is another address
    [InlineData("https://sessions.example:7101/search")]
    [InlineData("http://sessions.example/search")]
    [InlineData("http://sessions.example:7101@127.0.0.1/search")]
    [InlineData("http://127.0.0.1#@sessions.example:7101/")]
    [InlineData("http://sessions.example.evil.example:7101/")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    [InlineData("http://[::1]:7101/")]
    [InlineData("http://2130706433:7101/")]
    public async Task Create_WithRetrievalElsewhereThanAnnounced_IsRejected(string url)
    {
        await using var engine = await SessionEngine.StartAsync(
            ("Engine:RetrievalOrigins:0", "http://sessions.example:7101"));
        foreach (var token in (string[])[engine.Token(), engine.CallerToken()])
        {
            using var response = await engine.TryCreateAsync(
                new { tutor_id = 1, student_id = 1, retrieval = new { url, token = "t" } }, token);
            var problem = await response.ShouldBeProblem(HttpStatusCode.BadRequest, "invalid_request");
            problem.GetProperty("detail").GetString()!.ShouldContain("Engine:RetrievalOrigins");
        }
        engine.Store.Count.ShouldBe(0);
    }

    [Theory]
    [InlineData("Engine:AnnounceTo:0")]
    [InlineData("Engine:RetrievalOrigins:0")]
    public async Task Create_WithRetrievalAtAnAnnouncedAddress_IsAccepted(string setting)
    {
        await using var engine = await SessionEngine.StartAsync((setting, "http://Sessions.example:7101/below"));
        await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = "http://sessions.example:7101/any", token = "t" },
        });
    }

    [Fact]
    public void Answer_CitingNumbers_HasTheirCitations()
    {
        GivenPassage[] passages = [new("a", "A", "…", "a.md"), new("b", "B", "…", "b.md"), new("c", "C", "…", "c.md")];
        Citations.In("As [3] says, and [1], and again [3]; not [4] or [0].", passages)
            .ShouldBe([new Citation(1, "a", "A", "a.md"), new Citation(3, "c", "C", "c.md")]);
    }

    private static (string, string) Allowing(WebApplication knowledge) =>
        ("Engine:RetrievalOrigins:0", knowledge.Urls.First());

    private sealed class Redirection(string url, int status) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            (httpContext.Response.StatusCode, httpContext.Response.Headers.Location) = (status, url);
            return Task.CompletedTask;
        }
    }

    private static async Task<WebApplication> KnowledgeAsync(Func<string?, JsonElement, IResult> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/search", (HttpRequest request, JsonElement body) => answer(request.Headers.Authorization, body));
        app.MapGet("/search", () => answer(null, default)); // what a redirect may make of it
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
