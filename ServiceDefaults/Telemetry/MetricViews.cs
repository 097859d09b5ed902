using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// How instruments appear in <c>/metrics</c> and in OTLP: with names that <c>promtool check metrics</c> accepts, and with a bound on
/// their series.
/// </summary>
internal static class MetricViews
{
    /// <summary>Series per instrument. Further ones are counted together in one labelled <c>otel_metric_overflow="true"</c>.</summary>
    private const int MaxSeries = 500;

    // Seconds, from a local call to a whole answer, where an instrument advises no bounds of its own.
    private static readonly double[] Seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    /// <param name="own">The meters of this host: those that another host in this process makes, as tests do, are its own.</param>
    public static MetricStreamConfiguration Of(Instrument instrument, IMeterFactory own)
    {
        if ((instrument.Meter.Scope is IMeterFactory factory && factory != own)
            || MassTransitSeconds.Replaces(instrument) || CountsDown(instrument))
            return MetricStreamConfiguration.Drop;
        var view = instrument is Histogram<double> { Unit: "s", Advice: null }
            ? new ExplicitBucketHistogramConfiguration { Boundaries = Seconds }
            : new MetricStreamConfiguration();
        view.Name = Name(instrument);
        view.Description = string.IsNullOrWhiteSpace(instrument.Description) ? instrument.Name : instrument.Description;
        view.CardinalityLimit = MaxSeries;
        return view;
    }

    /// <summary>MassTransit counts consumers at work up and down on a counter, which in Prometheus only grows.</summary>
    private static bool CountsDown(Instrument instrument) =>
        instrument.Meter.Name == MassTransitSeconds.MassTransit && instrument.Name.EndsWith(".active", StringComparison.Ordinal);

    private static string Name(Instrument instrument)
    {
        var type = instrument.GetType().GetGenericTypeDefinition();
        if (type == typeof(Histogram<>))
            return instrument.Name;
        // Prometheus keeps this suffix for histograms: dotnet.assembly.count, db.client.connection.count.
        var name = instrument.Name.EndsWith(".count", StringComparison.Ordinal) ? instrument.Name[..^".count".Length] : instrument.Name;
        // The exporter names every unit but this one.
        var isCounter = type == typeof(Counter<>) || type == typeof(ObservableCounter<>);
        return instrument.Unit == "1" && !isCounter ? name + ".ratio" : name;
    }
}
