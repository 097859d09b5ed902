using Lyceum.RoadmapWorker.Collabs;
using Lyceum.Jobs;

namespace Lyceum.Tests.RoadmapWorker.Tests.Collabs;

/// <summary>A worker dies at any turn: the next goes on behind the last one that was finished.</summary>
public sealed class KilledTests(PostgresFixture postgres)
{
    private static readonly string[] Turns = ["planner 1", "tutor 1", "critic 1", "planner 2", "tutor 2", "critic 2", "result"];

    /// <summary>What a death leaves: a task that is running, of an owner that is not there, its finished turns committed.</summary>
    [Fact]
    public async Task Task_OfADeadWorker_GoesOnBehindItsLastTurn_WhereverItDied()
    {
        var model = new SpeakingModel();
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var input = JobJson.Write(new CollabOrder("x", Roles.Default, 2, 100, null));
        for (var done = 0; done < Turns.Length; done++)
        {
            model.Asked.Clear();
            var task = Guid.CreateVersion7();
            // In one statement: the sweep may look at any moment.
            await worker.ScalarAsync(
                """
                WITH job AS (
                    INSERT INTO jobs (task_id, kind, tenant, subject, status, stage, progress, priority, input, events, attempt, owner, epoch, run_after, timeout, created_at, updated_at, claimed_at)
                    VALUES ($1, 'collab', 'dev', 'ada', 'running', $2, 30, 1, $3::json, 3, 1, $4, 1, now(), '1 hour', now(), now(), now())
                    RETURNING task_id)
                INSERT INTO job_stages
                SELECT task_id, 'turn_' || n, '', json_build_object('number', n, 'round', 1, 'role', 'r', 'text', 'said before ' || n, 'made_by', 'model', 'is_cut', false), now()
                FROM job, generate_series(1, $5) n
                """,
                task, done < 6 ? CollabKind.TurnStage(done + 1) : CollabKind.Conclude, input, Guid.CreateVersion7(), done);
            await worker.UntilAsync(task, JobStatus.Completed);

            model.Turns.ShouldBe(Turns[done..], $"after {done} turns");
            var last = model.Asked.Last().Question.Messages[1].Content;
            for (var turn = 1; turn <= done; turn++)
                last.ShouldContain($"said before {turn}", customMessage: $"after {done} turns");
            (await worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE task_id = $1", task)).ShouldBe(7L);
        }
    }

    /// <summary>A worker that was paused past its lease, and had its answer meanwhile, leaves nothing of it.</summary>
    [Theory]
    [InlineData("planner 1")]
    [InlineData("critic 1")]
    [InlineData("result")]
    public async Task Lease_LostInATurn_TheTurnIsSaidByTheNextOwnerAlone(string held)
    {
        var (asked, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        var model = new SpeakingModel();
        model.Before = async (turn, times, _) =>
        {
            if (turn != held || times > 1)
                return;
            asked.SetResult();
            await gate.Task; // deaf to being fenced
        };
        await using var worker = await TestWorker.StartAsync(await postgres.CreateDatabaseAsync(), model: model);
        var (task, _) = await worker.Jobs.AddAsync(
            new(CollabKind.KindName, "dev", "ada", JobJson.Write(new CollabOrder("x", Roles.Default, 1, 100, null))), TestContext.Current.CancellationToken);
        await asked.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        await worker.ScalarAsync("DELETE FROM owners"); // what a sweep elsewhere does to a sleeper
        await Eventually.TrueAsync(() => model.Turns.Count(turn => turn == held) == 2, "the next owner asks");
        gate.SetResult();
        await worker.UntilAsync(task, JobStatus.Completed);

        model.Turns.GroupBy(turn => turn).ShouldAllBe(turn => turn.Count() == (turn.Key == held ? 2 : 1));
        (await worker.ScalarAsync("SELECT count(*) FROM job_stages WHERE task_id = $1", task)).ShouldBe(4L);
        (await worker.LogsAsync(task)).Where(log => log.Outcome == StageOutcomes.Completed).Select(log => log.Stage)
            .ShouldBe(["turn_1", "turn_2", "turn_3", "conclude"]);
        (await worker.EventsAsync(task)).Select(e => e.Stage).Distinct().ShouldBe(["turn_1", "turn_2", "turn_3", "conclude", "done"]);
    }
}
