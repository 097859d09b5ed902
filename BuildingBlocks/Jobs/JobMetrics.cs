using System.Diagnostics.Metrics;

namespace Lyceum.Jobs;

/// <summary>What an operator watches, meter <c>Lyceum.RoadmapWorker</c>. Times in seconds.</summary>
public sealed class JobMetrics
{
    private static readonly double[] Waits = [.001, .002, .005, .01, .025, .05, .1, .5, 1, 5, 15, 60, 300, 1800];
    private readonly Histogram<double> _wait;
    private readonly Histogram<double> _stage;
    private readonly Histogram<double> _commit;
    private readonly Histogram<int> _batch;
    private readonly UpDownCounter<long> _running;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _retried;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _fenced;

    public JobMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("Lyceum.RoadmapWorker");
        _wait = meter.CreateHistogram("lyceum.jobs.wait", "s", "From a task's place in the queue to its claim, by kind",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Waits });
        _stage = meter.CreateHistogram("lyceum.jobs.stage", "s", "One run of one stage, by kind, stage and outcome",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Waits });
        _commit = meter.CreateHistogram("lyceum.jobs.commit", "s", "One commit of finished stages",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.0005, .001, .002, .005, .01, .025, .05, .1, .25, .5, 1, 5] });
        _batch = meter.CreateHistogram("lyceum.jobs.batch", "{change}", "Changes that shared one commit",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500] });
        _running = meter.CreateUpDownCounter<long>("lyceum.jobs.running", "{task}", "Tasks running here");
        _ended = meter.CreateCounter<long>("lyceum.jobs.ended", "{task}", "Tasks ended, by kind and status");
        _retried = meter.CreateCounter<long>("lyceum.jobs.retried", "{stage}", "Stages that failed and are retried, by kind and stage");
        _lost = meter.CreateCounter<long>("lyceum.jobs.lost", "{task}", "Tasks requeued because their worker was gone");
        _fenced = meter.CreateCounter<long>("lyceum.jobs.fenced", "{change}", "Writes rejected because the task has another owner");
    }

    public void Started(string kind, TimeSpan waited)
    {
        _running.Add(1);
        _wait.Record(Math.Max(0, waited.TotalSeconds), new KeyValuePair<string, object?>("kind", kind));
    }

    public void Finished() => _running.Add(-1);

    public void Stage(string kind, string stage, string outcome, TimeSpan elapsed)
    {
        var kindTag = new KeyValuePair<string, object?>("kind", kind);
        _stage.Record(elapsed.TotalSeconds, kindTag, new("stage", stage), new("outcome", outcome));
        if (outcome == StageOutcomes.Retried)
            _retried.Add(1, kindTag, new("stage", stage));
    }

    public void Ended(string kind, string status) => _ended.Add(1, new KeyValuePair<string, object?>("kind", kind), new("status", status));

    public void Committed(int changes, TimeSpan elapsed)
    {
        _commit.Record(elapsed.TotalSeconds);
        _batch.Record(changes);
    }

    public void Lost(int tasks)
    {
        if (tasks > 0)
            _lost.Add(tasks);
    }

    public void Fenced() => _fenced.Add(1);
}
