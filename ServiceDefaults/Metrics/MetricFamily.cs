using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Lyceum.ServiceDefaults.Metrics;

/// <summary>
/// One metric and its series. Measurements come from any thread and cost a hash of their tags and an interlocked add;
/// the text is made when somebody scrapes.
/// </summary>
internal sealed class MetricFamily(string name, MetricKind kind, bool observable, double scale, double[] bounds, string help)
{
    /// <summary>Series per metric. Further ones are counted together in one labelled <c>overflow="true"</c>.</summary>
    private const int MaxSeries = 500;

    private static readonly KeyValuePair<string, object?>[] Overflow = [new("overflow", true)];

    // The same series may stand under several orders of its tags; labels are the series' true name.
    private readonly ConcurrentDictionary<KeyValuePair<string, object?>[], Series> _byTags = new(new TagsComparer());
    private readonly ConcurrentDictionary<string, Series> _byLabels = new(StringComparer.Ordinal);

    public string Name => name;

    public bool IsObservable => observable;

    /// <summary>Whether another instrument of this name measures the same thing and may be added up here.</summary>
    public bool Accepts(MetricKind otherKind, bool otherObservable) => kind == otherKind && observable == otherObservable;

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (double.IsNaN(value) || (kind == MetricKind.Counter && value < 0))
            return;
        var series = SeriesOf(tags);
        if (kind == MetricKind.Histogram)
            series.Observe(value, bounds);
        // Gauge<T> reports a level, the others changes; observable ones report totals, collected anew at each scrape.
        else if (kind == MetricKind.Gauge && IsLevel && !observable)
            series.Set(value);
        else
            series.Add(value);
    }

    /// <summary>Set for <see cref="Gauge{T}"/>, whose measurement replaces the one before.</summary>
    public bool IsLevel { get; init; }

    /// <summary>Observable instruments report everything at each scrape: what they no longer report is gone.</summary>
    public void BeginCollection()
    {
        _byTags.Clear();
        _byLabels.Clear();
    }

    private Series SeriesOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var lookup = _byTags.GetAlternateLookup<ReadOnlySpan<KeyValuePair<string, object?>>>();
        if (lookup.TryGetValue(tags, out var series))
            return series;

        var labels = MetricLabels.Render(tags);
        if (!_byLabels.TryGetValue(labels, out series))
        {
            if (_byLabels.Count >= MaxSeries)
                labels = MetricLabels.Render(Overflow);
            series = _byLabels.GetOrAdd(labels, _ => new Series(bounds.Length));
        }

        // Orders of the same tags are few; bounded all the same, at the price of rendering the labels each time.
        if (_byTags.Count < MaxSeries * 2)
            lookup.TryAdd(tags, series);
        return series;
    }

    public void Write(StringBuilder text)
    {
        if (_byLabels.IsEmpty)
            return;
        text.Append("# HELP ").Append(name).Append(' ');
        MetricLabels.Escape(text, help, quotes: false);
        text.Append("\n# TYPE ").Append(name).Append(' ').Append(kind.ToString().ToLowerInvariant()).Append('\n');
        foreach (var (labels, series) in _byLabels.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            if (kind == MetricKind.Histogram)
                WriteHistogram(text, labels, series);
            else
                Sample(text, name, labels, series.Value * scale);
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        var prefix = labels.Length == 0 ? "" : labels + ",";
        long count = 0;
        for (var i = 0; i <= bounds.Length; i++)
        {
            count += series.Bucket(i);
            var le = i < bounds.Length ? Number(Scaled(bounds[i])) : "+Inf";
            Sample(text, name + "_bucket", $"{prefix}le=\"{le}\"", count);
        }

        Sample(text, name + "_sum", labels, series.Value * scale);
        Sample(text, name + "_count", labels, count);
    }

    /// <summary>In decimal, so that 5 ms is 0.005 s and not 0.0050000000000000001.</summary>
    private double Scaled(double bound) => scale == 1 ? bound : (double)((decimal)bound * (decimal)scale);

    private static void Sample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
            text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    private sealed class Series(int bounds)
    {
        // Not cumulative; the last is what exceeds every bound. Null-length for other kinds costs one slot.
        private readonly long[] _buckets = new long[bounds + 1];
        private double _value;

        /// <summary>The value, or a histogram's sum.</summary>
        public double Value => Volatile.Read(ref _value);

        public long Bucket(int index) => Interlocked.Read(ref _buckets[index]);

        public void Set(double value) => Volatile.Write(ref _value, value);

        public void Add(double value)
        {
            var seen = Volatile.Read(ref _value);
            for (double before; ; seen = before)
            {
                before = Interlocked.CompareExchange(ref _value, seen + value, seen);
                if (before.Equals(seen))
                    return;
            }
        }

        public void Observe(double value, double[] bounds)
        {
            var index = Array.BinarySearch(bounds, value);
            Interlocked.Increment(ref _buckets[index >= 0 ? index : ~index]);
            Add(value);
        }
    }
}
