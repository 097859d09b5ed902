using System.Threading.Tasks.Sources;

namespace Lyceum.ServiceDefaults.Http;

/// <summary>
/// Wakes one reader: an auto-reset event of capacity one. Setting it twice before the reader reads wakes it once, and
/// the reader then takes all there is. Waiting allocates nothing.
/// </summary>
/// <param name="inline">
/// The reader goes on on the thread that calls <see cref="Set"/>, up to its first wait for the network: one hop between
/// threads less. Only where that thread serves no others and holds no lock.
/// </param>
public sealed class ReaderSignal(bool inline = false) : IValueTaskSource
{
    private const int Idle = 0, Signalled = 1, Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = !inline };
    private int _state;

    /// <summary>Wakes the reader, or lets its next wait end at once. From any thread.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _state, Signalled) == Waiting)
            _wait.SetResult(true);
    }

    /// <summary>
    /// The reader's: returns when set since the last return. It reads after this returned, not before.
    /// </summary>
    public ValueTask WaitAsync()
    {
        _wait.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle)
            return new ValueTask(this, _wait.Version);
        Interlocked.Exchange(ref _state, Idle);
        return default;
    }

    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        await using (cancellationToken.UnsafeRegister(static signal => ((ReaderSignal)signal!).Set(), this))
            await WaitAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Waits for the signal, but no longer than <paramref name="limit"/>.</summary>
    public async Task WaitAtMostAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(limit);
        try
        {
            await WaitAsync(bound.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // No signal in time: the reader polls.
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _wait.GetResult(token);
        // Before the reader reads: a Set that comes in between is either seen by that read or is still there after it.
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
