using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Lyceum.ServiceDefaults.Metrics;

/// <summary>
/// Everything the process measures, as Prometheus text (exposition format 0.0.4): the meters built into .NET, Npgsql
/// and MassTransit, and Lyceum's own. Instruments of one name are one metric, whichever meter object they came from.
/// </summary>
internal sealed partial class PrometheusMetrics : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly string[] Meters =
        ["Lyceum", "Microsoft.AspNetCore", "System.Net", "System.Runtime", "Npgsql", "MassTransit"];

    // Seconds, from a local call to a whole answer; and OpenTelemetry's default for everything else.
    private static readonly double[] SecondsBounds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
    private static readonly double[] PlainBounds =
        [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];

    private readonly ConcurrentDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();
    private readonly Lock _scrape = new();
    private readonly ILogger<PrometheusMetrics> _logger;

    public PrometheusMetrics(ILogger<PrometheusMetrics> logger)
    {
        _logger = logger;
        _listener.InstrumentPublished = Publish;
        _listener.SetMeasurementEventCallback<byte>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<short>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<int>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<float>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Record(state, value, tags));
        _listener.SetMeasurementEventCallback<decimal>((_, value, tags, state) => Record(state, (double)value, tags));
        _listener.Start();
    }

    /// <summary>The whole exposition; one scrape at a time.</summary>
    public string Scrape()
    {
        lock (_scrape)
        {
            var families = _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal).ToList();
            foreach (var family in families.Where(family => family.IsObservable))
                family.BeginCollection();
            try
            {
                _listener.RecordObservableInstruments();
            }
            catch (AggregateException e)
            {
                // One gauge's owner failed (a disposed pool, say); the others were still collected.
                LogObservationFailed(e);
            }

            var text = new StringBuilder(32 * 1024);
            foreach (var family in families)
                family.Write(text);
            return text.ToString();
        }
    }

    private static void Record(object? state, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        ((MetricFamily)state!).Record(value, tags);

    private void Publish(Instrument instrument, MeterListener listener)
    {
        var meter = instrument.Meter.Name;
        if (!Array.Exists(Meters, ours => meter == ours || meter.StartsWith(ours + ".", StringComparison.Ordinal)))
            return;

        var type = instrument.GetType().GetGenericTypeDefinition();
        var kind = type == typeof(Counter<>) || type == typeof(ObservableCounter<>) ? MetricKind.Counter
            : type == typeof(Histogram<>) ? MetricKind.Histogram
            : MetricKind.Gauge;
        var (name, scale) = MetricNames.Of(instrument, kind);
        var family = _families.GetOrAdd(name, _ => new MetricFamily(
            name, kind, instrument.IsObservable, scale, kind == MetricKind.Histogram ? Bounds(instrument) : [],
            string.IsNullOrWhiteSpace(instrument.Description) ? instrument.Name : instrument.Description)
        {
            IsLevel = type == typeof(Gauge<>),
        });

        if (family.Accepts(kind, instrument.IsObservable))
            listener.EnableMeasurementEvents(instrument, family);
        else
            LogConflict(meter, instrument.Name, name);
    }

    private static double[] Bounds(Instrument instrument)
    {
        IEnumerable<double>? advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<float> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<int> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            _ => null,
        };
        return advised?.ToArray() ?? (instrument.Unit == "s" ? SecondsBounds : PlainBounds);
    }

    public void Dispose() => _listener.Dispose();

    [LoggerMessage(LogLevel.Debug, "observable instruments failed")]
    private partial void LogObservationFailed(Exception exception);

    [LoggerMessage(LogLevel.Warning, "instrument {Meter}/{Instrument} is not exported: {Metric} already measures something else")]
    private partial void LogConflict(string meter, string instrument, string metric);
}
