namespace Lyceum.GpuEngine.Sessions.Protocols;

/// <summary>A token bucket: so many messages at once, so many a second in the long run. One thread's.</summary>
internal sealed class MessageRate(double perSecond, int burst, TimeProvider time)
{
    private double _tokens = burst;
    private long _at = time.GetTimestamp();

    public bool TryTake()
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(burst, _tokens + (time.GetElapsedTime(_at, now).TotalSeconds * perSecond));
        _at = now;
        if (_tokens < 1)
        {
            return false;
        }
        _tokens--;
        return true;
    }
}
