using System.Net;
using System.Text.RegularExpressions;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support.Postgres;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>
/// What the database refuses fails the one task that it belongs to, or waits until the database takes it: the tasks of
/// everybody else go on.
/// </summary>
public sealed class DatabaseFaultTests(PostgresFixture postgres)
{
    private static readonly (string, string) Quick = ("Jobs:Poll", "00:00:00.1");

    /// <summary>A task whose stage b leaves its input, which a test marks.</summary>
    private static async Task<TestWorker> StartAsync(string database, bool inCheckpoint = false)
    {
        var worker = await TestWorker.StartAsync(database, settings: Quick);
        worker.Probe.Does = async (job, stage, _) =>
        {
            if (stage != "b")
                return ProbeKind.Done(stage);
            if (inCheckpoint)
                await job.SaveCheckpointAsync("piece", job.Input, 40);
            return new(inCheckpoint ? "{}" : job.Input, "c", 60);
        };
        return worker;
    }

    [Theory]
    [InlineData("22P05", false)]
    [InlineData("22021", true)]
    [InlineData("23514", true)]
    [InlineData("54000", false)]
    public async Task Result_RefusedForItsData_FailsThatTaskAlone(string sqlState, bool inCheckpoint)
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync(), inCheckpoint);
        await worker.ScalarAsync(Refusal.Of("job_stages", "NEW.body::text LIKE '%marked%'", sqlState));
        var others = new List<Guid>();
        var marked = await worker.OrderAsync("""{"marked":1}""");
        for (var i = 0; i < 8; i++)
            others.Add(await worker.OrderAsync($$"""{"other":{{i}}}"""));

        await worker.UntilAsync(marked, JobStatus.Failed);
        foreach (var other in others)
            await worker.UntilAsync(other, JobStatus.Completed);
        (await worker.ScalarAsync("SELECT error_code FROM jobs WHERE task_id = $1", marked)).ShouldBe(ErrorCodes.NotStored);
        ((string)(await worker.ScalarAsync("SELECT error_message FROM jobs WHERE task_id = $1", marked))!).ShouldContain(sqlState);
        (await worker.EventsAsync(marked))[^1].Status.ShouldBe(JobStatus.Failed);
    }

    [Theory]
    [InlineData("42P01")]
    [InlineData("57P03")]
    [InlineData("XX000")]
    public async Task Result_RefusedForAnotherReason_IsKeptAndRetried(string sqlState)
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync(Refusal.Of("job_stages", "NEW.body::text LIKE '%marked%'", sqlState));
        var marked = await worker.OrderAsync("""{"marked":1}""");
        await Eventually.TrueAsync(() => worker.Probe.Runs.Contains((marked, "b")), "the stage has run");
        if (sqlState == "XX000") // nobody knows why: the others go on meanwhile
            await worker.UntilAsync(await worker.OrderAsync("""{"other":1}"""), JobStatus.Completed);

        (await worker.StatusAsync(marked)).ShouldBe(JobStatus.Running);
        await worker.ScalarAsync(Refusal.Lifted("job_stages"));
        await worker.UntilAsync(marked, JobStatus.Completed);
        worker.Probe.Runs.Count(run => run == (marked, "b")).ShouldBe(1);
    }

    /// <summary>A claim takes many at once: one that the database refuses must not keep the others in the queue.</summary>
    [Theory]
    [InlineData("NEW.status = 'running' AND NEW.input::text LIKE '%marked%'", JobStatus.Failed)]
    [InlineData("NEW.status <> 'queued' AND NEW.input::text LIKE '%marked%'", JobStatus.Queued)] // it cannot even be failed
    public async Task Claim_RefusedForItsData_LeavesTheOthersAlone(string condition, string status)
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync(Refusal.Of("jobs", condition, "22003"));
        var marked = await worker.OrderAsync("""{"marked":1}""");
        for (var i = 0; i < 3; i++)
            await worker.UntilAsync(await worker.OrderAsync("""{"other":1}"""), JobStatus.Completed);

        await worker.UntilAsync(marked, status);
        if (status == JobStatus.Failed)
        {
            (await worker.ScalarAsync("SELECT error_code FROM jobs WHERE task_id = $1", marked)).ShouldBe(ErrorCodes.NotStored);
            (await worker.EventsAsync(marked))[^1].Status.ShouldBe(JobStatus.Failed);
        }
    }

    /// <summary>Nobody knows why: the task is kept, and the others go on meanwhile.</summary>
    [Theory]
    [InlineData("P0001")]
    [InlineData("XX000")]
    public async Task Claim_RefusedForAnUnknownReason_LeavesTheOthersAlone_AndIsRetried(string sqlState)
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync(Refusal.Of("jobs", "NEW.status = 'running' AND NEW.input::text LIKE '%marked%'", sqlState));
        var marked = await worker.OrderAsync("""{"marked":1}""");
        for (var i = 0; i < 3; i++)
            await worker.UntilAsync(await worker.OrderAsync("""{"other":1}"""), JobStatus.Completed);
        (await worker.StatusAsync(marked)).ShouldBe(JobStatus.Queued);

        await worker.ScalarAsync(Refusal.Lifted("jobs"));
        await worker.UntilAsync(marked, JobStatus.Completed);
    }

    /// <summary>An event's number that is taken, as after a restore of one table.</summary>
    [Fact]
    public async Task Claim_WhoseEventIsThereAlready_FailsThatTaskAlone()
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync(
            """
            CREATE FUNCTION doubled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.input::text LIKE '%marked%' THEN
                    INSERT INTO job_events (task_id, seq, status, stage, progress, at) VALUES (NEW.task_id, 2, 'queued', 'a', 0, now());
                END IF;
                RETURN NULL;
            END $$;
            CREATE TRIGGER doubled AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION doubled()
            """);
        var marked = await worker.OrderAsync("""{"marked":1}""");
        await worker.UntilAsync(await worker.OrderAsync("""{"other":1}"""), JobStatus.Completed);
        await worker.UntilAsync(marked, JobStatus.Failed);
    }

    [Fact]
    public async Task Requeue_RefusedForItsData_LeavesTheOthersAlone()
    {
        var gate = new TaskCompletionSource();
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        worker.Probe.Does = async (_, stage, _) =>
        {
            if (stage == "a")
                await gate.Task;
            return ProbeKind.Done(stage);
        };
        var marked = await worker.OrderAsync("""{"marked":1}""");
        var other = await worker.OrderAsync("""{"other":1}""");
        await Eventually.TrueAsync(() => worker.Running.Count == 2, "both run");
        await worker.ScalarAsync(Refusal.Of("jobs", "NEW.status = 'queued' AND NEW.input::text LIKE '%marked%'", "23514"));
        await worker.ScalarAsync("UPDATE jobs SET owner = gen_random_uuid()"); // who has no lease
        gate.SetResult();

        await worker.UntilAsync(other, JobStatus.Completed);
        await worker.UntilAsync(marked, JobStatus.Failed);
    }

    /// <summary>What an operator sees: 503 with the code where waiting does not help, 200 where it does.</summary>
    [Theory]
    [Trait("Category", "Long")]
    [InlineData("42P01", HttpStatusCode.ServiceUnavailable, "unhealthy", "deployment")]
    [InlineData("XX000", HttpStatusCode.ServiceUnavailable, "unhealthy", "unknown")]
    [InlineData("57P03", HttpStatusCode.OK, "degraded", "connection")]
    public async Task Health_WhileNothingIsWritten_SaysSo(string sqlState, HttpStatusCode code, string status, string cause)
    {
        await using var worker = await StartAsync(await postgres.CreateDatabaseAsync());
        await worker.ScalarAsync(Refusal.Of("job_stages", "NEW.body::text LIKE '%marked%'", sqlState));
        await worker.OrderAsync("""{"marked":1}""");
        await Eventually.TrueAsync(
            async () =>
            {
                using var health = await worker.Client.GetAsync("/health");
                var text = await health.Content.ReadAsStringAsync();
                return health.StatusCode == code && text.Contains($"\"status\":\"{status}\"") && text.Contains($"SQLSTATE {sqlState}")
                    && text.Contains("JobJournal");
            }, "health says so", 20);
        (await worker.Client.GetStringAsync("/metrics")).ShouldContain($"lyceum_loop_stalled_seconds{{cause=\"{cause}\",loop=\"JobJournal\"}}");
        using var alive = await worker.Client.GetAsync("/alive");
        alive.StatusCode.ShouldBe(HttpStatusCode.OK);

        await worker.ScalarAsync(Refusal.Lifted("job_stages"));
        await Eventually.TrueAsync(
            async () => (await worker.Client.GetAsync("/health")).StatusCode == HttpStatusCode.OK, "it is well again");
        await Eventually.TrueAsync(
            async () => Regex.IsMatch(
                await worker.Client.GetStringAsync("/metrics"),
                $"lyceum_loop_stalled_seconds{{cause=\"{cause}\",loop=\"JobJournal\"}} 0\\s"), "the metric says so");
    }
}
