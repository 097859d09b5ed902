namespace Lyceum.ServiceDefaults.Shares;

/// <summary>
/// A bound that all callers use together (places, bytes), divided so that nobody can take all of it: neither one
/// person, nor one tenant with all its people. Nothing is set aside for those who do not come: a caller may hold k
/// times what then stays free, k = share / (1 - share). Alone it gets its share of the whole; the more others use, the
/// less it may add, and something stays free for the next one (docs/adr/0033). Whoever holds nothing may always take,
/// while there is room within its tenant. Any thread.
/// </summary>
/// <param name="capacity">Of all together. Exceeded only where nothing can be refused.</param>
public sealed class SharedBound(long capacity, ShareOptions shares)
{
    private readonly Lock _lock = new(); // around all below
    private readonly Dictionary<string, long> _ofTenants = [];
    private readonly Dictionary<(string Tenant, string Person), long> _ofPeople = [];

    // Those who wait, each with what it waits for. Who was served last is at the end: places go around among people,
    // however many requests one of them has waiting.
    private readonly LinkedList<(Sharer Who, Queue<Waiter> Waiters)> _turns = new();
    private long _used;

    /// <summary>Of all together. A change counts from the next taking on.</summary>
    public long Capacity { get; set; } = capacity;

    /// <summary>Held by all together.</summary>
    public long Used
    {
        get
        {
            lock (_lock)
                return _used;
        }
    }

    /// <summary>Held by one person.</summary>
    public long HeldBy(string tenant, string person)
    {
        lock (_lock)
            return _ofPeople.GetValueOrDefault((tenant, person));
    }

    /// <summary>Takes until disposed.</summary>
    /// <returns>Null: it is full, or the caller holds as much as it may at this moment.</returns>
    public Held? TryTake(Sharer who, long amount = 1)
    {
        lock (_lock)
        {
            if (!MayTake(who, amount))
                return null;
            Add(who, amount);
            return new Held(this, who, amount);
        }
    }

    /// <summary>Takes where it cannot be refused, also beyond the capacity, until disposed.</summary>
    public Held Take(Sharer who, long amount = 1)
    {
        Change(who, amount);
        return new Held(this, who, amount);
    }

    /// <summary>Takes one, as soon as there is one for this caller.</summary>
    public ValueTask<Held> TakeAsync(Sharer who, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        lock (_lock)
        {
            if (MayTake(who, 1))
            {
                Add(who, 1);
                return new(new Held(this, who, 1));
            }
            waiter = new();
            Enqueue(who, waiter);
        }
        return WaitAsync(waiter, cancellationToken);
    }

    private static async ValueTask<Held> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        // What was given at the same moment as it was cancelled is taken: the completion decides which came first.
        await using (cancellationToken.UnsafeRegister(
            static (waiter, cancelled) => ((Waiter)waiter!).TrySetCanceled(cancelled), waiter))
            return await waiter.Task;
    }

    private bool MayTake(Sharer who, long amount)
    {
        var free = Capacity - _used - amount;
        if (free < 0)
            return false;
        var own = who.ShareOf(shares);
        return IsWithin(own, _ofPeople.GetValueOrDefault((who.Tenant, who.Person)))
            && IsWithin(Math.Max(own, shares.Tenant), _ofTenants.GetValueOrDefault(who.Tenant));

        // share / (1 - share) * free, without the division.
        bool IsWithin(double share, long held) =>
            held == 0 || share >= 1 || (held + amount) * (1 - share) <= share * free + 1e-6;
    }

    private void Add(Sharer who, long amount)
    {
        _used += amount;
        Add(_ofTenants, who.Tenant, amount);
        Add(_ofPeople, (who.Tenant, who.Person), amount);

        static void Add<TKey>(Dictionary<TKey, long> held, TKey key, long amount) where TKey : notnull
        {
            var now = held.GetValueOrDefault(key) + amount;
            if (now == 0)
                held.Remove(key);
            else
                held[key] = now;
        }
    }

    private void Enqueue(Sharer who, Waiter waiter)
    {
        for (var turn = _turns.First; turn is not null; turn = turn.Next)
        {
            if (turn.Value.Who == who)
            {
                turn.Value.Waiters.Enqueue(waiter);
                return;
            }
        }
        _turns.AddLast((who, new Queue<Waiter>([waiter])));
    }

    private void Change(Sharer who, long amount)
    {
        lock (_lock)
        {
            Add(who, amount);
            if (amount < 0)
                Serve();
        }
    }

    private bool TryAdd(Sharer who, long amount)
    {
        lock (_lock)
        {
            if (!MayTake(who, amount))
                return false;
            Add(who, amount);
            return true;
        }
    }

    /// <summary>Gives what is free to those who wait for it.</summary>
    private void Serve()
    {
        for (var turn = _turns.First; turn is not null && _used < Capacity;)
        {
            var (next, (who, waiters)) = (turn.Next, turn.Value);
            while (waiters.TryPeek(out var gone) && gone.Task.IsCompleted)
                waiters.Dequeue(); // cancelled
            if (waiters.Count > 0 && MayTake(who, 1) && waiters.Dequeue().TrySetResult(new Held(this, who, 1)))
            {
                Add(who, 1);
                _turns.Remove(turn);
                if (waiters.Count > 0)
                    _turns.AddLast(turn);
                next = _turns.First; // those before it may not take less than before
            }
            else if (waiters.Count == 0)
            {
                _turns.Remove(turn);
            }
            turn = next;
        }
    }

    private sealed class Waiter() : TaskCompletionSource<Held>(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What one caller holds of the bound, until disposed.</summary>
    public sealed class Held : IDisposable
    {
        private readonly Sharer _who;
        private SharedBound? _bound;
        private long _amount;

        internal Held(SharedBound bound, Sharer who, long amount) => (_bound, _who, _amount) = (bound, who, amount);

        /// <summary>More of it, by the same rule. Not at the same time as another call.</summary>
        public bool TryGrow(long amount)
        {
            if (_bound is not { } bound || !bound.TryAdd(_who, amount))
                return false;
            _amount += amount;
            return true;
        }

        /// <summary>More or less, where it cannot be refused. Not at the same time as another call.</summary>
        public void Resize(long change)
        {
            if (_bound is not { } bound)
                return;
            _amount += change;
            bound.Change(_who, change);
        }

        public void Dispose() => Interlocked.Exchange(ref _bound, null)?.Change(_who, -_amount);
    }
}
