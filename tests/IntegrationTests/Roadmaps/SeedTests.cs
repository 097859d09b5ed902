using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace Lyceum.Tests.IntegrationTests.Roadmaps;

/// <summary>The request that once ended in "failed" and 404, as it was sent then.</summary>
[Collection(PrimerCollection.Name)]
public sealed class SeedTests(SharedSystem system)
{
    private const string Body =
        """
        {
            "user_id": "test-user",
            "user_query": "学习 Python Web 开发",
            "preferences": {
              "weekly_commitment_hours": 10,
              "learning_style": ["visual", "hands_on"],
              "primary_language": "zh"
            }
          }
        """;

    [Fact]
    public async Task Request_OfTheReport_EndsInAChineseRoadmapThatFitsTheWeek()
    {
        using var client = system.CreateGatewayClient();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var task = JsonElement.Parse(await CurlAsync(client.BaseAddress!)).GetProperty("task_id").GetGuid();

        var end = await RoadmapExtensions.EndAsync(client, task, limit.Token); // which fails at any 404
        end.GetProperty("status").GetString().ShouldBe("completed", end.ToString());
        var roadmap = await client.GetFromJsonAsync<JsonElement>($"/api/v1/roadmaps/{task}/result", limit.Token);
        roadmap.GetProperty("title").GetString().ShouldBe("Python Web 开发");
        roadmap.GetProperty("made_by").GetString().ShouldBe("catalogue");
        roadmap.GetProperty("weeks").EnumerateArray().Sum(week => week.GetProperty("hours").GetDouble()).ShouldBe(60);
        roadmap.GetProperty("weeks").EnumerateArray().ShouldAllBe(week => week.GetProperty("hours").GetDouble() <= 10);
        foreach (var concept in roadmap.GetProperty("modules").EnumerateArray().SelectMany(module => module.GetProperty("concepts").EnumerateArray()))
        {
            concept.GetProperty("activities").EnumerateArray().Select(activity => activity.GetProperty("style").GetString()).ShouldBe(["visual", "hands_on"]);
            concept.GetProperty("summary").GetString()!.Any(letter => letter is >= '\u4e00' and <= '\u9fff').ShouldBeTrue();
        }
    }

    [Fact]
    public async Task HealthDb_OfTheWorker_ShowsThePool()
    {
        using var worker = system.CreateServiceClient("roadmap-worker");
        var pool = await worker.GetFromJsonAsync<JsonElement>("/health/db");
        pool.GetProperty("pool_size").GetInt32().ShouldBe(20);
        foreach (var figure in new[] { "checked_in", "checked_out", "overflow", "waiting" })
            pool.GetProperty(figure).GetInt32().ShouldBeGreaterThanOrEqualTo(0);
        using var chat = system.CreateServiceClient("chat-api");
        (await chat.GetFromJsonAsync<JsonElement>("/health/db")).GetProperty("pool_size").GetInt32().ShouldBe(5);
    }

    private async Task<string> CurlAsync(Uri address)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "curl is not installed");
        var start = new ProcessStartInfo("curl")
        {
            ArgumentList =
            {
                "-sS", "-X", "POST", $"{address}api/v1/roadmaps/generate", "-H", "Content-Type: application/json",
                "-H", $"Authorization: Bearer {system.DevelopmentToken}", "-d", Body,
            },
            RedirectStandardOutput = true,
        };
        using var curl = Process.Start(start)!;
        var answer = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        return answer;
    }
}
