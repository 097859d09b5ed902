using System.Net;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Collabs;

/// <summary>A collaboration through the gateway, on a machine without a language model.</summary>
[Collection(PrimerCollection.Name)]
public sealed class CollabTests(SharedSystem system)
{
    [Theory]
    [InlineData("What is spaced repetition?", "No language model is connected", "Sources:")]
    [InlineData("什么是间隔重复？", "没有接入语言模型", "来源：")]
    public async Task Execute_WithoutAModel_IsInProgress_ThenEndsWithACitedExtract(string text, string says, string cites)
    {
        using var client = system.CreateGatewayClient();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        client.DefaultRequestHeaders.Add("Idempotency-Key", $"{Guid.NewGuid()}");
        using var response = await client.PostAsJsonAsync("/api/collab/execute", new { task = text }, limit.Token);
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync());
        var collab = await response.Content.ReadFromJsonAsync<JsonElement>(limit.Token);
        collab.GetProperty("status").GetString().ShouldBe("in_progress");
        collab.GetProperty("context").GetProperty("task").GetString().ShouldBe(text);
        collab.GetProperty("context").GetProperty("roles").EnumerateArray().Select(role => role.GetProperty("name").GetString())
            .ShouldBe(["planner", "tutor", "critic"]);

        var turns = new List<string>();
        await using (var stream = await client.GetStreamAsync(collab.GetProperty("events_url").GetString(), limit.Token))
        {
            await foreach (var item in SseParser.Create(stream).EnumerateAsync(limit.Token)) // which ends with the task
            {
                if (item.EventType == "turn")
                    turns.Add(JsonElement.Parse(item.Data).GetProperty("turn").GetProperty("text").GetString()!);
            }
        }
        turns.Count.ShouldBe(3);
        turns.ShouldAllBe(turn => turn.Contains(says));

        var done = await client.GetFromJsonAsync<JsonElement>(collab.GetProperty("status_url").GetString(), limit.Token);
        done.GetProperty("status").GetString().ShouldBe("completed", done.ToString());
        var result = done.GetProperty("result");
        result.GetProperty("made_by").GetString().ShouldBe("primer");
        result.GetProperty("text").GetString().ShouldSatisfyAllConditions(
            found => found!.ShouldContain(says), found => found!.ShouldContain(cites), found => found!.ShouldContain("[1]"));

        using var again = await client.PostAsJsonAsync("/api/collab/execute", new { task = text }, limit.Token);
        again.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await again.Content.ReadFromJsonAsync<JsonElement>(limit.Token)).GetProperty("task_id").GetGuid().ShouldBe(collab.GetProperty("task_id").GetGuid());
    }
}
