using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lyceum.Jobs;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests;

/// <summary>A pool that is exhausted refuses fast, is seen to be exhausted, costs no task anything, and recovers at once.</summary>
public sealed class PoolTests(PostgresFixture postgres)
{
    private const int Size = 10; // TestWorker's

    [Fact]
    public async Task Pool_HeldExhausted_RefusesFastWhileWorkGoesOn()
    {
        var gate = new TaskCompletionSource();
        var probe = new ProbeKind();
        var name = $"pool-{Guid.NewGuid():N}";
        await using var worker = await TestWorker.StartAsync($"{await postgres.CreateDatabaseAsync()};Application Name={name}", probe,
            settings: ("Jobs:PoolWait", $"{new JobOptions().PoolWait}"));
        probe.Does = async (job, stage, _) =>
        {
            if (stage == "a")
                await gate.Task;
            return ProbeKind.Done(stage);
        };
        var task = await worker.OrderAsync();
        await Eventually.TrueAsync(() => !probe.Runs.IsEmpty, "the stage runs");

        var held = new List<NpgsqlConnection>();
        for (var i = 0; i < Size; i++)
            held.Add(await worker.Database.OpenConnectionAsync(TestContext.Current.CancellationToken));
        (await PoolAsync(worker)).ShouldBe((0, Size, 0, Size));

        var started = Stopwatch.GetTimestamp();
        var refusals = Enumerable.Range(0, 3).Select(_ => worker.SendAsync(HttpMethod.Get, $"/api/v1/roadmaps/{task}/status")).ToArray();
        await Eventually.TrueAsync(async () => (await PoolAsync(worker)).Waiting == 3, "those who wait are counted");
        foreach (var refusal in refusals)
        {
            using var refused = await refusal;
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            refused.Headers.RetryAfter.ShouldNotBeNull();
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString().ShouldBe("database_unavailable");
        }
        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(TimeSpan.FromSeconds(10)); // 1.5 s to wait, and a busy machine

        gate.SetResult(); // the task in flight needs none of these connections
        await Eventually.TrueAsync(() => worker.Running.Count == 0, "the task is done");
        foreach (var connection in held)
            await connection.DisposeAsync();
        (await worker.StatusAsync(task)).ShouldBe(JobStatus.Completed);
        using var served = await worker.SendAsync(HttpMethod.Get, "/api/v1/roadmaps");
        served.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await PoolAsync(worker)).Waiting.ShouldBe(0);
    }

    private static async Task<(int CheckedIn, int CheckedOut, int Waiting, int Overflow)> PoolAsync(TestWorker worker)
    {
        var pool = await worker.Client.GetFromJsonAsync<JsonElement>("/health/db");
        pool.GetProperty("pool_size").GetInt32().ShouldBe(0);
        pool.GetProperty("max_pool_size").GetInt32().ShouldBe(Size);
        return (pool.GetProperty("checked_in").GetInt32(), pool.GetProperty("checked_out").GetInt32(), pool.GetProperty("waiting").GetInt32(),
            pool.GetProperty("overflow").GetInt32());
    }
}
