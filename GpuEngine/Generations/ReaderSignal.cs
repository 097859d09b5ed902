using System.Threading.Tasks.Sources;

namespace Lyceum.GpuEngine.Generations;

/// <summary>
/// Wakes one reader: an auto-reset event that costs no allocation per wait. The reader's next steps run on the thread
/// that calls <see cref="Set"/>, up to its first wait for the network: one hop between threads less per token.
/// </summary>
/// <param name="elsewhere">They run on another thread, because the one that calls <see cref="Set"/> has others to serve.</param>
internal sealed class ReaderSignal(bool elsewhere = false) : IValueTaskSource
{
    private const int Idle = 0, Signalled = 1, Waiting = 2;

    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = elsewhere };
    private int _state;

    /// <summary>Wakes the reader, or lets its next wait end at once. From any thread, holding no lock.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _state, Signalled) == Waiting)
            _wait.SetResult(true);
    }

    /// <summary>The reader's: returns when set since the last return. What was there before is to be looked at after it.</summary>
    public ValueTask WaitAsync()
    {
        _wait.Reset();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle)
            return new ValueTask(this, _wait.Version);
        Interlocked.Exchange(ref _state, Idle);
        return default;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _wait.GetResult(token);
        // Before the reader looks: a Set that comes in between is either seen by that look or still there afterwards.
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}
