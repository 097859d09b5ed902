using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Roadmaps;

/// <summary>What tests of roadmaps and collaborations do with the shared system.</summary>
internal static class RoadmapExtensions
{
    public const string Database = "roadmapdb";

    public static readonly string[] Workers = ["roadmap-worker", "roadmap-worker-2"];

    public static async Task<Guid> GenerateAsync(HttpClient client, string query)
    {
        using var response = await client.PostAsJsonAsync("/api/v1/roadmaps/generate", new
        {
            user_id = "u", user_query = query,
            preferences = new { weekly_commitment_hours = 10, learning_style = new[] { "visual", "hands_on" }, primary_language = "en" },
        });
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("task_id").GetGuid();
    }

    /// <summary>Polls until the task has ended. Errors are retried, but a 404 fails the test.</summary>
    public static async Task<JsonElement> EndAsync(HttpClient client, Guid task, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var response = await client.GetAsync($"/api/v1/roadmaps/{task}/status", cancellationToken);
            response.StatusCode.ShouldNotBe(HttpStatusCode.NotFound);
            if (response.IsSuccessStatusCode)
            {
                var status = await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
                if (status.GetProperty("status").GetString() is "completed" or "failed" or "cancelled")
                    return status;
            }
            await Task.Delay(100, cancellationToken);
        }
    }

    /// <summary>Which worker runs the task: the one whose metrics say so. Only one task may be running.</summary>
    public static async Task<string> WorkerAsync(this SharedSystem system, CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var worker in Workers.Where(worker => system.FindState(worker)?.IsUp == true))
            {
                try
                {
                    if (await system.MetricAsync(worker, "lyceum_jobs_running", cancellationToken) == 1)
                        return worker;
                }
                catch (HttpRequestException)
                {
                    // It has just been killed.
                }
            }
            await Task.Delay(20, cancellationToken);
        }
    }

    public static async Task UntilAskedAsync(this SharedSystem system, string question, int times, CancellationToken cancellationToken)
    {
        while (system.Roadmaps.Asked.Count(asked => asked.StartsWith(question)) < times)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                throw new TimeoutException($"{question} was not asked {times} times. Asked: {string.Join(", ", system.Roadmaps.Asked)}. Task: " +
                    await system.ScalarAsync("SELECT json_agg(j)::text FROM (SELECT * FROM jobs ORDER BY task_id DESC LIMIT 1) j"));
            }
            await Task.Delay(10, CancellationToken.None);
        }
    }

    /// <summary>Waits until the task runs under a later claim than that of <paramref name="epoch"/>.</summary>
    public static async Task UntilTakenAsync(this SharedSystem system, Guid task, int epoch, CancellationToken cancellationToken)
    {
        while (await system.ScalarAsync("SELECT count(*) FROM jobs WHERE task_id = $1 AND status = 'running' AND epoch > $2 + 1", task, epoch) is 0L)
            await Task.Delay(20, cancellationToken);
    }

    public static async Task<int> EpochAsync(this SharedSystem system, Guid task) => (int)(await system.ScalarAsync("SELECT epoch FROM jobs WHERE task_id = $1", task))!;

    public static async Task<object?> ScalarAsync(this SharedSystem system, string sql, params object[] values)
    {
        await using var connection = await system.OpenDatabaseAsync(Database);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
        return await command.ExecuteScalarAsync();
    }
}
