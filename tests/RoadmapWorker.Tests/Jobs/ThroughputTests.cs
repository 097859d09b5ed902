using System.Collections.Concurrent;
using System.Diagnostics;
using Lyceum.Jobs;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>
/// How fast tasks that do nothing pass through. What is asserted is relative, as the machine may be slow: a long backlog, and a
/// snapshot that somebody holds, cost less than half of the rate. The figures are in the output.
/// </summary>
[Trait("Category", "Long")]
public sealed class ThroughputTests(PostgresFixture postgres)
{
    private const int Few = 3_000;
    private const int Many = 50_000;
    private static readonly (string, string)[] Settings = [("Jobs:Concurrency", "512"), ("Logging:LogLevel:Lyceum", "Error")];

    [Fact]
    public async Task Backlog_OfFiftyThousand_CostsLessThanHalfOfTheRate()
    {
        var few = await RateAsync(Few, Few, holdSnapshot: false);
        var many = await RateAsync(Many, Few * 3, holdSnapshot: false);
        Say($"{few:0} tasks/s with {Few} queued, {many:0} tasks/s with {Many}");
        many.ShouldBeGreaterThan(few / 2);
    }

    [Fact]
    public async Task Snapshot_HeldThroughout_CostsLessThanHalfOfTheRate()
    {
        var free = await RateAsync(Many / 2, Few * 5, holdSnapshot: false);
        var held = await RateAsync(Many / 2, Few * 5, holdSnapshot: true);
        Say($"{free:0} tasks/s, {held:0} tasks/s under a held snapshot");
        held.ShouldBeGreaterThan(free / 2);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(300)]
    public async Task Task_OnAnIdleWorker_StartsAtOnce(int perSecond)
    {
        var started = new ConcurrentDictionary<string, long>();
        var probe = new ProbeKind { Does = (job, _, _) =>
        {
            started[job.Input] = Stopwatch.GetTimestamp();
            return Task.FromResult(new StageResult("1", null, 100));
        } };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), probe, settings: Settings);
        foreach (var warm in await Task.WhenAll(Enumerable.Range(0, 50).Select(i => worker.OrderAsync($"\"warm {i}\""))))
            await worker.UntilAsync(warm, JobStatus.Completed);
        started.Clear();
        var ordered = new ConcurrentDictionary<string, long>();
        var count = perSecond * 5;
        var begun = Stopwatch.GetTimestamp();
        var orders = new List<Task>();
        for (var i = 0; i < count; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond) - Stopwatch.GetElapsedTime(begun);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, TestContext.Current.CancellationToken);
            var input = $"{i}";
            ordered[input] = Stopwatch.GetTimestamp();
            orders.Add(worker.OrderAsync(input));
        }
        await Task.WhenAll(orders);
        await Eventually.TrueAsync(() => started.Count == count, "all have started");
        var waits = ordered.Select(order => Stopwatch.GetElapsedTime(order.Value, started[order.Key]).TotalMilliseconds).Order().ToArray();
        Say($"{perSecond}/s: from the request to the start p50 {waits[count / 2]:0.0} ms, p99 {waits[count * 99 / 100]:0.0} ms");
        // Two orders of magnitude below the poll: the wake-up works.
        waits[count / 2].ShouldBeLessThan(500);
    }

    /// <summary>Tasks a second over the first <paramref name="measured"/> of <paramref name="queued"/>.</summary>
    private async Task<double> RateAsync(int queued, int measured, bool holdSnapshot)
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(database);
        await using (var fill = source.CreateCommand(
            """
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch, run_after, timeout, created_at, updated_at)
            SELECT gen_random_uuid(), 'probe', 'dev', 'ada', 'queued', 'a', 0, 1, '{}', 1, 0, 0, now() - interval '1 hour' + i * interval '1 ms', '1 hour', now(), now()
            FROM generate_series(1, $1) i
            """))
        {
            fill.Parameters.Add(new() { Value = queued });
            await fill.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
        await using (var analyse = source.CreateCommand("INSERT INTO job_events (task_id, seq, status, stage, progress, at) SELECT task_id, 1, 'queued', 'a', 0, now() FROM jobs; ANALYZE"))
            await analyse.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var holder = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var snapshot = holdSnapshot ? await holder.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead) : null;
        if (holdSnapshot)
        {
            await using var look = new NpgsqlCommand("SELECT count(*) FROM owners", holder);
            await look.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        }

        var (done, first, last) = (0, 0L, 0L);
        var probe = new ProbeKind { Does = (_, _, _) =>
        {
            var number = Interlocked.Increment(ref done);
            if (number == 1)
                Volatile.Write(ref first, Stopwatch.GetTimestamp());
            if (number == measured)
                Volatile.Write(ref last, Stopwatch.GetTimestamp());
            return Task.FromResult(new StageResult("1", null, 100));
        } };
        await using var worker = await TestWorker.StartAsync(database, probe, settings: Settings);
        await Eventually.TrueAsync(() => Volatile.Read(ref last) != 0, "they are done", 300);
        return (measured - 1) / Stopwatch.GetElapsedTime(first, last).TotalSeconds;
    }

    private static void Say(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
