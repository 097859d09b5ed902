using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// All budgets of this replica, and the loop that gives back units that they hold and do not need: when another replica
/// wants them, when they are idle, and at shutdown. While no units are held it sends no statements.
/// </summary>
internal sealed partial class ReplicaBudgets(
    BudgetStore store, TimeProvider time, ILogger<ReplicaBudgets> logger, ILoggerFactory loggers) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan Forget = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Cleaning = TimeSpan.FromHours(6);

    /// <summary>
    /// Settlements that wait for the loop. When it is full they are dropped, and their units stay used.
    /// </summary>
    private readonly Channel<(BudgetAccount Account, BudgetSpan Period, long Units)> _settled =
        Channel.CreateBounded<(BudgetAccount, BudgetSpan, long)>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly ConcurrentDictionary<BudgetAccount, Budget> _budgets = new();

    public Budget Get(BudgetAccount account) =>
        _budgets.GetOrAdd(account, static (account, budgets) => budgets.Create(account), this);

    public void GiveBack(Budget budget, long units, BudgetSpan period)
    {
        if (units != 0 && budget.GiveBack(units, period) is var rest && rest != 0)
            _settled.Writer.TryWrite((budget.Account, period, rest));
    }

    /// <summary>Units of it that this replica holds and has not used.</summary>
    public long Unspent(BudgetAccount account, string period) =>
        _budgets.TryGetValue(account, out var budget) && budget.PeriodName == period ? budget.Unspent : 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await LoopAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Shutdown: StopAsync does the rest.
        }
    }

    private async Task LoopAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var (cleaned, forgot) = (time.GetTimestamp() - time.TimestampFrequency * (long)Cleaning.TotalSeconds, time.GetTimestamp());
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SettleAsync(stoppingToken);
                await ReleaseAsync(stoppingToken);
                if (time.GetElapsedTime(forgot) >= Forget)
                {
                    forgot = time.GetTimestamp();
                    ForgetIdle();
                }
                if (_budgets.IsEmpty || time.GetElapsedTime(cleaned) < Cleaning)
                    continue;
                cleaned = time.GetTimestamp();
                await store.ForgetAsync(time.GetUtcNow(), stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(e.Message);
            }
        }
    }

    /// <summary>Called after the server has ended all requests.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await SettleAsync(cancellationToken);
            foreach (var budget in _budgets.Values)
                await GiveBackAsync(budget, budget.Release(idle: null), cancellationToken);
        }
        catch (Exception e)
        {
            LogFailed(e.Message);
        }
    }

    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        // Summed, so that a hundred answers of one key are one statement.
        var sums = new Dictionary<(BudgetAccount Account, string Period), (BudgetSpan Period, long Units)>();
        while (_settled.Reader.TryRead(out var one))
        {
            var sum = sums.GetValueOrDefault((one.Account, one.Period.Name));
            sums[(one.Account, one.Period.Name)] = (one.Period, sum.Units + one.Units);
        }
        foreach (var (id, sum) in sums)
            await store.GiveBackAsync(id.Account, sum.Period, sum.Units, cancellationToken);
    }

    private async Task ReleaseAsync(CancellationToken cancellationToken)
    {
        var held = _budgets.Values.Where(budget => budget.Unspent > 0).ToList();
        if (held.Count == 0)
            return;
        var wanted = await store.WantedAsync([.. held.Select(budget => (budget.Account, budget.PeriodName))], cancellationToken);
        foreach (var budget in held)
            await GiveBackAsync(budget, budget.Release(wanted.Contains((budget.Account, budget.PeriodName)) ? null : Idle), cancellationToken);
    }

    /// <summary>Never retried: a failure loses the units, while a retry could give them back twice.</summary>
    private async Task GiveBackAsync(Budget budget, (BudgetSpan Period, long Units) released, CancellationToken cancellationToken)
    {
        if (released.Units > 0)
            await store.GiveBackAsync(budget.Account, released.Period, released.Units, cancellationToken);
    }

    private void ForgetIdle()
    {
        // A request that holds one of these at this moment takes a block that is then lost: at most one block.
        foreach (var (account, budget) in _budgets)
        {
            if (budget.IsIdle(Forget))
                _budgets.TryRemove(account, out _);
        }
    }

    private Budget Create(BudgetAccount account) => new(account, store, time, loggers.CreateLogger<Budget>());

    [LoggerMessage(LogLevel.Warning, "Budgets: giving back unused units failed: {Reason}")]
    private partial void LogFailed(string reason);
}
