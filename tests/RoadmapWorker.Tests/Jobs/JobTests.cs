using Lyceum.Jobs;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>The life of one task: its stages, its failures, its end.</summary>
public sealed class JobTests(PostgresFixture postgres)
{
    private static readonly (string, string) Quick = ("Jobs:Backoff", "00:00:00.050");

    [Fact]
    public async Task Task_OfThreeStages_TellsEachStepOnceInOrder()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        worker.Probe.Does = (job, stage, _) =>
        {
            if (stage == "c")
                (job.Result<string>("a") + job.Result<string>("b")).ShouldBe("ab");
            return Task.FromResult(ProbeKind.Done(stage));
        };
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Completed);

        var events = await worker.EventsAsync(task);
        events.Select(e => (e.Seq, e.Status, e.Stage, e.Progress)).ShouldBe([
            (1, "queued", "a", 0), (2, "running", "a", 0), (3, "running", "b", 30), (4, "running", "c", 60), (5, "completed", "done", 100)]);
        (await worker.LogsAsync(task)).Select(log => (log.Stage, log.Attempt, log.Outcome)).ShouldBe([
            ("a", 1, "completed"), ("b", 1, "completed"), ("c", 1, "completed")]);
        (await worker.Jobs.ResultAsync(task, TestContext.Current.CancellationToken)).ShouldBe("\"c\"");
        worker.Probe.Runs.Select(run => run.Stage).ShouldBe(["a", "b", "c"]);
    }

    [Fact]
    public async Task Stage_ThatFailsInPassing_IsTriedAgainAndNoOther()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: Quick);
        var failures = 2;
        worker.Probe.Does = (_, stage, _) => stage == "b" && failures-- > 0
            ? throw new StageException("a cable") : Task.FromResult(ProbeKind.Done(stage));
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Completed);

        worker.Probe.Runs.Select(run => run.Stage).ShouldBe(["a", "b", "b", "b", "c"]);
        (await worker.LogsAsync(task)).Select(log => (log.Stage, log.Attempt, log.Outcome, log.Error)).ShouldBe([
            ("a", 1, "completed", null), ("b", 1, "retried", "a cable"), ("b", 2, "retried", "a cable"), ("b", 3, "completed", null),
            ("c", 1, "completed", null)]);
    }

    [Fact]
    public async Task Stage_ThatFailsAlways_FailsTheTaskWhichCanBeRetriedFromThere()
    {
        await using var worker = await TestWorker.StartAsync(
            await postgres.CreateDatabaseAsync(), settings: [Quick, ("Jobs:MaxAttempts", "3")]);
        var broken = true;
        worker.Probe.Does = (job, stage, _) =>
        {
            job.IsLastAttempt.ShouldBe(job.Attempt == 3);
            return stage == "b" && broken ? throw new StageException("no cable at all") : Task.FromResult(ProbeKind.Done(stage));
        };
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Failed);
        ((string)(await worker.ScalarAsync("SELECT error_message FROM jobs WHERE task_id = $1", task))!).ShouldBe(
            "The stage b failed 3 times, last: no cable at all");

        broken = false;
        (await worker.Jobs.RetryAsync(Ada, ProbeKind.KindName, task, TestContext.Current.CancellationToken)).ShouldNotBeNull();
        await worker.UntilAsync(task, JobStatus.Completed);
        worker.Probe.Runs.Count(run => run.Stage == "a").ShouldBe(1, "what was finished is not done again");
    }

    [Fact]
    public async Task Failure_ForGood_IsNotTriedAgain()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: Quick);
        worker.Probe.Does = (_, _, _) => throw new JobFailedException("invalid_request", "it cannot be done");
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Failed);
        worker.Probe.Runs.Count.ShouldBe(1);
        (await worker.EventsAsync(task))[^1].ErrorMessage.ShouldBe("it cannot be done");
    }

    [Fact]
    public async Task Cancel_ReachesARunningStage()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        worker.Probe.Does = (_, stage, cancel) => stage == "b" ? ProbeKind.ForeverAsync(cancel) : Task.FromResult(ProbeKind.Done(stage));
        var task = await worker.OrderAsync();
        await Eventually.TrueAsync(() => worker.Probe.Runs.Any(run => run.Stage == "b"), "the stage runs");

        (await worker.Jobs.CancelAsync(Ada, ProbeKind.KindName, task, TestContext.Current.CancellationToken))!.Status.ShouldBe("running");
        await worker.UntilAsync(task, JobStatus.Cancelled);
        await Eventually.TrueAsync(() => worker.Running.Count == 0, "its place is free");
    }

    [Fact]
    public async Task Cancel_OnAnotherWorker_ReachesTheOneThatRunsIt()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var worker = await TestWorker.StartAsync(database);
        worker.Probe.Does = (_, _, cancel) => ProbeKind.ForeverAsync(cancel);
        var task = await worker.OrderAsync();
        await Eventually.TrueAsync(() => !worker.Probe.Runs.IsEmpty, "the stage runs");
        await using var other = await TestWorker.StartAsync(database);
        await other.Jobs.CancelAsync(Ada, ProbeKind.KindName, task, TestContext.Current.CancellationToken);
        await worker.UntilAsync(task, JobStatus.Cancelled);
    }

    [Fact]
    public async Task Cancel_OfOneThatWaits_EndsItAtOnce()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("Jobs:Concurrency", "1"));
        worker.Probe.Does = (_, _, cancel) => ProbeKind.ForeverAsync(cancel);
        await worker.OrderAsync();
        await Eventually.TrueAsync(() => worker.Running.Count == 1, "the only place is taken");
        var waiting = await worker.OrderAsync();
        (await worker.Jobs.CancelAsync(Ada, ProbeKind.KindName, waiting, TestContext.Current.CancellationToken))!.Status.ShouldBe("cancelled");
        (await worker.EventsAsync(waiting)).Select(e => e.Status).ShouldBe(["queued", "cancelled"]);
    }

    [Fact]
    public async Task Task_BeyondItsDeadline_FailsWithTimeout()
    {
        var probe = new ProbeKind { Timeout = TimeSpan.FromMilliseconds(300), Does = (_, _, cancel) => ProbeKind.ForeverAsync(cancel) };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), probe);
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Failed);
        (await worker.ScalarAsync("SELECT error_code FROM jobs WHERE task_id = $1", task)).ShouldBe("timeout");
    }

    [Fact]
    public async Task Priorities_AreServedInTheirOrder()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("Jobs:Concurrency", "1"));
        var gate = new TaskCompletionSource();
        worker.Probe.Does = async (job, stage, _) =>
        {
            if (job.Input.Contains("first"))
                await gate.Task;
            return new("1", null, 100);
        };
        await worker.OrderAsync("\"first\"");
        await Eventually.TrueAsync(() => worker.Running.Count == 1, "the only place is taken");
        var low = await worker.OrderAsync("\"low\"", JobPriority.Low);
        var normal = await worker.OrderAsync("\"normal\"");
        var high = await worker.OrderAsync("\"high\"", JobPriority.High);
        gate.SetResult();
        await worker.UntilAsync(low, JobStatus.Completed);
        worker.Probe.Runs.Skip(1).Select(run => run.Task).ShouldBe([high, normal, low]);
    }

    [Fact]
    public async Task Concurrency_IsBounded()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("Jobs:Concurrency", "3"));
        var (running, most) = (0, 0);
        worker.Probe.Does = async (_, stage, cancel) =>
        {
            var now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            await Task.Delay(20, cancel);
            Interlocked.Decrement(ref running);
            return ProbeKind.Done(stage);
        };
        var tasks = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => worker.OrderAsync()));
        foreach (var task in tasks)
            await worker.UntilAsync(task, JobStatus.Completed);
        most.ShouldBe(3);

        static void InterlockedMax(ref int target, int value)
        {
            for (var seen = target; value > seen; seen = target)
                Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    [Fact]
    public async Task IdempotencyKey_UsedByManyAtOnce_IsOneTask()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var order = new JobOrder(ProbeKind.KindName, "dev", "ada", "{}", IdempotencyKey: "k");
        var added = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => worker.Jobs.AddAsync(order, TestContext.Current.CancellationToken)));
        added.Select(task => task.TaskId).Distinct().Count().ShouldBe(1);
        added.Count(task => task.Added).ShouldBe(1);
        (await worker.Jobs.AddAsync(order with { Subject = "bob" }, TestContext.Current.CancellationToken)).Added.ShouldBeTrue();
        (await Should.ThrowAsync<Lyceum.ServiceDefaults.Errors.ProblemException>(
            () => worker.Jobs.AddAsync(order with { Input = "[]" }, TestContext.Current.CancellationToken))).Status.ShouldBe(422);
    }

    [Fact]
    public async Task Caller_WithTooManyOpenTasks_IsRefused()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("Jobs:MaxOpenPerCaller", "2"));
        worker.Probe.Does = (_, _, cancel) => ProbeKind.ForeverAsync(cancel);
        await worker.OrderAsync();
        var task = await worker.OrderAsync();
        (await Should.ThrowAsync<Lyceum.ServiceDefaults.Errors.ProblemException>(() => worker.OrderAsync())).Status.ShouldBe(429);
        await worker.Jobs.CancelAsync(Ada, ProbeKind.KindName, task, TestContext.Current.CancellationToken);
        await worker.UntilAsync(task, JobStatus.Cancelled);
        await worker.OrderAsync();
    }

    [Fact]
    public async Task OpenTasks_FiftyOrderedAtOnceAtTwoReplicas_AreNoMoreThanTheLimit()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await TestWorker.StartAsync(database, settings: ("Jobs:MaxOpenPerCaller", "20"));
        await using var two = await TestWorker.StartAsync(database, settings: ("Jobs:MaxOpenPerCaller", "20"));
        one.Probe.Does = two.Probe.Does = (_, _, cancel) => ProbeKind.ForeverAsync(cancel);
        var ordered = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            try
            {
                await (i % 2 == 0 ? one : two).OrderAsync();
                return true;
            }
            catch (Lyceum.ServiceDefaults.Errors.ProblemException e) when (e.Code == "limit_reached")
            {
                return false;
            }
        }));
        ordered.Count(added => added).ShouldBe(20);
        (await one.ScalarAsync("SELECT count(*) FROM jobs")).ShouldBe(20L);
    }

    internal static readonly Lyceum.ServiceDefaults.Auth.Caller Ada = new(
        "dev", "ada", Lyceum.ServiceDefaults.Auth.CallerKind.Token, new HashSet<string>());

    /// <summary>A prepared statement keeps its plan: one made while the tables were empty must not read them whole when they are not.</summary>
    [Fact]
    public async Task Commit_PlannedWhileTablesWereEmpty_ReadsNoTableWhole()
    {
        const int tasks = 200;
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync("ANALYZE jobs, job_stages, job_events, execution_logs");
        foreach (var task in await Task.WhenAll(Enumerable.Range(0, tasks).Select(_ => worker.OrderAsync())))
            await worker.UntilAsync(task, JobStatus.Completed);
        // The server counts a backend's work at its first command after a second.
        await Eventually.TrueAsync(async () =>
        {
            await worker.UntilAsync(await worker.OrderAsync(), JobStatus.Completed);
            return (long)(await worker.ScalarAsync("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'job_stages'"))! >= tasks * 3;
        }, "the statistics are there");
        ((long)(await worker.ScalarAsync("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'job_stages'"))!).ShouldBeLessThan(tasks * 3);
    }

    [Fact]
    public async Task Steps_ThatAreRecorded_AreThereForTheNextRun_AndNobodyIsTold()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: Quick);
        worker.Probe.Does = async (job, stage, _) =>
        {
            if (stage != "b")
                return ProbeKind.Done(stage);
            if (job.Checkpoint("step\n1") is not { } before)
            {
                job.Count(new(JobCall.Model, "m", "tool_calls", 1, 7, 5), of: "step");
                await job.RecordAsync("step\n1", "{\"said\": \"\\u0000\"}", of: "step");
                throw new StageException("a cable");
            }
            job.Count(new(JobCall.Model, "m", "tool_calls", 1, 7, 5, Recorded: true));
            return new(before, "c", 60);
        };
        var task = await worker.OrderAsync();
        await worker.UntilAsync(task, JobStatus.Completed);

        (await worker.EventsAsync(task)).ShouldAllBe(e => e.Part == null);
        (await worker.EventsAsync(task)).Select(e => e.Seq).ShouldBe(Enumerable.Range(1, 7));
        (await worker.LogsAsync(task)).Where(log => log.Stage == "b").Select(log => (log.Outcome, log.PromptTokens, log.Calls!.Single().Recorded))
            .ShouldBe([("retried", 7, false), ("completed", 0, true)]);
        (await worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE part <> ''")).ShouldBe(0L);
    }

    /// <summary>All changes of a worker share its commits: one that Postgres refuses for ever would hold up every task.</summary>
    [Theory]
    [InlineData("nul \0 here")]
    [InlineData("half \ud800 of a pair")]
    public async Task Failure_WhoseMessagePostgresWouldRefuse_IsStoredAndHoldsUpNothing(string message)
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), settings: [Quick, ("Jobs:MaxAttempts", "1")]);
        worker.Probe.Does = (job, stage, _) => job.Input == "{}" ? throw new StageException(message) : Task.FromResult(ProbeKind.Done(stage));
        var broken = await worker.OrderAsync();
        var other = await worker.OrderAsync("{\"a\":1}");
        await worker.UntilAsync(broken, JobStatus.Failed);
        await worker.UntilAsync(other, JobStatus.Completed);
        ((string)(await worker.ScalarAsync("SELECT error_message FROM jobs WHERE task_id = $1", broken))!).ShouldContain("\uFFFD");
    }
}
