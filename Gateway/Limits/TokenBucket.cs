namespace Lyceum.Gateway.Limits;

/// <param name="Taken">Whether the request may go on.</param>
/// <param name="Remaining">Requests that may follow at once.</param>
/// <param name="Wait">Until one more may; zero if one may now.</param>
/// <param name="Full">Until the whole burst is there again.</param>
internal readonly record struct BucketLevel(bool Taken, int Remaining, TimeSpan Wait, TimeSpan Full);

/// <summary>
/// A token bucket that is refilled when it is read. Rate and burst come with each request, so that a change of the
/// configuration does not refill it. That, the exact wait and the TimeProvider are why it is not the framework's
/// TokenBucketRateLimiter.
/// </summary>
internal sealed class TokenBucket(TimeProvider time, double rate, int burst)
{
    private readonly Lock _lock = new();
    private double _rate = rate;
    private int _burst = burst;
    private double _level = burst;
    private long _at = time.GetTimestamp();

    public BucketLevel Take(double rate, int burst)
    {
        lock (_lock)
        {
            // The time until now counts by the old rule.
            Fill();
            (_rate, _burst, _level) = (rate, burst, Math.Min(_level, burst));
            var taken = _level >= 1;
            if (taken)
                _level--;
            return new BucketLevel(
                taken, (int)_level, _level >= 1 ? TimeSpan.Zero : TimeSpan.FromSeconds((1 - _level) / rate), TimeSpan.FromSeconds((burst - _level) / rate));
        }
    }

    /// <summary>Returns the token of a request that another limit rejected.</summary>
    public void GiveBack()
    {
        lock (_lock)
            _level = Math.Min(_burst, _level + 1);
    }

    /// <summary>A full bucket is like a new one: it may be removed.</summary>
    public bool IsFull()
    {
        lock (_lock)
        {
            Fill();
            return _level >= _burst;
        }
    }

    private void Fill()
    {
        var now = time.GetTimestamp();
        var elapsed = time.GetElapsedTime(_at, now).TotalSeconds;
        // Two threads may read the clock in another order than they take the lock.
        if (elapsed > 0)
            (_level, _at) = (Math.Min(_burst, _level + (elapsed * _rate)), now);
    }
}
