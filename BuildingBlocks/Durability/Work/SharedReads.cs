using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Durability.Work;

/// <summary>A piece of what is read, between two positions.</summary>
public readonly record struct Part<T>(long From, long To, T Value);

/// <summary>What one read found after a position.</summary>
/// <param name="IsFull">There may be more; it is read at once.</param>
/// <param name="End">Not null: nothing comes after these parts.</param>
public sealed record Page<TPart, TEnd>(IReadOnlyList<Part<TPart>> Parts, bool IsFull, TEnd? End = null)
    where TEnd : class;

/// <summary>What there is for a reader at its position.</summary>
public enum Next
{
    /// <summary>A part.</summary>
    Part,

    /// <summary>What it needs is not kept here: the reader reads it from the database itself.</summary>
    Behind,

    /// <summary>It has everything.</summary>
    End,

    /// <summary>Nothing yet: its signal will be set.</summary>
    Wait,
}

/// <summary>
/// Things that are followed in the database, each by one loop for all its readers in this process: it reads what comes
/// after the last it knows, when it is woken and every <paramref name="poll"/>, and keeps the latest parts. Readers take
/// them from memory, each at its own pace; one that has fallen behind reads the database until it has caught up. A loop
/// begins with the first reader of a thing and ends with the last.
/// </summary>
/// <param name="read">Reads after a position.</param>
/// <param name="watch">Has the signal set when there is something new, until disposed.</param>
public sealed class SharedReads<TKey, TPart, TEnd>(
    Func<TKey, long, CancellationToken, Task<Page<TPart, TEnd>>> read, Func<TKey, ReaderSignal, IWatch> watch,
    TimeSpan poll)
    where TKey : notnull
    where TEnd : class
{
    private const int Kept = 64; // parts

    private readonly Func<TKey, long, CancellationToken, Task<Page<TPart, TEnd>>> _read = read;
    private readonly Func<TKey, ReaderSignal, IWatch> _watch = watch;
    private readonly TimeSpan _poll = poll;
    private readonly Lock _lock = new(); // around this, and which readers a loop has
    private readonly Dictionary<TKey, Loop> _loops = [];

    /// <summary>Follows until disposed.</summary>
    /// <param name="after">What the reader has; a loop that it begins reads from there.</param>
    /// <param name="signal">Set when there is something new.</param>
    public Reader Follow(TKey key, long after, ReaderSignal signal)
    {
        lock (_lock)
        {
            if (!_loops.TryGetValue(key, out var loop))
            {
                _loops[key] = loop = new Loop(this, key, after);
                // Without the execution context of the request that happens to be the first.
                using (ExecutionContext.SuppressFlow())
                    _ = Task.Run(loop.RunAsync, CancellationToken.None);
            }
            loop.Readers.Add(signal);
            return new Reader(loop, signal);
        }
    }

    private void Leave(Loop loop, ReaderSignal signal)
    {
        lock (_lock)
        {
            loop.Readers.Remove(signal);
            if (loop.Readers.Count > 0)
                return;
            Forget(loop);
        }
        loop.Stop();
    }

    private void Forget(Loop loop)
    {
        if (_loops.GetValueOrDefault(loop.Key) == loop)
            _loops.Remove(loop.Key);
    }

    /// <summary>One reader of one thing.</summary>
    public sealed class Reader : IDisposable
    {
        private readonly Loop _loop;
        private readonly ReaderSignal _signal;

        internal Reader(Loop loop, ReaderSignal signal) => (_loop, _signal) = (loop, signal);

        /// <summary>The end, where <see cref="Work.Next.End"/> was said.</summary>
        public TEnd End => _loop.End!;

        /// <summary>The first part that ends after <paramref name="position"/>; it may begin before.</summary>
        /// <exception cref="Exception">What the read threw.</exception>
        public Next Next(long position, out Part<TPart> part) => _loop.Next(position, out part);

        public void Dispose() => _loop.Owner.Leave(_loop, _signal);
    }

    // Its token source is not disposed: it has no timer and no parent, and the last reader may leave at any time.
#pragma warning disable CA1001
    internal sealed class Loop(SharedReads<TKey, TPart, TEnd> owner, TKey key, long after)
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly ReaderSignal _wake = new();
        private readonly Lock _lock = new(); // around all below
        private readonly List<Part<TPart>> _parts = [];
        private long _start = after;
        private long _position = after;
        private Exception? _failure;

        public SharedReads<TKey, TPart, TEnd> Owner => owner;

        public TKey Key => key;

        /// <summary>Under the owner's lock.</summary>
        public HashSet<ReaderSignal> Readers { get; } = [];

        public TEnd? End { get; private set; }

        public void Stop() => _stop.Cancel();

        public Next Next(long position, out Part<TPart> part)
        {
            lock (_lock)
            {
                part = default;
                if (position < _start)
                    return Work.Next.Behind;
                foreach (var one in _parts)
                {
                    if (one.To <= position)
                        continue;
                    part = one;
                    return Work.Next.Part;
                }
                if (_failure is not null)
                    throw _failure;
                return End is not null ? Work.Next.End : Work.Next.Wait;
            }
        }

        public async Task RunAsync()
        {
            using var watching = owner._watch(key, _wake); // before the first read, so that nothing between is missed
            try
            {
                while (End is null)
                {
                    watching.Renew();
                    var page = await owner._read(key, _position, _stop.Token);
                    Add(page);
                    if (!page.IsFull && page.End is null)
                        await _wake.WaitAtMostAsync(owner._poll, _stop.Token);
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The last reader has left.
            }
            catch (Exception e)
            {
                lock (_lock)
                    _failure = e;
            }
            lock (owner._lock)
                owner.Forget(this); // whoever comes from now on begins anew
            WakeReaders();
        }

        private void Add(Page<TPart, TEnd> page)
        {
            lock (_lock)
            {
                _parts.AddRange(page.Parts);
                if (_parts.Count > Kept)
                {
                    _start = _parts[^(Kept + 1)].To;
                    _parts.RemoveRange(0, _parts.Count - Kept);
                }
                if (page.Parts is [.., var last])
                    _position = last.To;
                End = page.End;
            }
            if (page.Parts.Count > 0)
                WakeReaders();
        }

        private void WakeReaders()
        {
            lock (owner._lock)
            {
                foreach (var reader in Readers)
                    reader.Set();
            }
        }
    }
#pragma warning restore CA1001
}
