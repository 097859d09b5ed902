using Lyceum.Jobs;
using Lyceum.Tests.Support;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>One caller's many tasks do not keep another's waiting.</summary>
public sealed class QueueShareTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Tasks_OfOneCallerWhoTakesAllPlacesItGets_AnothersRunAtOnce()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), new ProbeKind
        {
            Does = (job, stage, stop) => job.Tenant == "greedy" ? ProbeKind.ForeverAsync(stop) : Task.FromResult(ProbeKind.Done(stage)),
        }, settings: ("Jobs:Concurrency", "16"));
        for (var i = 0; i < 60; i++)
            await worker.Jobs.AddAsync(new(ProbeKind.KindName, "greedy", "gil", "{}"), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => worker.Running.Count == 14, "it has all but an eighth");

        for (var i = 0; i < 5; i++)
            await worker.UntilAsync(await worker.OrderAsync(), JobStatus.Completed);
        await Eventually.TrueAsync(() => worker.Running.Count == 14, "the others have left it its places");
    }
}
