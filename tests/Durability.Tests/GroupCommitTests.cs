using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Tests.Durability.Tests;

public sealed class GroupCommitTests(TestServer server)
{
    [Fact]
    public async Task Items_QueuedBeforeTheStart_ShareOneCommit()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        var written = Enumerable.Range(0, 50).Select(id => writer.WriteAsync(id)).ToList();
        await writer.StartAsync(default);

        (await Task.WhenAll(written)).ShouldAllBe(result => result == "written");
        writer.Commits.ShouldBe([50]);
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Items_MoreThanABatch_WrittenInOrderOfArrival()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source) { Max = 20 };
        var written = Enumerable.Range(0, 50).Select(id => writer.WriteAsync(id)).ToList();
        await writer.StartAsync(default);

        await Task.WhenAll(written);
        writer.Commits.ShouldBe([20, 20, 10]);
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Item_ThatDoesNotFit_WrittenByALaterCommit()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        var first = writer.WriteAsync(1, "a");
        var second = writer.WriteAsync(1, "b"); // the same key: not in one batch
        var other = writer.WriteAsync(2, "c");
        await writer.StartAsync(default);

        await Task.WhenAll(first, second, other);
        writer.Commits.ShouldBe([2, 1]);
        (await database.ScalarAsync("SELECT body FROM items WHERE id = 1")).ShouldBe("b");
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Commit_ConnectionKilled_WrittenAgainOnANewOne()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        await writer.StartAsync(default);
        for (var id = 0; id < 10; id++)
        {
            (await writer.WriteAsync(id)).ShouldBe("written");
            await database.KillConnectionsAsync();
        }
        (await writer.WriteAsync(10)).ShouldBe("written");
        writer.Retries.ShouldBeGreaterThan(0);
        (await database.ScalarAsync("SELECT count(*) FROM items")).ShouldBe(11L);
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Commit_ConnectionFoundBrokenWhileIdle_WrittenOnANewOne()
    {
        await using var database = await server.CreateAsync(keepAlive: 1);
        using var writer = new ItemWriter(database.Source);
        await writer.StartAsync(default);
        (await writer.WriteAsync(1)).ShouldBe("written");
        await database.KillConnectionsAsync();
        await Task.Delay(TimeSpan.FromSeconds(2.5)); // Npgsql's own timer, which no test can replace

        (await writer.WriteAsync(2)).ShouldBe("written");

        await writer.StopAsync(default);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(31)]
    public async Task Commit_ItemWithBadData_RejectedAlone(int count)
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        var bad = count / 2;
        var written = Enumerable.Range(0, count)
            .Select(id => writer.WriteAsync(id, id == bad ? "bad" : "good")).ToList();
        await writer.StartAsync(default);

        var results = await Task.WhenAll(written);
        for (var id = 0; id < count; id++)
            results[id].ShouldBe(id == bad ? "rejected" : "written");
        (await database.ScalarAsync("SELECT count(*) FROM items")).ShouldBe(count - 1L);
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Commit_FailsAtEveryAttempt_GivenUpAndTheNextBatchIsWritten()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source) { Attempts = 2 };
        await writer.StartAsync(default);
        await database.ExecuteAsync("ALTER TABLE items RENAME TO hidden");
        (await writer.WriteAsync(1)).ShouldBe("given up");
        writer.Retries.ShouldBe(1);

        await database.ExecuteAsync("ALTER TABLE hidden RENAME TO items");
        (await writer.WriteAsync(2)).ShouldBe("written");
        await writer.StopAsync(default);
    }

    [Fact]
    public async Task Stop_WhileTheDatabaseRejectsEverything_WaitersAreReleased()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        await database.ExecuteAsync("ALTER TABLE items RENAME TO hidden");
        await writer.StartAsync(default);
        var waiting = writer.WriteAsync(1);
        await TestDatabase.UntilAsync(() => Task.FromResult(writer.Retries > 0), "the commit is retried");
        var queued = writer.WriteAsync(2);
        await writer.StopAsync(default);

        (await waiting).ShouldBe("abandoned");
        (await queued).ShouldBe("abandoned");
        (await writer.WriteAsync(3)).ShouldBe("refused");
    }

    [Theory]
    [InlineData("22P05", CommitFailure.Data)]
    [InlineData("23505", CommitFailure.Data)]
    [InlineData("54000", CommitFailure.Data)]
    [InlineData("42P01", CommitFailure.Outage)]
    [InlineData("57P01", CommitFailure.Outage)]
    public void Failure_OfThePostgresCode_Classified(string sqlState, CommitFailure expected) =>
        CommitFailures.Of(new PostgresException("", "ERROR", "ERROR", sqlState)).ShouldBe(expected);

    [Fact]
    public void Failure_OfTheConnection_IsAnOutage_AndAMistakeADefect()
    {
        CommitFailures.Of(new NpgsqlException("broken")).ShouldBe(CommitFailure.Outage);
        CommitFailures.Of(new TimeoutException()).ShouldBe(CommitFailure.Outage);
        CommitFailures.Of(new InvalidOperationException()).ShouldBe(CommitFailure.Defect);
    }

    private sealed record Item(int Id, string Body)
    {
        public TaskCompletionSource<string> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class ItemWriter(SystemDataSource source)
        : GroupCommit<Item>(source, TestDatabase.Ready(), TimeProvider.System, NullLogger.Instance)
    {
        public int Max { get; init; } = 100;
        public int Attempts { get; init; } = int.MaxValue;
        public int Retries { get; private set; }
        public List<int> Commits { get; } = [];

        protected override int MaxBatch => Max;
        protected override int MaxAttempts => Attempts;

        public Task<string> WriteAsync(int id, string body = "")
        {
            var item = new Item(id, body);
            return TryEnqueue(item) ? item.Result.Task : Task.FromResult("refused");
        }

        protected override Fit Fits(Item item) => Batch.Exists(other => other.Id == item.Id) ? Fit.Later : Fit.Take;

        protected override async Task WriteAsync(
            NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
        {
            await using var command = new NpgsqlCommand(
                """
                INSERT INTO items SELECT * FROM unnest($1, $2)
                ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body
                """, connection);
            command.Parameters.Add(new()
            {
                Value = Batch.ConvertAll(item => item.Id), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer,
            });
            command.Parameters.Add(new()
            {
                Value = Batch.ConvertAll(item => item.Body), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
            });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        protected override void OnCommitted(int items, TimeSpan elapsed) => Commits.Add(items);

        protected override void OnRetry() => Retries++;

        protected override void Release()
        {
            Batch.ForEach(item => item.Result.SetResult("written"));
            Batch.Clear();
        }

        protected override bool Reject(Item item, Exception reason) => item.Result.TrySetResult("rejected");

        protected override bool GiveUp(Exception reason)
        {
            Batch.ForEach(item => item.Result.SetResult("given up"));
            return true;
        }

        protected override void Abandon(Item item) => item.Result.TrySetResult("abandoned");
    }
}
