using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.GpuEngine.Sessions.Transcripts;

/// <summary>Of the transcript log; meter <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class TranscriptMetrics
{
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _batch;

    public TranscriptMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(EngineMetrics.Name);
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

    public void Committed(TimeSpan took, int records)
    {
        _commit.Record(took.TotalSeconds);
        _batch.Record(records);
    }
}
