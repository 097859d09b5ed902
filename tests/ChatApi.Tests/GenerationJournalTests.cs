using System.Collections.Concurrent;
using Lyceum.ChatApi.Answers;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Writing;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>Rule 1 and rule 3 where they are kept: no reader sees what is not committed, no former owner writes.</summary>
public sealed class GenerationJournalTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Reader_WhileChunksCannotBeWritten_SeesNothing()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "before ");

        await using (var connection = await replica.Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("LOCK TABLE generation_chunks IN ACCESS EXCLUSIVE MODE", connection);
            await hold.ExecuteNonQueryAsync();
            generation.Text.Append("held");
            replica.Journal.Enqueue(generation);
            // The journal is provably at the lock, not merely late.
            await Eventually.TrueAsync(async () => (long)(await replica.ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"))! == 1,
                "the journal waits for the lock");
            ChatMachinery.Shown(generation).ShouldBe("before ");
            await transaction.RollbackAsync();
        }
        await Eventually.TrueAsync(() => ChatMachinery.Shown(generation) == "before held", "the rest is shown");
        (await replica.ChunksAsync(generation.Id)).ShouldBe("before held");
    }

    /// <summary>The insert looks before the ownership is committed, the check after it: the text must still get in.</summary>
    [Fact]
    public async Task Ownership_VisibleOnlyAfterTheInsertLooked_NothingShownThatIsNotStored()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        await replica.ExecuteAsync("UPDATE generations SET epoch = 0 WHERE id = $1", generation.Id); // not ours yet: it is of epoch 1
        var other = await replica.BeginAsync();

        await using (var connection = await replica.Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            // The insert takes its snapshot, then waits for the owner's row.
            await using (var hold = new NpgsqlCommand("SELECT 1 FROM owners FOR UPDATE", connection))
                await hold.ExecuteNonQueryAsync();
            await using (var claim = new NpgsqlCommand("UPDATE generations SET epoch = 1", connection))
                await claim.ExecuteNonQueryAsync();
            generation.Text.Append("claimed");
            other.Text.Append("beside it");
            replica.Journal.Enqueue(generation);
            replica.Journal.Enqueue(other);
            await Eventually.TrueAsync(async () => (long)(await replica.ScalarAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO generation_chunks%'"))! == 1,
                "the journal waits for the lock");
            await transaction.CommitAsync();
        }
        await Eventually.TrueAsync(() => generation.Text.Committed == generation.Text.Written && other.Text.Committed == other.Text.Written, "all is shown");
        (await replica.ChunksAsync(generation.Id)).ShouldBe("claimed");
        (await replica.ChunksAsync(other.Id)).ShouldBe("beside it");
    }

    [Fact]
    public async Task Commit_ManyGenerations_ShareCommits()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generations = new List<RunningGeneration>();
        for (var i = 0; i < 100; i++)
            generations.Add(await replica.BeginAsync());

        var before = await CommitsAsync(replica);
        foreach (var generation in generations)
        {
            generation.Text.Append("一个字");
            replica.Journal.Enqueue(generation);
        }
        foreach (var generation in generations)
            await Eventually.TrueAsync(() => generation.Text.Committed == 9, "all are committed");

        // 100 rows; the margin is for renewals and for looking.
        (await CommitsAsync(replica) - before).ShouldBeLessThan(30);
    }

    private static async Task<long> CommitsAsync(ChatMachinery replica)
    {
        await replica.ExecuteAsync("SELECT pg_stat_force_next_flush()");
        return (long)(await replica.ScalarAsync("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))!;
    }

    [Fact]
    public async Task Write_AfterTakeover_RefusedAndDropped()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var taken = await replica.BeginAsync();
        var kept = await replica.BeginAsync();
        await replica.WriteAsync(taken, "mine");

        await replica.ExecuteAsync("UPDATE generations SET epoch = 2 WHERE id = $1", taken.Id);
        taken.Text.Append(" too late");
        kept.Text.Append("still mine");
        replica.Journal.Enqueue(taken);
        replica.Journal.Enqueue(kept);

        await Eventually.TrueAsync(() => taken.Fenced.IsCancellationRequested, "the old owner is told");
        await Eventually.TrueAsync(() => ChatMachinery.Shown(kept) == "still mine", "the other goes on");
        ChatMachinery.Shown(taken).ShouldBe("mine");
        (await replica.ChunksAsync(taken.Id)).ShouldBe("mine");
        (await replica.Rows.CloseAsync(taken.Id, taken.Owner, 1, new(AnswerStatus.Complete, "stop"), default)).ShouldBeNull();
    }

    [Fact]
    public async Task Write_AfterTheOwnersRowIsGone_NotOneByte()
    {
        // The renewal is slow here, so that the journal meets the missing row first, as a process that was paused would.
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("Leases:Duration", "00:01:00"), ("Leases:Renewal", "00:00:30"));
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "alive");

        await replica.ExecuteAsync("DELETE FROM owners");
        generation.Text.Append(" zombie");
        replica.Journal.Enqueue(generation);

        await Eventually.TrueAsync(() => generation.Fenced.IsCancellationRequested, "the zombie is told");
        (await replica.ChunksAsync(generation.Id)).ShouldBe("alive");
    }

    [Fact]
    public async Task Commit_ConnectionsKilledAgainAndAgain_NoGapNoDouble()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        var shown = new ConcurrentQueue<string>();
        for (var i = 0; i < 300; i++)
        {
            generation.Text.Append($"{i},");
            replica.Journal.Enqueue(generation);
            if (i % 20 == 10)
            {
                await replica.ExecuteAsync(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%-system'");
            }
            await Task.Delay(2);
            var seen = ChatMachinery.Shown(generation);
            (await replica.ChunksAsync(generation.Id)).ShouldStartWith(seen); // seen ⊆ stored, at every moment
            shown.Enqueue(seen);
        }
        await Eventually.TrueAsync(() => generation.Text.Committed == generation.Text.Written, "all is committed");
        (await replica.ChunksAsync(generation.Id)).ShouldBe(string.Concat(Enumerable.Range(0, 300).Select(i => $"{i},")));
        shown.Distinct().Count().ShouldBeGreaterThan(10);
    }

    /// <summary>
    /// The batch is divided, and each part is written once, with what was appended meanwhile behind it; the one at fault is cut.
    /// </summary>
    [Fact]
    public async Task Commit_RejectedForItsData_CutsTheOneAtFault_OthersHaveNoGapAndNoDouble()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        await replica.ExecuteAsync("ALTER TABLE generation_chunks ADD CONSTRAINT no_bad CHECK (body NOT LIKE 'bad%')");
        var generations = new List<RunningGeneration>();
        for (var i = 0; i < 9; i++)
            generations.Add(await replica.BeginAsync());
        foreach (var (i, generation) in generations.Index())
        {
            generation.Text.Append(i == 4 ? "bad " : "good ");
            replica.Journal.Enqueue(generation);
        }
        await Eventually.TrueAsync(() => generations[0].Text.Committed > 0, "those before it are written");
        foreach (var generation in generations)
        {
            generation.Text.Append("more");
            replica.Journal.Enqueue(generation);
        }

        await Eventually.TrueAsync(() => generations[4].Text.IsCut, "the one at fault is rejected");
        await Eventually.TrueAsync(() => generations.TrueForAll(g => g.Text.Committed == g.Text.Written), "all others are written");
        ChatMachinery.Shown(generations[4]).ShouldBe("");
        foreach (var (i, generation) in generations.Index())
        {
            // On a busy machine the sweep has ended it by now, since no runner runs it: then it is in its message.
            var chunks = await replica.ChunksAsync(generation.Id);
            (chunks.Length > 0 ? chunks : (await replica.MessageAsync(generation.Id)).Content).ShouldBe(i == 4 ? "" : "good more");
        }
    }

    [Fact]
    public async Task Close_CompactsExactlyOnce()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var generation = await replica.BeginAsync();
        foreach (var piece in (string[])["First, ", "第二 ", "😀 ", "third."])
            await replica.WriteAsync(generation, piece);
        var end = new AnswerEnd(AnswerStatus.Complete, FinishReasons.Stop, new Usage(1, 2, 3));

        (await replica.Rows.CloseAsync(generation.Id, generation.Owner, 1, end, default)).ShouldBe(generation.Text.Committed);
        (await replica.Rows.CloseAsync(generation.Id, generation.Owner, 1, end, default)).ShouldBeNull();

        (await replica.MessageAsync(generation.Id)).ShouldBe((AnswerStatus.Complete, FinishReasons.Stop, "First, 第二 😀 third."));
        (await replica.ScalarAsync("SELECT count(*) FROM generation_chunks")).ShouldBe(0L);
    }
}
