using Lyceum.Jobs;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>One writer per task, fenced: what happens when a worker dies, sleeps, leaves, or cannot reach the database.</summary>
public sealed class OwnershipTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Task_OfADeadWorker_GoesOnFromItsLastStageAndParts()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        string? before = null;
        worker.Probe.Does = (job, stage, _) =>
        {
            if (stage == "b")
                before = job.Checkpoint("half");
            return Task.FromResult(stage == "c" ? new($"\"{job.Result<string>("a")}\"", null, 100) : ProbeKind.Done(stage));
        };
        var task = Guid.CreateVersion7();
        await worker.ScalarAsync(
            """
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, owner, epoch, run_after, timeout, created_at, updated_at, claimed_at)
            VALUES ($1, 'probe', 'dev', 'ada', 'running', 'b', 30, 1, '{}', 3, 1, $2, 1, now(), '1 hour', now(), now(), now())
            """, task, Guid.CreateVersion7());
        await worker.ScalarAsync("INSERT INTO job_stages VALUES ($1, 'a', '', '\"from before\"', now()), ($1, 'b', 'half', '1', now())", task);
        await worker.UntilAsync(task, JobStatus.Completed);

        worker.Probe.Runs.Select(run => run.Stage).ShouldBe(["b", "c"]);
        before.ShouldBe("1");
        (await worker.Jobs.ResultAsync(task, TestContext.Current.CancellationToken)).ShouldBe("\"from before\"");
        (await worker.LogsAsync(task)).Select(log => (log.Stage, log.Attempt, log.Outcome)).ShouldBe([
            ("b", 1, "lost"), ("b", 2, "completed"), ("c", 1, "completed")]);
        (await worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE task_id = $1 AND part <> ''", task)).ShouldBe(0L);
    }

    [Fact]
    public async Task Task_ThatKillsEveryWorker_FailsInTheEnd()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("Jobs:MaxLosses", "4"));
        var task = Guid.CreateVersion7();
        await worker.ScalarAsync(
            """
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, owner, epoch, run_after, timeout, created_at, updated_at, claimed_at)
            VALUES ($1, 'probe', 'dev', 'ada', 'running', 'b', 30, 1, '{}', 3, 4, $2, 1, now(), '1 hour', now(), now(), now())
            """, task, Guid.CreateVersion7());
        await worker.UntilAsync(task, JobStatus.Failed);
        worker.Probe.Runs.ShouldBeEmpty();
        (await worker.EventsAsync(task))[^1].ErrorMessage.ShouldBe("Its worker died 4 times at the stage b.");
    }

    /// <summary>A worker that was paused past its lease finds its task with another owner: nothing it does is written.</summary>
    [Fact]
    public async Task Worker_WhoseTaskWasTaken_WritesNothing()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var (gate, parts) = (new TaskCompletionSource(), new TaskCompletionSource<bool>());
        var first = true;
        worker.Probe.Does = async (job, stage, cancel) =>
        {
            if (!first)
                return ProbeKind.Done(stage);
            first = false;
            await gate.Task;
            try
            {
                await job.SaveCheckpointAsync("late", "1", 20);
            }
            catch (OperationCanceledException)
            {
                parts.SetResult(false);
            }
            return new("\"zombie\"", null, 100);
        };
        var task = await worker.OrderAsync();
        await Eventually.TrueAsync(() => !worker.Probe.Runs.IsEmpty, "the stage runs");
        await worker.ScalarAsync("UPDATE jobs SET epoch = epoch + 1, owner = NULL, status = 'queued', stage = 'a', run_after = now() + interval '3 seconds' WHERE task_id = $1", task);
        gate.SetResult();

        (await parts.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken)).ShouldBeFalse();
        await worker.UntilAsync(task, JobStatus.Completed);
        (await worker.Jobs.ResultAsync(task, TestContext.Current.CancellationToken)).ShouldBe("\"c\"");
        (await worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE body::text LIKE '%zombie%' OR part = 'late'")).ShouldBe(0L);
    }

    [Fact]
    public async Task Lease_Lost_DropsWhatRunsAndWritesNothingOfIt()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var first = true;
        worker.Probe.Does = async (_, stage, cancel) =>
        {
            if (first)
            {
                first = false;
                await ProbeKind.ForeverAsync(cancel);
            }
            return ProbeKind.Done(stage);
        };
        var task = await worker.OrderAsync();
        await Eventually.TrueAsync(() => !worker.Probe.Runs.IsEmpty, "the stage runs");
        var owner = worker.Lease.OwnerId;
        await worker.ScalarAsync("DELETE FROM owners"); // what a sweep elsewhere does to a sleeper
        await worker.UntilAsync(task, JobStatus.Completed);
        worker.Lease.OwnerId.ShouldNotBe(owner);
        (await worker.LogsAsync(task)).Select(log => log.Outcome).ShouldBe(["lost", "completed", "completed", "completed"]);
    }

    [Fact]
    public async Task Worker_ThatLeaves_GivesItsTasksToAnother()
    {
        var database = await postgres.CreateDatabaseAsync();
        var leaving = await TestWorker.StartAsync(database, new ProbeKind
        {
            Does = (_, stage, cancel) => stage == "b" ? ProbeKind.ForeverAsync(cancel) : Task.FromResult(ProbeKind.Done(stage)),
        });
        var task = await leaving.OrderAsync();
        await Eventually.TrueAsync(() => leaving.Probe.Runs.Any(run => run.Stage == "b"), "the stage runs");
        await using var staying = await TestWorker.StartAsync(database);
        await leaving.DisposeAsync();
        await staying.UntilAsync(task, JobStatus.Completed);
        staying.Probe.Runs.Select(run => run.Stage).ShouldBe(["b", "c"]);
        (await staying.LogsAsync(task)).Select(log => (log.Stage, log.Attempt, log.Outcome)).ShouldBe([
            ("a", 1, "completed"), ("b", 1, "released"), ("b", 1, "completed"), ("c", 1, "completed")]);
    }

    /// <summary>Commits in doubt: the database hangs up on everybody, again and again, while tasks are being done.</summary>
    [Fact]
    public async Task Connections_CutAgainAndAgain_EveryStageIsDoneAndToldOnce()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        worker.Probe.Does = async (job, stage, cancel) =>
        {
            await Task.Delay(20, cancel);
            if (stage == "b" && job.Checkpoint("p") is null)
                await job.SaveCheckpointAsync("p", "1", 40);
            return ProbeKind.Done(stage);
        };
        var tasks = new List<Guid>();
        for (var i = 0; i < 100; i++)
        {
            if (i % 10 == 0)
                await CutAsync(worker);
            tasks.Add((await WithRetryAsync(() => worker.Jobs.AddAsync(
                new(ProbeKind.KindName, "dev", "ada", "{}", IdempotencyKey: $"k{i}"), TestContext.Current.CancellationToken))).TaskId);
        }
        for (var i = 0; i < 10; i++)
            await CutAsync(worker);
        await Eventually.TrueAsync(
            async () => await WithRetryAsync(() => worker.ScalarAsync("SELECT count(*) FROM jobs WHERE status = 'completed'")) is 100L, "all are done", 60);

        (await worker.ScalarAsync("SELECT count(*) FROM (SELECT task_id FROM job_events GROUP BY task_id HAVING max(seq) <> count(*)) g")).ShouldBe(0L);
        (await worker.ScalarAsync("SELECT count(*) FROM (SELECT task_id, stage FROM execution_logs WHERE outcome = 'completed' GROUP BY 1, 2 HAVING count(*) <> 1) g")).ShouldBe(0L);
        (await worker.ScalarAsync("SELECT count(*) FROM execution_logs WHERE outcome = 'completed'")).ShouldBe(300L);
    }

    private static async Task CutAsync(TestWorker worker)
    {
        await WithRetryAsync(() => worker.ScalarAsync(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"));
        await Task.Delay(20);
    }

    private static async Task<T> WithRetryAsync<T>(Func<Task<T>> work)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await work();
            }
            catch (Exception e) when (attempt < 20 && e is Npgsql.NpgsqlException or Lyceum.ServiceDefaults.Errors.ProblemException)
            {
                await Task.Delay(20);
            }
        }
    }
}
