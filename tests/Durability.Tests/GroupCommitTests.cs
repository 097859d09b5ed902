using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Tests.Support.Postgres;
using Microsoft.Extensions.Diagnostics.HealthChecks;
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

    /// <summary>A process may be told to stop before its loops have begun to run.</summary>
    [Fact]
    public async Task Items_OfALoopThatIsStoppedBeforeItRuns_AreAbandoned()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        using var stopping = new CancellationTokenSource();
        await stopping.CancelAsync();
        await writer.StartAsync(stopping.Token);
        var written = writer.WriteAsync(1);
        await writer.StopAsync(default);

        (await written.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken)).ShouldBe("abandoned");
        (await writer.WriteAsync(2).WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken)).ShouldBe("refused");
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
        await Eventually.TrueAsync(() => Task.FromResult(writer.Retries > 0), "the commit is retried");
        var queued = writer.WriteAsync(2);
        await writer.StopAsync(default);

        (await waiting).ShouldBe("abandoned");
        (await queued).ShouldBe("abandoned");
        (await writer.WriteAsync(3)).ShouldBe("refused");
    }

    /// <summary>What a class of failures must do to the one item at fault, to the others, and to health.</summary>
    public static TheoryData<string, string> Classes() => new()
    {
        { "22021", "rejected" }, { "22P05", "rejected" }, { "22003", "rejected" }, { "23505", "rejected" },
        { "23514", "rejected" }, { "54000", "rejected" },
        { "XX000", "held" }, { "P0001", "held" }, { "58030", "held" },
        { "42P01", "kept" }, { "42501", "kept" }, { "0A000", "kept" }, { "28000", "kept" }, { "3D000", "kept" },
        { "08006", "waits" }, { "25006", "waits" }, { "40001", "waits" }, { "40P01", "waits" }, { "53300", "waits" },
        { "53200", "waits" }, { "57014", "waits" }, { "57P03", "waits" }, { "55P03", "waits" },
    };

    [Theory]
    [MemberData(nameof(Classes))]
    public async Task Commit_RefusedWithACode_FailsKeepsOrHoldsWhatItMust(string sqlState, string outcome)
    {
        await using var database = await server.CreateAsync();
        await database.ExecuteAsync(Refusal.Of("items", "NEW.body = 'marked'", sqlState));
        var time = new ManualTime();
        using var writer = new ItemWriter(database.Source, time);
        var written = Enumerable.Range(0, 21).Select(id => writer.WriteAsync(id, id == 13 ? "marked" : "good")).ToList();
        await writer.StartAsync(default);

        var marked = written[13];
        var others = written.Where(task => task != marked).ToList();
        if (outcome is "rejected" or "held")
            (await Task.WhenAll(others).WaitAsync(Eventually.Limit)).ShouldAllBe(result => result == "written");
        else
            await Eventually.TrueAsync(() => Task.FromResult(writer.Retries > 0), "it is retried");
        if (outcome == "rejected")
        {
            (await marked).ShouldBe("rejected");
            await Eventually.TrueAsync(async () => await writer.HealthAsync(time) == "Healthy", "it gets on");
            await writer.StopAsync(default);
            return;
        }
        await Eventually.TrueAsync(() => Task.FromResult(writer.Retries > 0), "it is retried");
        marked.IsCompleted.ShouldBeFalse();
        (await writer.HealthAsync(time)).ShouldBe(outcome == "waits" ? "Degraded" : $"Unhealthy {sqlState}");
        // The other thing that is written meanwhile.
        if (outcome == "held")
            (await writer.WriteAsync(99, "good").WaitAsync(Eventually.Limit)).ShouldBe("written");

        await database.ExecuteAsync(Refusal.Lifted("items"));
        (await Task.WhenAll(written).WaitAsync(Eventually.Limit)).ShouldAllBe(result => result == "written");
        (await database.ScalarAsync("SELECT count(*) FROM items WHERE id < 50")).ShouldBe(21L);
        await Eventually.TrueAsync(async () => await writer.HealthAsync(time) == "Healthy", "it gets on");
        await writer.StopAsync(default);
    }

    /// <summary>The driver refuses half of a surrogate pair before it asks the database.</summary>
    [Fact]
    public async Task Commit_ItemWithHalfAPair_RejectedAlone()
    {
        await using var database = await server.CreateAsync();
        using var writer = new ItemWriter(database.Source);
        var written = Enumerable.Range(0, 9).Select(id => writer.WriteAsync(id, id == 4 ? "\ud83d" : "good")).ToList();
        await writer.StartAsync(default);

        var results = await Task.WhenAll(written).WaitAsync(Eventually.Limit);
        results.Count(result => result == "written").ShouldBe(8);
        results[4].ShouldBe("rejected");
        await writer.StopAsync(default);
    }

    [Fact]
    public void Failure_OfTheDriver_IsOneOfTheConnection()
    {
        DatabaseFailures.Of(new NpgsqlException("broken")).ShouldBe(DatabaseFailure.Connection);
        DatabaseFailures.Of(new TimeoutException()).ShouldBe(DatabaseFailure.Connection);
        DatabaseFailures.Of(new IOException()).ShouldBe(DatabaseFailure.Connection);
        DatabaseFailures.Of(new InvalidOperationException()).ShouldBe(DatabaseFailure.Unknown);
        DatabaseFailures.Of(new InvalidOperationException("", new PostgresException("", "", "", "40001")))
            .ShouldBe(DatabaseFailure.Connection);

        Transient.IsTransient(new NpgsqlException("No suitable host was found.")).ShouldBeTrue();
        Transient.IsTransient(new PostgresException("", "", "", "25006")).ShouldBeTrue();
        Transient.IsTransient(new PostgresException("", "", "", "57014")).ShouldBeFalse("it would take too long again");
        Transient.IsTransient(new PostgresException("", "", "", "22021")).ShouldBeFalse();
        Transient.IsTransient(new TimeoutException()).ShouldBeFalse();
    }

    private sealed record Item(int Id, string Body)
    {
        public TaskCompletionSource<string> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Goes by itself, and further when a test says so.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private long _ahead;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ahead, (long)(by.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _ahead);
    }

    private sealed class ItemWriter : GroupCommit<Item>
    {
        private readonly LoopProgress _progress;

        public ItemWriter(SystemDataSource source, TimeProvider? time = null)
            : this(source, time ?? TimeProvider.System, TestDatabase.Progress(time ?? TimeProvider.System))
        {
        }

        private ItemWriter(SystemDataSource source, TimeProvider time, LoopProgress progress)
            : base(source, TestDatabase.Ready(), progress, time, NullLogger.Instance) => _progress = progress;

        /// <summary>The status that <c>/health</c> has eleven seconds from now, with the code it names.</summary>
        public async Task<string> HealthAsync(ManualTime time)
        {
            time.Advance(TimeSpan.FromSeconds(11));
            var result = await new WritingHealth(_progress).CheckHealthAsync(new());
            var code = result.Description?.Split("SQLSTATE ") is [_, var named] ? named.TrimEnd(')') : "";
            return result.Status == HealthStatus.Unhealthy ? $"{result.Status} {code}" : result.Status.ToString();
        }

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

        protected override void Reject(Item item, Exception reason) => item.Result.TrySetResult("rejected");

        protected override bool GiveUp(Exception reason)
        {
            Batch.ForEach(item => item.Result.SetResult("given up"));
            return true;
        }

        protected override void Abandon(Item item) => item.Result.TrySetResult("abandoned");
    }
}
