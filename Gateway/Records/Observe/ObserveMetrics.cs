using System.Diagnostics.Metrics;

namespace Lyceum.Gateway.Records.Observe;

/// <summary>Meter <c>Lyceum.Gateway</c>. Times in seconds.</summary>
internal sealed class ObserveMetrics
{
    /// <summary>
    /// The first so many types have a series of their own; the others share <c>other</c>, because clients choose types.
    /// </summary>
    private const int MaxTypes = 100;

    private readonly Counter<long> _events;
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _batch;
    private readonly HashSet<string> _types = new(StringComparer.Ordinal); // used by the writing loop only

    public ObserveMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Lyceum.Gateway");
        _events = meter.CreateCounter<long>("lyceum.gateway.observed.events", "{event}", "Events recorded, by type (the first 100 types, then other)");
        _commit = meter.CreateHistogram("lyceum.gateway.observed.commit", "s", "One commit of events",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 5] });
        _batch = meter.CreateHistogram("lyceum.gateway.observed.batch", "{request}", "Requests that shared one commit",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] });
    }

    /// <summary>Called by the writing loop only.</summary>
    public void Observed(List<NewEvent> events)
    {
        foreach (var (type, count) in events.CountBy(e => e.Type))
            _events.Add(count, new KeyValuePair<string, object?>("type", _types.Contains(type) || (_types.Count < MaxTypes && _types.Add(type)) ? type : "other"));
    }

    public void Committed(int requests, TimeSpan elapsed)
    {
        _commit.Record(elapsed.TotalSeconds);
        _batch.Record(requests);
    }
}
