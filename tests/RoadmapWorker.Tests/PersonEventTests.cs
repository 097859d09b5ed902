using System.Text.Json;
using Lyceum.Durability.Events;
using Lyceum.Jobs;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.RoadmapWorker.Tests;

public sealed class PersonEventTests(PostgresFixture postgres)
{
    [Fact]
    public async Task EveryStatusOfATask_IsTold_InOrder_ToItsPersonAlone()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Completed);

        var told = new List<string>();
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var item in worker.Services.GetRequiredService<PersonEventReader>().FollowAsync("dev", "ada", 0, bound.Token))
        {
            if (item.EventType != "job.changed")
                continue;
            var data = JsonElement.Parse(item.Data);
            data.GetProperty("task_id").GetGuid().ShouldBe(task);
            told.Add($"{item.EventId} {data.GetProperty("status").GetString()} {data.GetProperty("stage").GetString()}");
            if (data.GetProperty("status").GetString() == JobStatus.Completed)
                break;
        }

        told.ShouldBe(["1 queued a", "2 running a", "3 running b", "4 running c", $"5 completed {await worker.ScalarAsync("SELECT stage FROM jobs")}"]);
        (await worker.ScalarAsync("SELECT count(*) FROM person_event_heads")).ShouldBe(1L);
    }
}
