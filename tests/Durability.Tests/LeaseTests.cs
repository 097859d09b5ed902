using System.Collections.Concurrent;
using Lyceum.Durability.Leases;
using Lyceum.ServiceDefaults.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Lyceum.Tests.Durability.Tests;

public sealed class LeaseTests(TestServer server)
{
    [Fact]
    public async Task Sweep_ExpiredOwner_RowDeletedBeforeItsWorkIsClaimed()
    {
        await using var database = await server.CreateAsync();
        var (dead, living) = (Guid.NewGuid(), Guid.NewGuid());
        await database.ExecuteAsync(
            "INSERT INTO owners VALUES ($1, now() - interval '1 minute'), ($2, now() + interval '1 minute')", dead, living);
        var work = new Work(() => database.ScalarAsync("SELECT count(*) FROM owners WHERE id = $1", dead));
        using var keeper = Keeper(database, work);
        await keeper.StartAsync(default);

        await Eventually.TrueAsync(() => Task.FromResult(!work.Claims.IsEmpty), "orphans are claimed");
        work.Claims.ShouldAllBe(seen => seen.Owner == keeper.OwnerId && (long)seen.Found! == 0);
        (await database.ScalarAsync("SELECT count(*) FROM owners WHERE id = $1", living)).ShouldBe(1L);
        await keeper.StopAsync(default);
    }

    [Fact]
    public async Task Lease_RowGone_WorkDroppedAndNewOwnerRegistered()
    {
        await using var database = await server.CreateAsync();
        var work = new Work();
        using var keeper = Keeper(database, work);
        await keeper.StartAsync(default);
        await Eventually.TrueAsync(() => Task.FromResult(keeper.IsHeld), "the lease is held");
        var lost = keeper.OwnerId;
        await database.ExecuteAsync("DELETE FROM owners");

        await Eventually.TrueAsync(
            () => Task.FromResult(keeper.OwnerId != lost && keeper.IsHeld), "a new owner is registered");
        work.Lost.ShouldBe([lost]);
        (await database.ScalarAsync("SELECT id FROM owners")).ShouldBe(keeper.OwnerId);
        await keeper.StopAsync(default);
    }

    [Fact]
    public async Task Lease_ConnectionsKilled_HeldOnAndNothingSweptForOneLease()
    {
        await using var database = await server.CreateAsync();
        var work = new Work();
        using var keeper = Keeper(database, work);
        await keeper.StartAsync(default);
        await Eventually.TrueAsync(() => Task.FromResult(!work.Claims.IsEmpty), "orphans are claimed");
        var owner = keeper.OwnerId;

        await database.KillConnectionsAsync();
        await database.KillConnectionsAsync();
        var before = work.Claims.Count;
        await Eventually.TrueAsync(() => Task.FromResult(work.Claims.Count > before + 2), "it sweeps again");
        keeper.OwnerId.ShouldBe(owner);
        work.Lost.ShouldBeEmpty();
        await keeper.StopAsync(default);
    }

    [Fact]
    public async Task Drain_HandsOverBeforeTheLeaseIsReleased()
    {
        await using var database = await server.CreateAsync();
        var work = new Work(() => database.ScalarAsync("SELECT count(*) FROM owners"));
        using var keeper = Keeper(database, work);
        await keeper.StartAsync(default);
        await Eventually.TrueAsync(() => Task.FromResult(keeper.IsHeld), "the lease is held");

        var drain = new LeaseDrain(work, keeper, Options.Create(new DrainOptions()), NullLogger<LeaseDrain>.Instance);
        await drain.StoppingAsync(default);
        work.FoundAtHandOver.ShouldBe(1L);
        (await database.ScalarAsync("SELECT count(*) FROM owners")).ShouldBe(0L);
    }

    [Fact]
    public async Task Clock_UntilTheFirstRenewal_IsNotFresh()
    {
        await using var database = await server.CreateAsync();
        var clock = new LeaseClock(TimeProvider.System);
        clock.IsFresh.ShouldBeFalse();
        using var keeper = Keeper(database, new Work(), clock);
        await keeper.StartAsync(default);
        await Eventually.TrueAsync(() => Task.FromResult(clock.IsFresh), "the lease is renewed");
        await keeper.StopAsync(default);
        await Eventually.TrueAsync(() => Task.FromResult(!clock.IsFresh), "the lease is not renewed any more");
    }

    private static LeaseKeeper Keeper(TestDatabase database, ILeasedWork work, LeaseClock? clock = null) => new(
        database.Source, TestDatabase.Ready(), work, clock ?? new LeaseClock(TimeProvider.System),
        TestDatabase.Progress(TimeProvider.System),
        Options.Create(new LeaseOptions
        {
            Duration = TimeSpan.FromMilliseconds(600), Renewal = TimeSpan.FromMilliseconds(100),
        }),
        TimeProvider.System, NullLogger<LeaseKeeper>.Instance);

    private sealed class Work(Func<Task<object?>>? look = null) : ILeasedWork
    {
        public ConcurrentQueue<(Guid Owner, object? Found)> Claims { get; } = new();
        public ConcurrentQueue<Guid> Lost { get; } = new();
        public object? FoundAtHandOver { get; private set; }

        public async Task ClaimOrphansAsync(Guid owner, CancellationToken cancellationToken) =>
            Claims.Enqueue((owner, look is null ? null : await look()));

        public void OnLeaseLost(Guid owner) => Lost.Enqueue(owner);

        public async Task HandOverAsync(CancellationToken cancellationToken) =>
            FoundAtHandOver = look is null ? null : await look();
    }
}
