namespace Lyceum.Gateway.Limits;

/// <summary>The outcome of a reservation.</summary>
internal enum Reserved
{
    Granted,

    /// <summary>Too little remains in this period, on all replicas together.</summary>
    Exhausted,

    /// <summary>The database does not answer, and this replica holds too few units.</summary>
    Unavailable,

    /// <summary>Too many requests wait for the database already.</summary>
    Overloaded,
}

/// <summary>
/// One budget on this replica: a block of units that were taken from the database and that only this process may spend.
/// <para>
/// The database counts a block as used when it is taken, and only the replica that holds it may give units of it back.
/// So no clock, crash or pause of a process can let two replicas spend the same unit. What a killed replica held is
/// lost to the callers, so a block is small: what one second or eight requests use, and at most a 32nd of what remains.
/// Near the end of a budget a block is what the requests that wait here need. Idle units are given back, at once when
/// another replica finds none (<see cref="ReplicaBudgets"/>).
/// </para>
/// </summary>
internal sealed partial class Budget(BudgetAccount account, BudgetStore store, TimeProvider time, ILogger<Budget> logger)
{
    /// <summary>Requests that wait for a block; further ones are rejected with 503.</summary>
    private const int MaxWaiting = 10_000;

    /// <summary>Far from the end of a budget a block is for at least so many requests.</summary>
    private const int FewestRequests = 8;

    /// <summary>
    /// How long requests wait for units that other replicas hold, once the budget is found empty; after that no request
    /// waits for <see cref="NoWaiting"/>.
    /// </summary>
    private static readonly TimeSpan WaitForOthers = TimeSpan.FromSeconds(0.75);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan NoWaiting = TimeSpan.FromSeconds(10);

    /// <summary>How long requests are rejected before the database is asked again.</summary>
    private static readonly TimeSpan Recheck = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();

    // All below: under the lock.
    private readonly LinkedList<Waiter> _waiting = [];
    private BudgetPeriod _kind;
    private BudgetSpan _period = new("", DateTimeOffset.MinValue, DateTimeOffset.MinValue);
    private long _limit;
    private long _available;
    private long _needed; // by the requests that wait
    private long _spent; // since the last block
    private long _block = 1; // what the last one was to be
    private bool _scarce; // it was less: from now on blocks are taken when they are needed, not ahead
    private bool _refilling;
    private long _blockAt;
    private long _usedAt;
    private (long Until, Reserved Answer) _rejecting;
    private long _noWaitingUntil;

    public BudgetAccount Account => account;

    /// <summary>How often the database was asked for a block.</summary>
    public long Blocks { get; private set; }

    /// <summary>Completed while no block is being taken.</summary>
    public Task Refilled { get; private set; } = Task.CompletedTask;

    /// <summary>Units held here and not used, of the current period.</summary>
    public long Unspent
    {
        get
        {
            lock (_lock)
                return _available;
        }
    }

    /// <summary>Takes <paramref name="units"/>, from the block at hand if it has them. Cancelled while it waits, it takes none.</summary>
    /// <returns>And the period they were taken from, to which they would be given back.</returns>
    public async ValueTask<(Reserved Answer, BudgetSpan Period)> ReserveAsync(
        long units, long limit, BudgetPeriod period, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_lock)
        {
            Enter(period);
            _limit = limit;
            if (_waiting.Count == 0 && units <= _available)
            {
                Spend(units);
                // Ahead of need, so that no request waits for the next block.
                if (!_scarce && !_refilling && _available < _block / 2)
                    StartRefill();
                return (Reserved.Granted, _period);
            }
            if (units > limit)
                return (Reserved.Exhausted, _period);
            if (_rejecting.Until > time.GetTimestamp())
                return (_rejecting.Answer, _period);
            if (_waiting.Count >= MaxWaiting)
                return (Reserved.Overloaded, _period);
            waiter = new Waiter(units);
            _waiting.AddLast(waiter);
            _needed += units;
            if (!_refilling)
                StartRefill();
        }

