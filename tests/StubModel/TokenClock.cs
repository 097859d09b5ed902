using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace Lyceum.Tests.StubModel;

/// <summary>
/// One timer for all streams: waits are kept in a heap by due time and completed by a single loop each 2 ms. A timer
/// per token of 1,000 streams costs more than sending the tokens.
/// </summary>
internal sealed class TokenClock : IAsyncDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(2);

    private readonly PriorityQueue<Waiter, long> _waiters = new();
    private readonly PeriodicTimer _timer = new(Tick);
    private readonly Task _loop;

    public TokenClock() => _loop = Task.Run(RunAsync);

    /// <summary>Completes when <see cref="Stopwatch.GetTimestamp"/> has reached <paramref name="due"/>, on the clock's
    /// own loop: whoever awaits it must not block.</summary>
    public ValueTask UntilAsync(long due, Waiter waiter)
    {
        if (due <= Stopwatch.GetTimestamp())
        {
            return default;
        }
        var wait = waiter.Begin();
        lock (_waiters)
        {
            _waiters.Enqueue(waiter, due);
        }
        return wait;
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _loop;
    }

    private async Task RunAsync()
    {
        var due = new List<Waiter>();
        while (await _timer.WaitForNextTickAsync())
        {
            lock (_waiters)
            {
                var now = Stopwatch.GetTimestamp();
                while (_waiters.TryPeek(out var waiter, out var at) && at <= now)
                {
                    _waiters.Dequeue();
                    due.Add(waiter);
                }
            }
            due.ForEach(waiter => waiter.Complete());
            due.Clear();
        }
    }

    /// <summary>A stream's reusable wait: one outstanding at a time.</summary>
    public sealed class Waiter : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> _core;

        public ValueTask Begin()
        {
            _core.Reset();
            return new ValueTask(this, _core.Version);
        }

        public void Complete() => _core.SetResult(true);

        public void GetResult(short token) => _core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token,
            ValueTaskSourceOnCompletedFlags flags) => _core.OnCompleted(continuation, state, token, flags);
    }
}
