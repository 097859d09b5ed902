namespace Lyceum.GpuEngine.Sessions.Sockets;

/// <summary>A token bucket: a burst at once, and a rate in the long run. Used by one thread.</summary>
internal sealed class MessageRate
{
    private readonly double _perSecond;
    private readonly double _burst;
    private readonly TimeProvider _time;
    private double _tokens;
    private long _at;

    public MessageRate(double perSecond, double burst, TimeProvider time)
    {
        (_perSecond, _burst, _time, _tokens) = (perSecond, burst, time, burst);
        _at = time.GetTimestamp();
    }

    public bool TryTake(double cost = 1)
    {
        var now = _time.GetTimestamp();
        _tokens = Math.Min(_burst, _tokens + (_time.GetElapsedTime(_at, now).TotalSeconds * _perSecond));
        _at = now;
        if (_tokens < cost)
            return false;
        _tokens -= cost;
        return true;
    }
}
