using System.Collections.Concurrent;

namespace Lyceum.Gateway.Limits;

/// <summary>
/// The token buckets of this replica, one for each route pattern and key. There are at most <see cref="MaxBuckets"/>:
/// beyond, full buckets are removed, and while none is full, new keys share one bucket for each route pattern.
/// </summary>
internal sealed class RateLimits(TimeProvider time)
{
    internal const int MaxBuckets = 50_000;
    private const string Shared = "";

    private readonly ConcurrentDictionary<(string Route, string Key), TokenBucket> _buckets = new();
    private long _sweptAt = long.MinValue;

    // Kept apart: ConcurrentDictionary.Count takes all its locks.
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Takes a token for each rule, or for none: null, or the first that has none left.</summary>
    /// <param name="rules">That the request must pass, in the order in which they are asked.</param>
    /// <param name="key">The caller's.</param>
    /// <param name="levels">Receives each rule that was asked with what is left.</param>
    public (RateRule Rule, BucketLevel Level)? Take(IEnumerable<RateRule> rules, string key, List<(RateRule Rule, BucketLevel Level)> levels)
    {
        foreach (var rule in rules)
        {
            var level = BucketOf(rule, key).Take(rule.Rate, rule.Size);
            levels.Add((rule, level));
            if (level.Taken)
                continue;
            foreach (var (taken, _) in levels.Where(asked => asked.Level.Taken))
                BucketOf(taken, key).GiveBack();
            return (rule, level);
        }
        return null;
    }

    private TokenBucket BucketOf(RateRule rule, string key)
    {
        if (_buckets.TryGetValue((rule.Route, key), out var bucket))
            return bucket;
        if (Count >= MaxBuckets)
        {
            Sweep();
            if (Count >= MaxBuckets)
                key = Shared;
        }
        return _buckets.GetOrAdd((rule.Route, key), _ =>
        {
            Interlocked.Increment(ref _count); // twice if two threads make the same bucket at once
            return new TokenBucket(time, rule.Rate, rule.Size);
        });
    }

    /// <summary>At most once a second, because it goes through all buckets.</summary>
    private void Sweep()
    {
        var (now, last) = (time.GetTimestamp(), Volatile.Read(ref _sweptAt));
        if ((last != long.MinValue && time.GetElapsedTime(last, now) < TimeSpan.FromSeconds(1))
            || Interlocked.CompareExchange(ref _sweptAt, now, last) != last)
            return;
        foreach (var (id, bucket) in _buckets)
        {
            if (bucket.IsFull())
                _buckets.TryRemove(id, out _);
        }
        Volatile.Write(ref _count, _buckets.Count);
    }
}
