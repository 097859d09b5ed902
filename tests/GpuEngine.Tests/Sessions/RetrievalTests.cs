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
        await using var engine = await SessionEngine.StartAsync();
        (string? Token, JsonElement Body) asked = default;
        await using var knowledge = await KnowledgeAsync((token, body) =>
        {
            asked = (token, body.Clone());
            return Results.Json(new
            {
                passages = new[] { new { id = "p1", title = "间隔重复", text = "复习之间要有间隔。", source = "学习.md" } },
            });
        });
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
        await using var engine = await SessionEngine.StartAsync(("Llm:Endpoint", ""), ("Primer:TokensPerSecond", "0"));
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
        await using var engine = await SessionEngine.StartAsync();
        await using var knowledge = await KnowledgeAsync((_, _) => Results.StatusCode(503));
        await using var client = await engine.ConnectAsync(await engine.CreateAsync(new
        {
            tutor_id = 1, student_id = 1, retrieval = new { url = knowledge.Urls.First() + "/search", token = "t" },
        }));
        await client.SayAsync("Hello");
        (await client.UntilAsync("warning")).GetProperty("reason").GetString().ShouldBe("retrieval_unavailable");
        await client.UntilAsync("text");
    }

    [Fact]
    public void Answer_CitingNumbers_HasTheirCitations()
    {
        GivenPassage[] passages = [new("a", "A", "…", "a.md"), new("b", "B", "…", "b.md"), new("c", "C", "…", "c.md")];
        Citations.In("As [3] says, and [1], and again [3]; not [4] or [0].", passages)
            .ShouldBe([new Citation(1, "a", "A", "a.md"), new Citation(3, "c", "C", "c.md")]);
    }

    private static async Task<WebApplication> KnowledgeAsync(Func<string?, JsonElement, IResult> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/search", (HttpRequest request, JsonElement body) => answer(request.Headers.Authorization, body));
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
