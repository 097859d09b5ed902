using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>Of the transcript log; meter <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class TranscriptMetrics
{
    private readonly Meter _meter;
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _batch;

    public TranscriptMetrics(IMeterFactory meters)
    {
        var meter = _meter = meters.Create(EngineMetrics.Name);
        _commit = meter.CreateHistogram(
            "lyceum.engine.transcript.commit", "s", "A commit of the transcript log, fsync included",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
            });
        _batch = meter.CreateHistogram(
            "lyceum.engine.transcript.batch", "{record}", "Records that shared a commit",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] });
    }

    /// <param name="kept">Bytes of the log.</param>
    /// <param name="limit">At which nothing more is recorded.</param>
    /// <param name="free">Bytes free on its disk; null: unknown.</param>
    public void ObserveLog(Func<long> kept, long limit, Func<long?> free)
    {
        _meter.CreateObservableGauge("lyceum.engine.transcript.kept", kept, "By", "Transcripts that wait to be stored by SessionApi");
        _meter.CreateObservableGauge("lyceum.engine.transcript.limit", () => limit, "By", "At which nothing more is recorded, so nothing more is said");
        _meter.CreateObservableGauge(
            "lyceum.engine.transcript.free", () => free() is { } bytes ? new Measurement<long>[] { new(bytes) } : [], "By",
            "Free on the disk of the transcripts");
    }

    public void Committed(TimeSpan took, int records)
    {
        _commit.Record(took.TotalSeconds);
        _batch.Record(records);
    }
}
