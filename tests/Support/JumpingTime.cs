namespace Lyceum.Tests.Support;

/// <summary>The system's time, with leaps: timers keep running, what is measured jumps ahead.</summary>
public sealed class JumpingTime : TimeProvider
{
    private long _ahead; // in timestamps

    public void Jump(TimeSpan by) =>
        Interlocked.Add(ref _ahead, by.Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);

    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _ahead);
}
