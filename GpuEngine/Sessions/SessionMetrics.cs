using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions;

namespace Lyceum.GpuEngine.Sessions;

/// <summary>What live sessions tell of themselves; meter <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class SessionMetrics
{
    private readonly Meter _meter;
    private readonly UpDownCounter<int> _sockets;
    private readonly Counter<long> _turns;
    private readonly Counter<long> _refused;
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _batch;

    public SessionMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(EngineMetrics.Name);
        _sockets = _meter.CreateUpDownCounter<int>("lyceum.engine.sessions.sockets", "{socket}", "Sockets open now");
        _turns = _meter.CreateCounter<long>("lyceum.engine.sessions.turns", "{turn}", "Ended turns by outcome: complete, interrupted or an error's code");
        _refused = _meter.CreateCounter<long>("lyceum.engine.sessions.refused", "{request}", "Sessions and sockets refused, by status");
        _commit = _meter.CreateHistogram("lyceum.engine.transcript.commit", "s", "A commit of the transcript log, fsync included",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] });
        _batch = _meter.CreateHistogram("lyceum.engine.transcript.batch", "{record}", "Records that shared a commit",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] });
    }

    public void ObserveSessions(Func<int> count) =>
        _meter.CreateObservableGauge("lyceum.engine.sessions.active", count, "{session}", "Sessions that live now");

    public void Sockets(int change) => _sockets.Add(change);

    public void TurnEnded(string outcome) => _turns.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    public void Refused(int status) => _refused.Add(1, new KeyValuePair<string, object?>("status", status));

    public void Committed(TimeSpan took, int records)
    {
        _commit.Record(took.TotalSeconds);
        _batch.Record(records);
    }
}
