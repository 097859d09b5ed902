using System.Net;
using System.Net.Sockets;
using Lyceum.ChatApi.Data;
using Lyceum.ChatApi.Writing;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;

namespace Lyceum.Tests.ChatApi;

/// <summary>Ownership: what a dead process was writing ends, promptly and with everything that was shown.</summary>
public sealed class LeaseTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Sweep_DeadOwnerAndDeadEngine_AnswerInterruptedWithItsPart()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var dead = Guid.CreateVersion7();
        await replica.ExecuteAsync("INSERT INTO owners VALUES ($1, clock_timestamp() + interval '1 second')", dead);
        var orphan = await replica.BeginAsync(dead);
        await replica.ExecuteAsync("INSERT INTO generation_chunks VALUES ($1, 0, 'what was '), ($1, 9, 'shown')", orphan.Id);

        await Eventually.TrueAsync(
            async () => (await replica.MessageAsync(orphan.Id)).Status != AnswerStatus.Streaming, "the orphan is ended", 10);
        (await replica.MessageAsync(orphan.Id)).ShouldBe((AnswerStatus.Interrupted, FinishReasons.EngineLost, "what was shown"));
        (await replica.ScalarAsync("SELECT count(*) FROM owners WHERE id = $1", dead)).ShouldBe(0L);
    }

    [Fact]
    public async Task Question_RecordedByAnOwnerWithoutALease_RefusedWhole()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var first = await replica.RecordAsync(new(null, "one", false, null), replica.Lease.OwnerId);
        await replica.ExecuteAsync("UPDATE messages SET status = 'complete'"); // so that the next question may be asked
        await replica.ExecuteAsync("UPDATE generations SET ended_at = now()");

        // A replica that was stopped past its lease and serves a request before it finds out.
        foreach (var conversation in new Guid?[] { null, first.ConversationId })
        {
            var refused = await Should.ThrowAsync<ProblemException>(
                () => replica.RecordAsync(new(conversation, "two", false, "key"), Guid.CreateVersion7()));
            refused.Status.ShouldBe(503);
        }
        (await replica.ScalarAsync("SELECT count(*) FROM conversations")).ShouldBe(1L);
        (await replica.ScalarAsync("SELECT count(*) FROM messages")).ShouldBe(2L);
        (await replica.ScalarAsync("SELECT count(*) FROM idempotency_keys")).ShouldBe(0L);
    }

    [Fact]
    public async Task Sweep_LivingOwner_LeftAlone()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var one = await ChatMachinery.StartAsync(database);
        await using var other = await ChatMachinery.StartAsync(database);
        var generation = await one.BeginAsync();
        await one.WriteAsync(generation, "a");

        // Several sweeps of the other go by (each renewal of its lease is followed by one).
        var until = DateTime.UtcNow.AddSeconds(6);
        await Eventually.TrueAsync(() => DateTime.UtcNow > until, "time passes");
        await one.WriteAsync(generation, "b");
        (await other.MessageAsync(generation.Id)).Status.ShouldBe(AnswerStatus.Streaming);
        (await other.ChunksAsync(generation.Id)).ShouldBe("ab");
    }

    [Fact]
    public async Task LeaseLost_NewIdentityAndGoesOn()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var before = replica.Lease.OwnerId;
        await replica.ExecuteAsync("DELETE FROM owners WHERE id = $1", before);

        await Eventually.TrueAsync(() => replica.Lease.OwnerId != before && replica.Lease.IsHeld, "it has a new identity");
        var generation = await replica.BeginAsync();
        await replica.WriteAsync(generation, "under the new one");
    }

    [Fact]
    public async Task Sweep_OwnRowThatNobodyWrites_TakenUpAgain()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var lost = await replica.BeginAsync();
        await replica.ExecuteAsync("UPDATE generations SET started_at = now() - interval '1 minute' WHERE id = $1", lost.Id);

        await Eventually.TrueAsync(
            async () => (int)(await replica.ScalarAsync("SELECT epoch FROM generations WHERE id = $1", lost.Id))! == 2, "it is claimed");
        // Nobody is there to be asked; what counts is that somebody tried, and said so.
        await Eventually.TrueAsync(async () => (await replica.MessageAsync(lost.Id)).Status == AnswerStatus.Failed, "it is ended");
    }

    /// <summary>After a lost lease a process may claim what it wrote itself, while its former task is still on its way out.</summary>
    [Fact]
    public async Task TakeOver_OfWhatThisProcessWroteBefore_TheFormerTaskLeavesTheNewOneAlone()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var row = await replica.BeginAsync();
        // Its engine is away and is looked for for seconds: both tasks are there for as long.
        GenerationOrder Order(int epoch) => new(
            row.Id, row.ConversationId, row.Owner, epoch, row.Engine, null, "t", "o", false, Committed: "so far", Attach: true);
        var former = replica.Start(Order(1));
        replica.Runner.TakeOver(Order(2));
        former.Fenced.IsCancellationRequested.ShouldBeTrue();

        for (var i = 0; i < 50; i++)
        {
            replica.Runner.Find(row.Id).ShouldNotBeNull().Epoch.ShouldBe(2);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>No fence in the database holds back a request to an engine: a process that may have lost its lease sends none.</summary>
    [Fact]
    public async Task Engine_IsNotAskedWhileTheLeaseMayBeLost()
    {
        await using var replica = await ChatMachinery.StartAsync(await postgres.CreateDatabaseAsync());
        var row = await replica.BeginAsync();
        using var engine = new TcpListener(IPAddress.Loopback, 0);
        engine.Start();
        await using (var connection = await replica.Database.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand("SELECT 1 FROM owners FOR UPDATE", connection); // no renewal gets by
            await hold.ExecuteNonQueryAsync();
            await Eventually.TrueAsync(() => !replica.LeaseClock.IsFresh, "the lease is stale");

            replica.Start(new GenerationOrder(
                row.Id, row.ConversationId, row.Owner, 1, new Uri($"http://{engine.LocalEndpoint}"), [new("user", "?")], "t", "o", false));
            await Task.Delay(500, TestContext.Current.CancellationToken);
            engine.Pending().ShouldBeFalse();
            await transaction.RollbackAsync();
        }
        await Eventually.TrueAsync(engine.Pending, "it is asked once the lease is renewed");
    }

    /// <summary>The next engine is recorded before it is asked; a database that is away then delays it, no more.</summary>
    [Fact]
    public async Task Engine_LostWhileTheDatabaseIsAway_TheOtherIsAskedAfterwards()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        await using var replica = await ChatMachinery.StartAsync(
            await postgres.CreateDatabaseAsync(), ("services:gpu-engine:http:0", $"http://{other.LocalEndpoint}"));
        var row = await replica.BeginAsync(); // its engine refuses the connection
        await replica.ExecuteAsync("ALTER TABLE generations RENAME COLUMN engine_url TO out_of_reach");
        replica.Start(new GenerationOrder(
            row.Id, row.ConversationId, row.Owner, 1, row.Engine, [new("user", "?")], "t", "o", false));
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        replica.Runner.Find(row.Id).ShouldNotBeNull();
        other.Pending().ShouldBeFalse();

        await replica.ExecuteAsync("ALTER TABLE generations RENAME COLUMN out_of_reach TO engine_url");
        await Eventually.TrueAsync(other.Pending, "the other engine is asked");
    }

    [Fact]
    public async Task Stop_GivesTheLeaseBackAtOnce()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var observer = await ChatMachinery.StartAsync(database);
        var stopped = await ChatMachinery.StartAsync(database);
        var owner = stopped.Lease.OwnerId;
        await stopped.DisposeAsync();
        (await observer.ScalarAsync("SELECT count(*) FROM owners WHERE id = $1", owner)).ShouldBe(0L);
    }
}
