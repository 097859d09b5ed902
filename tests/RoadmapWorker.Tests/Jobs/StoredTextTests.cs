using Lyceum.Jobs;
using Lyceum.Text;

namespace Lyceum.Tests.RoadmapWorker.Tests.Jobs;

/// <summary>Whatever a kind of work leaves, says or fails with, its task ends and what was left is read back.</summary>
public sealed class StoredTextTests(PostgresFixture postgres)
{
    [Fact]
    public Task Task_WithAnyText_EndsWithIt() => EndsAsync(60);

    [Fact]
    [Trait("Category", "Long")]
    public Task Task_WithAnyText_EndsWithIt_Often() => EndsAsync(6_000);

    private async Task EndsAsync(int count)
    {
        await using var worker = await TestWorker.StartAsync(
            await postgres.CreateDatabaseAsync(), settings: [("Jobs:Poll", "00:00:00.1"), ("Jobs:MaxOpenPerCaller", "100")]);
        worker.Probe.Does = async (job, stage, _) =>
        {
            var nasty = new NastyText(JobJson.Read<Numbered>(job.Input).N);
            if (stage == "a")
            {
                await job.SaveCheckpointAsync($"1{nasty.Text()}", nasty.Json(), 10);
                job.Count(new(JobCall.Model, nasty.Text(60), nasty.Text(30), 1));
                await job.RecordAsync($"2{nasty.Text()}", JobJson.Write(nasty.Text()));
                return new(nasty.Json(), "b", 30);
            }
            if (stage == "b")
                return new(JobJson.Write(nasty.Text()), "c", 60);
            throw nasty.Next(2) == 0
                ? new JobFailedException(nasty.Text(30), nasty.Text())
                : new JobFailedException("upstream_failed", new string('\0', 5) + nasty.Text());
        };
        for (var done = 0; done < count; done += 60)
        {
            var tasks = new Dictionary<int, Guid>();
            for (var n = done; n < done + 60; n++)
                tasks[n] = await worker.OrderAsync($$"""{"n":{{n}}}""");
            foreach (var (n, task) in tasks)
            {
                await worker.UntilAsync(task, JobStatus.Failed);
                (await worker.ScalarAsync("SELECT body #>> '{}' FROM job_stages WHERE task_id = $1 AND stage = 'b'", task))
                    .ShouldBe(StorableText.Of(JobJson.Read<string>(JobJson.Write(new NastyText(n).Text()))));
                (await worker.LogsAsync(task)).Count.ShouldBe(3);
            }
        }
    }

    private sealed record Numbered(int N);
}