        await using var cancelling = cancellationToken.UnsafeRegister(_ => Cancel(waiter), null);
        return await waiter.Done.Task;
    }

    /// <summary>Settles a reservation: units of it that were not used come back, or more were (negative).</summary>
    /// <returns>
    /// What does not belong into the current block: <see cref="ReplicaBudgets"/> writes it to the database.
    /// </returns>
    public long GiveBack(long units, BudgetSpan period)
    {
        lock (_lock)
        {
            if (period.Name != _period.Name)
                return units;
            _spent -= Math.Min(units, _spent);
            var rest = Math.Min(0, _available + units);
            _available += units - rest;
            AdmitWaiting();
            return rest;
        }
    }

    /// <summary>Takes the units that are not needed here out of the block, to be given back.</summary>
    /// <param name="idle">Only if none was used for so long; null: always.</param>
    public (BudgetSpan Period, long Units) Release(TimeSpan? idle)
    {
        lock (_lock)
        {
            if (_available == 0 || _waiting.Count > 0 || (idle is { } limit && time.GetElapsedTime(_usedAt) < limit))
                return (_period, 0);
            var units = _available;
            _available = 0;
            _scarce = true; // the next block is for one second, and not taken ahead
            return (_period, units);
        }
    }

    /// <summary>Whether it holds nothing and was not used for so long that it may be forgotten.</summary>
    public bool IsIdle(TimeSpan idle)
    {
        lock (_lock)
            return _available == 0 && !_refilling && _waiting.Count == 0 && time.GetElapsedTime(_usedAt) >= idle;
    }

    public string PeriodName
    {
        get
        {
            lock (_lock)
                return _period.Name;
        }
    }

    /// <summary>A new period begins without units; what remains of the old period's block is dropped.</summary>
    private void Enter(BudgetPeriod period)
    {
        var now = time.GetUtcNow();
        if (_kind == period && _period.Contains(now))
            return;
        (_kind, _period) = (period, BudgetSpan.Of(period, now));
        (_available, _spent, _scarce) = (0, 0, false);
        (_rejecting, _noWaitingUntil, _blockAt) = (default, 0, time.GetTimestamp());
    }

    private void Spend(long units)
    {
        _available -= units;
        _spent += units;
        _usedAt = time.GetTimestamp();
    }

    private void StartRefill()
    {
        _refilling = true;
        Refilled = RefillAsync();
    }

    /// <summary>Takes blocks until no request waits. One runs at a time, started under the lock.</summary>
    private async Task RefillAsync()
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // out of the lock
        long emptySince = 0;
        while (true)
        {
            BudgetSpan period;
            long limit, needed, wanted;
            lock (_lock)
            {
                (period, limit, needed, wanted) = (_period, _limit, Math.Max(0, _needed - _available), NextBlock());
            }

            Blocks++;
            long granted;
            try
            {
                granted = await store.TakeAsync(account, period, limit, needed, wanted, CancellationToken.None);
            }
            catch (Exception e)
            {
                LogUnavailable(account.Account, account.Unit, e.Message);
                lock (_lock)
                    Reject(Reserved.Unavailable);
                return;
            }

            lock (_lock)
            {
                var now = time.GetTimestamp();
                if (period.Name == _period.Name) // else the period ended meanwhile, and the block with it
                {
                    _available += granted;
                    (_block, _spent, _blockAt, _scarce) = (wanted, 0, now, granted < Math.Max(wanted, needed));
                }
                AdmitWaiting();
                if (_waiting.Count == 0)
                {
                    _refilling = false;
                    return;
                }
                if (granted < needed && period.Name == _period.Name)
                {
                    emptySince = emptySince == 0 ? now : emptySince;
                    if (now < _noWaitingUntil || time.GetElapsedTime(emptySince, now) > WaitForOthers)
                    {
                        _noWaitingUntil = now + Ticks(NoWaiting);
                        Reject(Reserved.Exhausted);
                        return;
                    }
                }
            }
            if (emptySince != 0)
                await Task.Delay(Poll, time);
        }
    }

    /// <summary>As much as was spent in the last second, but at least for <see cref="FewestRequests"/>.</summary>
    private long NextBlock()
    {
        var seconds = Math.Max(0.1, time.GetElapsedTime(_blockAt).TotalSeconds);
        var typical = _waiting.First?.Value.Units ?? 1;
        return Math.Max(FewestRequests * typical, (long)Math.Min((_spent + _needed) / seconds, long.MaxValue / 2));
    }

    /// <summary>In order; a request for more than is available does not hold up those for less.</summary>
    private void AdmitWaiting()
    {
        for (var node = _waiting.First; node is not null && _available > 0;)
        {
            var (next, waiter) = (node.Next, node.Value);
            if (waiter.Units <= _available)
            {
                Spend(waiter.Units);
                Remove(node);
                waiter.Done.SetResult((Reserved.Granted, _period));
            }
            node = next;
        }
    }

    private void Reject(Reserved answer)
    {
        _rejecting = (time.GetTimestamp() + Ticks(Recheck), answer);
        while (_waiting.First is { } node)
        {
            Remove(node);
            node.Value.Done.SetResult((answer, _period));
        }
        _refilling = false;
    }

    private void Cancel(Waiter waiter)
    {
        lock (_lock)
        {
            if (_waiting.Find(waiter) is not { } node)
                return; // answered meanwhile
            Remove(node);
        }
        waiter.Done.SetCanceled();
    }

    private void Remove(LinkedListNode<Waiter> node)
    {
        _waiting.Remove(node);
        _needed -= node.Value.Units;
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private sealed class Waiter(long units)
    {
        public long Units => units;

        public TaskCompletionSource<(Reserved, BudgetSpan)> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(LogLevel.Warning, "Budget {Account} unavailable, no {Unit} can be taken: {Reason}")]
    private partial void LogUnavailable(string account, string unit, string reason);
}
