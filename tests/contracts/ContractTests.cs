using System.Net;
using System.Text.Json;
using Lyceum.Tests.Gateway.Tests.Auth;

namespace Lyceum.Tests.Contracts;

/// <summary>What clients of the gateway's native API build upon, through the real program.</summary>
public sealed class ContractTests(GatewayProcess gateway) : IClassFixture<GatewayProcess>
{
    [Fact]
    public async Task contract_tools_execute_echo()
    {
        var answer = await gateway.SendAsync(HttpMethod.Post, "/api/tools/execute", new { tool = "echo", input = new { message = "hello 你好" } });
        answer.GetProperty("status").GetString().ShouldBe("ok");
        answer.GetProperty("output").GetProperty("message").GetString().ShouldBe("hello 你好");
    }

    [Fact]
    public async Task contract_collab_execute()
    {
        var collab = await gateway.SendAsync(HttpMethod.Post, "/api/collab/execute", new { task = "Explain recursion", context = new { level = "beginner" } });
        collab.GetProperty("status").GetString().ShouldBe("in_progress");
        var context = collab.GetProperty("context");
        context.GetProperty("task").GetString().ShouldBe("Explain recursion");
        context.GetProperty("given").GetProperty("level").GetString().ShouldBe("beginner");
        context.GetProperty("roles").GetArrayLength().ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task contract_llm_complete()
    {
        const string Prompt = "What is spaced repetition?";
        var answer = await gateway.SendAsync(HttpMethod.Post, "/api/llm/complete", new { prompt = Prompt });
        answer.GetProperty("prompt").GetString().ShouldBe(Prompt);
        answer.GetProperty("completion").GetString().ShouldNotBeNullOrWhiteSpace();
        answer.GetProperty("model").GetString().ShouldNotBeNullOrEmpty();
        answer.GetProperty("finish_reason").GetString().ShouldBe("stop");
        answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32().ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task contract_signed_request()
    {
        await gateway.SendAsync(HttpMethod.Get, "/api/observe/events"); // skips where there is no gateway
        using var client = new HttpClient { BaseAddress = gateway.Client.BaseAddress };
        var signed = new Signer("local", gateway.HmacSecret).Sign("POST", "/api/tools/execute", """{"tool":"echo","input":{"message":"signed"}}""");
        using (var answer = await signed.SendAsync(client))
            answer.StatusCode.ShouldBe(HttpStatusCode.OK, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        using (var replay = await signed.SendAsync(client))
            replay.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var unsigned = await client.GetAsync(new Uri("/api/observe/events", UriKind.Relative), TestContext.Current.CancellationToken);
        unsigned.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task integration_repo_append_creates_graph_edge()
    {
        var (lesson, concept) = ($"lesson-{Guid.NewGuid()}", $"concept-{Guid.NewGuid()}");
        var appended = await gateway.SendAsync(HttpMethod.Post, "/api/repo/append", new
        {
            records = new object[] { new { id = lesson, type = "lesson", properties = new { title = "Recursion" } }, new { id = concept } },
            edges = new[] { new { from = lesson, to = concept, type = "teaches" } },
        });
        appended.GetProperty("created").GetProperty("edges").GetInt32().ShouldBe(1);

        var recalled = await gateway.SendAsync(HttpMethod.Get, $"/api/graph/recall?start={lesson}");
        recalled.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("id").GetString()).ShouldBe([lesson, concept]);
        var edge = recalled.GetProperty("edges").EnumerateArray().Single();
        (edge.GetProperty("from").GetString(), edge.GetProperty("type").GetString(), edge.GetProperty("to").GetString()).ShouldBe((lesson, "teaches", concept));
    }

    [Fact]
    public async Task integration_collab_and_observe_flow()
    {
        var collab = await gateway.SendAsync(HttpMethod.Post, "/api/collab/execute", new { task = "Explain photosynthesis", roles = new[] { "tutor" } });
        collab.GetProperty("status").GetString().ShouldBe("in_progress");
        var (task, type) = (collab.GetProperty("task_id").GetString(), $"collab-{Guid.NewGuid():N}");

        var emitted = await gateway.SendAsync(HttpMethod.Post, "/api/observe/emit", new
        {
            events = new[] { new { type, id = $"{task}-started", attributes = new { task_id = task, status = "in_progress" } } },
        });
        emitted.GetProperty("recorded").GetInt32().ShouldBe(1);

        var seen = (await gateway.SendAsync(HttpMethod.Get, $"/api/observe/events?type={type}")).GetProperty("events").EnumerateArray().Single();
        seen.GetProperty("attributes").GetProperty("task_id").GetString().ShouldBe(task);

        // The collaboration goes on by itself, to its end.
        JsonElement status;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while ((status = await gateway.SendAsync(HttpMethod.Get, $"/api/collab/{task}")).GetProperty("status").GetString() == "in_progress")
            await Task.Delay(50, limit.Token);
        status.GetProperty("status").GetString().ShouldBe("completed", status.ToString());
        status.GetProperty("context").GetProperty("turns").GetArrayLength().ShouldBe(1);
    }
}
