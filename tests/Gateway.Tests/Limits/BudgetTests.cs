using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Limits;
using Lyceum.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Lyceum.Tests.Gateway.Tests.Limits;

/// <summary>Budgets on a real database: several objects on one account are several replicas.</summary>
public sealed class BudgetTests(BudgetTests.Database database) : IClassFixture<BudgetTests.Database>
{
    private readonly BudgetAccount _account = new($"key:{Guid.NewGuid():N}", BudgetUnit.Requests);
    private readonly BudgetStore _store = database.Gateway.Services.GetRequiredService<BudgetStore>();

    private ReplicaBudgets Local => database.Gateway.Services.GetRequiredService<ReplicaBudgets>();

    /// <summary>A gateway with a database, of which these tests use the parts.</summary>
    public sealed class Database(PostgresFixture postgres) : IAsyncLifetime
    {
        private readonly IdentityFolder _identity = new("gateway");

        public TestGateway Gateway { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Gateway = TestGateway.Start(_identity, new() { ["ConnectionStrings:gatewaydb"] = await postgres.CreateDatabaseAsync() });
            await Gateway.Services.GetRequiredService<DatabaseReady>().WaitAsync(TestContext.Current.CancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            await Gateway.DisposeAsync();
            _identity.Dispose();
        }
    }

    private Budget Replica(TimeProvider? time = null) => new(_account, _store, time ?? TimeProvider.System, NullLogger<Budget>.Instance);

    private static async Task<bool> TakeAsync(Budget budget, long limit, long units = 1, BudgetPeriod period = BudgetPeriod.Total) =>
        (await budget.ReserveAsync(units, limit, period, TestContext.Current.CancellationToken)).Answer == Reserved.Granted;

    private async Task<long> TakenAsync(string period = "total") =>
        (await _store.TakenAsync([(_account, period)], TestContext.Current.CancellationToken))[0];

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    public async Task ManyCallersOnThreeReplicas_GetExactlyTheBudget(int limit)
    {
        var replicas = new[] { Replica(), Replica(), Replica() };
        var granted = 0;
        await Parallel.ForAsync(0, limit + 300, new ParallelOptions { MaxDegreeOfParallelism = 256 }, async (i, _) =>
        {
            if (await TakeAsync(replicas[i % 3], limit))
                Interlocked.Increment(ref granted);
        });

        granted.ShouldBe(limit);
        (await TakenAsync()).ShouldBe(limit);
        replicas.Sum(replica => replica.Unspent).ShouldBe(0);
    }

    [Fact]
    public async Task FarFromTheEnd_MostRequestsAskNoDatabase()
    {
        var budget = Replica();
        for (var i = 0; i < 2000; i++)
            (await TakeAsync(budget, 1_000_000)).ShouldBeTrue();

        (await TakenAsync()).ShouldBeInRange(2000, 100_000);
        budget.Blocks.ShouldBeLessThan(200);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(63, 0)]
    [InlineData(320, 9)]
    [InlineData(1_000_000, 7)]
    public async Task Block_OfOneRequest_IsSmall_AndAtMostA32ndOfWhatIsLeft(long limit, long atMost)
    {
        var budget = Replica();
        (await TakeAsync(budget, limit)).ShouldBeTrue();
        budget.Unspent.ShouldBeLessThanOrEqualTo(Math.Max(atMost, 9)); // a slow second brings no more than it asked for
        budget.Unspent.ShouldBeLessThanOrEqualTo(limit / 32);
    }

    /// <summary>Whatever replicas do, and whenever they die: never more is admitted than there is, and what is lost is what the dead held.</summary>
    [Fact]
    public async Task AnyHistoryOfTakingSettlingAndDying_NeverGivesMoreThanThereIs()
    {
        for (var seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            var limit = random.Next(1, 3000);
            var (period, used, lost) = ((BudgetPeriod)random.Next(4), 0L, 0L);
            var account = new BudgetAccount($"{_account.Account}{seed}", BudgetUnit.ModelTokens);
            Budget New() => new(account, _store, TimeProvider.System, NullLogger<Budget>.Instance);
            var replicas = new[] { New(), New(), New() };
            for (var step = 0; step < 60; step++)
            {
                var at = random.Next(replicas.Length);
                switch (random.Next(10))
                {
                    case 0: // dies
                        await replicas[at].Refilled;
                        lost += replicas[at].Unspent;
                        replicas[at] = New();
                        break;
                    case 1: // gives back
                        var (released, units) = replicas[at].Release(idle: null);
                        await _store.GiveBackAsync(account, released, units, TestContext.Current.CancellationToken);
                        break;
                    default:
                        var want = random.Next(1, 60);
                        var (answer, span) = await replicas[at].ReserveAsync(want, limit, period, TestContext.Current.CancellationToken);
                        if (answer != Reserved.Granted)
                        {
                            step = 60;
                            break;
                        }
                        var spent = random.Next(0, want + 1);
                        used += spent;
                        var rest = replicas[at].GiveBack(want - spent, span);
                        await _store.GiveBackAsync(account, span, rest, TestContext.Current.CancellationToken);
                        break;
                }
            }

            await Task.WhenAll(replicas.Select(replica => replica.Refilled));
            var name = BudgetSpan.Of(period, DateTimeOffset.UtcNow).Name;
            var taken = (await _store.TakenAsync([(account, name)], TestContext.Current.CancellationToken))[0];
            used.ShouldBeLessThanOrEqualTo(limit, $"seed {seed}");
            taken.ShouldBe(used + lost + replicas.Sum(replica => replica.Unspent), $"seed {seed}");
        }
    }

