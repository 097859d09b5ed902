using Lyceum.Durability.Persons;
using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Lyceum.Tests.RoadmapWorker.Tests;

public sealed class ErasureTests(PostgresFixture postgres)
{
    private const string Word = "secret-of-ada";

    [Fact]
    public async Task Person_Erased_HasTheirRunningTaskStopped_AndNothingLeft()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var probe = new ProbeKind
        {
            Does = async (job, stage, cancellationToken) =>
            {
                // Once the part is stored, the erasure may come before this goes on: then saving it fails, and that ends it as well.
                try
                {
                    await job.SaveCheckpointAsync("part", $"\"{Word}\"", 10);
                    return await ProbeKind.ForeverAsync(cancellationToken);
                }
                finally
                {
                    ended.TrySetResult();
                }
            },
        };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), probe);
        var task = await worker.OrderAsync($"\"{Word}\"");
        var others = await OfBobAsync(worker);
        await Eventually.TrueAsync(async () => (await worker.EventsAsync(task)).Exists(one => one.Part is not null), "it has a part");

        await EraseAsync(worker);

        await ended.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        (await PersonalRows.FindAsync(worker.Database, [Word, "ada", task.ToString()], "erased_persons")).ShouldBeEmpty();
        (await worker.StatusAsync(others)).ShouldBe("completed");
        var late = await Should.ThrowAsync<PostgresException>(() => worker.OrderAsync());
        late.SqlState.ShouldBe(DatabaseFailures.PersonErased);
    }

    [Fact]
    public async Task Export_HasTheTasksOfThePersonAlone()
    {
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync());
        var task = await worker.OrderAsync($"\"{Word}\"");
        await OfBobAsync(worker);
        await worker.UntilAsync(task, JobStatus.Completed);

        var text = "";
        await foreach (var piece in worker.Services.GetRequiredService<PersonExport>()
            .ReadAsync("dev", "ada", TestContext.Current.CancellationToken))
            text += $"{piece.Path} {piece.Text}";

        text.ShouldContain("jobs.json");
        text.ShouldContain("job_stages.json");
        text.ShouldContain(Word);
        text.ShouldNotContain("his");
    }

    private static async Task<Guid> OfBobAsync(TestWorker worker)
    {
        var task = Guid.CreateVersion7();
        await worker.ScalarAsync(
            """
            INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, epoch,
                              run_after, timeout, created_at, updated_at, ended_at)
            VALUES ($1, 'probe', 'dev', 'bob', 'completed', 'c', 100, 1, '"his"', 0, 0, 0, now(), '1 minute', now(), now(), now())
            """, task);
        return task;
    }

    private static Task EraseAsync(TestWorker worker) => Eventually.TrueAsync(
        () => worker.Services.GetRequiredService<PersonErasure>().EraseAsync("dev", "ada", TestContext.Current.CancellationToken),
        "it is erased");
}
