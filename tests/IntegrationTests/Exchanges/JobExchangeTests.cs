namespace Lyceum.Tests.IntegrationTests.Exchanges;

/// <summary>
/// As <see cref="ExchangeTests"/>, of roadmaps and collaborations, on a machine without a language model.
/// </summary>
[Collection(PrimerCollection.Name)]
public sealed class JobExchangeTests(SharedSystem system)
{
    private static readonly Guid Unknown = Guid.Parse("01900000-0000-7000-8000-000000000000");

    [Fact]
    public async Task Roadmaps_EveryRoute_AnswersAsRecorded()
    {
        using var developer = system.CreateGatewayClient();
        var record = new Recorder(developer);
        const string Roadmaps = "/api/v1/roadmaps";
        var order = new
        {
            user_id = "u", user_query = "Python",
            preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual" } },
        };
        var made = await record.SendAsync($"POST {Roadmaps}/generate", "recorded", body: order);
        var wrong = new { preferences = new { weekly_commitment_hours = 0 } };
        await record.SendAsync($"POST {Roadmaps}/generate", "everything wrong", body: wrong);
        await record.SendAsync($"POST {Roadmaps}/generate", "not there", body: new
        {
            user_query = "Python", kb_id = "nothing", preferences = new { weekly_commitment_hours = 10 },
        });
        await JobAsync(record, Roadmaps, $"{Roadmaps}/{made.GetProperty("task_id").GetGuid()}", "/status", last: 6);
        await record.SendAsync(
            $"GET {Roadmaps}/{{task_id}}/result", "the roadmap", made.GetProperty("result_url").GetString());
        await record.SendAsync($"GET {Roadmaps}/{{task_id}}/result", "not there", $"{Roadmaps}/{Unknown}/result");
        await record.SendAsync($"GET {Roadmaps}", "the newest", $"{Roadmaps}?limit=1&status=completed");
        await record.SendAsync($"GET {Roadmaps}", "a status that is none", $"{Roadmaps}?status=x");
        record.Verify("roadmap-worker");
    }

    [Fact]
    public async Task Collabs_EveryRoute_AnswersAsRecorded()
    {
        using var developer = system.CreateGatewayClient();
        var record = new Recorder(developer);
        const string Collabs = "/api/collab";
        object task = new { task = "What is spaced repetition?", context = new { level = "beginner" } };
        var key = ("Idempotency-Key", "exchanges");
        var made = await record.SendAsync($"POST {Collabs}/execute", "recorded", body: task, headers: key);
        await record.SendAsync($"POST {Collabs}/execute", "everything wrong", body: new { task = "", rounds = 100 });
        await record.SendAsync(
            $"POST {Collabs}/execute", "another task of this key", body: new { task = "Another?" }, headers: key);
        await JobAsync(record, Collabs, $"{Collabs}/{made.GetProperty("task_id").GetGuid()}", "", last: 7);
        await record.SendAsync($"GET {Collabs}", "the newest", $"{Collabs}?limit=1");
        await record.SendAsync($"GET {Collabs}", "a limit out of bounds", $"{Collabs}?limit=0");
        record.Verify("roadmap-worker.collabs");
    }

    /// <summary>What every kind of job has: events to the end, then the rest.</summary>
    private static async Task JobAsync(Recorder record, string prefix, string task, string status, int last)
    {
        var one = $"{prefix}/{{task_id}}";
        await record.SendAsync($"GET {one}/events", "to its end", $"{task}/events");
        await record.SendAsync(
            $"GET {one}/events", "asked again behind the end", $"{task}/events", headers: ("Last-Event-ID", $"{last}"));
        await record.SendAsync($"GET {one}/events", "not there", $"{prefix}/{Unknown}/events");
        await record.SendAsync($"GET {one}{status}", "ended", $"{task}{status}");
        await record.SendAsync($"GET {one}{status}", "not there", $"{prefix}/{Unknown}{status}");
        await record.SendAsync($"GET {one}/logs", "its stages", $"{task}/logs");
        await record.SendAsync($"GET {one}/logs", "not there", $"{prefix}/{Unknown}/logs");
        await record.SendAsync($"POST {one}/cancel", "one that has ended", $"{task}/cancel");
        await record.SendAsync($"POST {one}/cancel", "not there", $"{prefix}/{Unknown}/cancel");
        await record.SendAsync($"POST {one}/retry", "one that is completed", $"{task}/retry");
        await record.SendAsync($"POST {one}/retry", "not there", $"{prefix}/{Unknown}/retry");
    }
}
