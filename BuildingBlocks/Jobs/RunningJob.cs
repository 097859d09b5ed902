namespace Lyceum.Jobs;

/// <summary>Why a running task is to end before its time. Of several the first counts.</summary>
public enum EndReason
{
    None,

    /// <summary>Its caller asked for it.</summary>
    Cancelled,

    /// <summary>Its deadline has passed.</summary>
    TimedOut,

    /// <summary>This worker is draining: another goes on.</summary>
    Released,

    /// <summary>Another worker owns it now: nothing of it may be written.</summary>
    Fenced,
}

/// <summary>A task this process is doing, and the way to interrupt it.</summary>
public sealed class RunningJob : IDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly ITimer _deadline;
    private int _reason;

    public RunningJob(ClaimedJob job, TimeProvider time)
    {
        Job = job;
        // A timer takes no more than 49 days.
        var remaining = TimeSpan.FromMilliseconds(Math.Clamp(job.Remaining.TotalMilliseconds, 0, int.MaxValue));
        _deadline = time.CreateTimer(static state => ((RunningJob)state!).End(EndReason.TimedOut), this, remaining, System.Threading.Timeout.InfiniteTimeSpan);
        if (job.CancelRequested)
            End(EndReason.Cancelled);
    }

    public ClaimedJob Job { get; }
    public EndReason Reason => (EndReason)Volatile.Read(ref _reason);
    public CancellationToken Ending => _ending.Token;

    /// <summary>Any thread.</summary>
    public void End(EndReason reason)
    {
        if (Interlocked.CompareExchange(ref _reason, (int)reason, (int)EndReason.None) != (int)EndReason.None)
            return;
        try
        {
            _ending.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended by itself.
        }
    }

    public void Dispose()
    {
        _deadline.Dispose();
        _ending.Dispose();
    }
}