    [Fact]
    public async Task BlockOfAnotherReplica_ComesBackWhenTheBudgetIsEmpty()
    {
        var (here, there) = (Replica(), Local.Get(_account));
        (await TakeAsync(there, 1000)).ShouldBeTrue();
        there.Unspent.ShouldBeGreaterThan(0);

        for (var i = 0; i < 999; i++)
            (await TakeAsync(here, 1000)).ShouldBeTrue($"at {i}");
        (await TakeAsync(here, 1000)).ShouldBeFalse();
        (await TakenAsync()).ShouldBe(1000);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task IdleBlock_GoesBack_AndAllOfItAtTheEnd()
    {
        var budget = Local.Get(_account);
        (await TakeAsync(budget, 1_000_000)).ShouldBeTrue();
        (await TakenAsync()).ShouldBeGreaterThan(1);
        await Eventually.TrueAsync(async () => await TakenAsync() == 1, "the rest is given back");

        (await TakeAsync(budget, 1_000_000)).ShouldBeTrue();
        (await TakenAsync()).ShouldBeGreaterThan(2);
        var end = new ReplicaBudgets(_store, TimeProvider.System,
            NullLogger<ReplicaBudgets>.Instance, NullLoggerFactory.Instance);
        (await TakeAsync(end.Get(_account), 1_000_000)).ShouldBeTrue();
        await end.StopAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(async () => await TakenAsync() == 3, "also at the end");
    }

    [Fact]
    public async Task NewPeriod_IsAFullBudget_AndWhatTheOldOneHeldIsNotSpentInIt()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 12, 31, 23, 59, 59, 999, TimeSpan.Zero));
        var budget = Replica(time);
        (await TakeAsync(budget, 500, period: BudgetPeriod.Day)).ShouldBeTrue();
        var (_, old) = await budget.ReserveAsync(3, 500, BudgetPeriod.Day, TestContext.Current.CancellationToken);
        budget.Unspent.ShouldBeGreaterThan(0);

        time.Advance(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 500; i++)
            (await TakeAsync(budget, 500, period: BudgetPeriod.Day)).ShouldBeTrue($"at {i}");
        (await TakenAsync("2027-01-01")).ShouldBe(500);

        budget.GiveBack(3, old).ShouldBe(3); // is the database's, not the new day's
        budget.Unspent.ShouldBe(0);
    }

    [Fact]
    public async Task ReservationLargerThanWhatIsLeft_LeavesItToSmallerOnes()
    {
        var budget = Replica();
        (await TakeAsync(budget, 100, 60)).ShouldBeTrue();
        (await TakeAsync(budget, 100, 60)).ShouldBeFalse();
        (await TakeAsync(budget, 100, 101)).ShouldBeFalse();
        (await TakeAsync(budget, 100, 40)).ShouldBeTrue();
    }

    [Fact]
    public async Task CancelledReservation_TakesNothing()
    {
        var budget = Replica();
        (await TakeAsync(budget, 1)).ShouldBeTrue();
        using var cancel = new CancellationTokenSource();
        var waiting = budget.ReserveAsync(1, 1, BudgetPeriod.Total, cancel.Token); // waits for what others might give back
        await cancel.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(async () => await waiting);

        budget.GiveBack(1, BudgetSpan.Of(BudgetPeriod.Total, DateTimeOffset.UtcNow));
        (await TakeAsync(budget, 1)).ShouldBeTrue();
    }

    [Theory]
    [InlineData("Hour", "2024-02-29T23:59:59.9999999Z", "2024-02-29T23", "2024-03-01T00:00:00Z")]
    [InlineData("Day", "2024-02-29T00:00:00Z", "2024-02-29", "2024-03-01T00:00:00Z")]
    [InlineData("Day", "2024-03-01T00:30:00+01:00", "2024-02-29", "2024-03-01T00:00:00Z")]
    [InlineData("Month", "2024-12-31T23:59:59Z", "2024-12", "2025-01-01T00:00:00Z")]
    public void Period_IsTheCalendars_InUtc(string kind, string now, string name, string end)
    {
        var period = Enum.Parse<BudgetPeriod>(kind);
        var span = BudgetSpan.Of(period, DateTimeOffset.Parse(now));
        (span.Name, span.End).ShouldBe((name, DateTimeOffset.Parse(end)));
        span.Contains(DateTimeOffset.Parse(now)).ShouldBeTrue();
        span.Contains(span.End).ShouldBeFalse();
        BudgetSpan.Of(period, span.End).Start.ShouldBe(span.End);
    }
}
