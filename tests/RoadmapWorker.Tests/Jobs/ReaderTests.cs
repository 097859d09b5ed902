using System.Diagnostics;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>Readers of a task's events: they share one poll, and one person cannot take all their places.</summary>
public sealed class ReaderTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_ReadByThreeHundred_CostAboutAsMuchAsByOne_AndEachSeesAll()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), new ProbeKind
        {
            Does = async (_, stage, stop) =>
            {
                await go.Task.WaitAsync(stop);
                return ProbeKind.Done(stage);
            },
        });
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Running);
        var events = worker.Services.GetRequiredService<JobEvents>();
        var seen = new int[300];
        var readers = Enumerable.Range(0, 300).Select(number => Task.Run(async () =>
        {
            var all = new List<int>();
            await foreach (var item in events.FollowAsync(task, number % 3, Cancel))
            {
                if (item.Data is JobEvent happened)
                    all.Add(happened.Seq);
                seen[number] = all.Count;
            }
            return (After: number % 3, All: all);
        }, Cancel)).ToList();
        await Eventually.TrueAsync(() => seen.Index().All(reader => reader.Item >= 2 - reader.Index % 3), "all have what there is");

        // What the service does besides (lease, sweeps) is a few a second.
        using var statements = new StatementCount((string)(await worker.ScalarAsync("SELECT current_database()::text"))!);
        var started = Stopwatch.GetTimestamp();
        await Task.Delay(2500, Cancel);
        (statements.Count / Stopwatch.GetElapsedTime(started).TotalSeconds).ShouldBeInRange(0.1, 30);

        go.SetResult();
        foreach (var (after, all) in await Task.WhenAll(readers))
            all.ShouldBe(Enumerable.Range(after + 1, 5 - after));
    }

    [Fact]
    public async Task Readers_OfOnePersonWhoTakesAllItGets_LeaveRoomForOthers()
    {
        await using var worker = await TestWorker.StartAsync(
            await postgres.CreateDatabaseAsync(), settings: ("Jobs:MaxReaders", "8"));
        var events = worker.Services.GetRequiredService<JobEvents>();
        for (var i = 0; i < 4; i++)
            events.Admit(new Sharer("greedy", "gil"));
        var refused = Should.Throw<ProblemException>(() => events.Admit(new Sharer("greedy", "gil")));
        (refused.Status, refused.Code).ShouldBe((429, "overloaded"));
        refused.RetryAfter.ShouldNotBeNull();
        events.Admit(new Sharer("greedy", "cleo"));
        events.Admit(new Sharer("acme", "ada"));
    }
}
