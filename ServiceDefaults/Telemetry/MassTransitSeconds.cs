using System.Diagnostics.Metrics;

namespace Lyceum.ServiceDefaults.Telemetry;

/// <summary>
/// MassTransit measures durations in milliseconds, which Prometheus' conventions forbid and no view can change. They are recorded
/// anew, in seconds, under the same names.
/// </summary>
internal sealed class MassTransitSeconds : IDisposable
{
    public const string MassTransit = "MassTransit";

    private readonly MeterListener _listener = new();

    public MassTransitSeconds(IMeterFactory meters)
    {
        var meter = meters.Create("Lyceum.MassTransit");
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Replaces(instrument))
                listener.EnableMeasurementEvents(instrument, meter.CreateHistogram<double>(instrument.Name, "s", instrument.Description));
        };
        _listener.SetMeasurementEventCallback<double>(static (_, milliseconds, tags, seconds) =>
            ((Histogram<double>)seconds!).Record(milliseconds / 1000, tags));
        _listener.Start();
    }

    public static bool Replaces(Instrument instrument) =>
        instrument.Meter.Name == MassTransit && instrument is Histogram<double> { Unit: "ms" };

    public void Dispose() => _listener.Dispose();
}
