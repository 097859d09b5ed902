using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>Meter and activity source <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class EngineMetrics
{
    public const string Name = "Lyceum.GpuEngine";

    private readonly Meter _meter;
    private readonly UpDownCounter<int> _running;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _firstToken;
    private readonly Counter<long> _completions;

    public EngineMetrics(IMeterFactory meters)
    {
        var meter = _meter = meters.Create(Name);
        _running = meter.CreateUpDownCounter<int>("lyceum.engine.completions.running", "{completion}", "Completions running now");
        _tokens = meter.CreateCounter<long>("lyceum.engine.tokens", "{token}", "Tokens received from models");
        _firstToken = meter.CreateHistogram(
            "lyceum.engine.time_to_first_token",
            "s",
            "From the request to the model's first token",
            advice: new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
            });
        _completions = meter.CreateCounter<long>(
            "lyceum.engine.completions", "{completion}", "Ended completions by outcome: complete, client_gone or an error's code");
    }

    /// <summary>Reports the detached generations at each collection.</summary>
    public void ObserveGenerations(Func<(int Running, int Kept, long Bytes)> usage)
    {
        _meter.CreateObservableGauge(
            "lyceum.engine.generations.running", () => usage().Running, "{generation}", "Detached generations running now");
        _meter.CreateObservableGauge(
            "lyceum.engine.generations.kept", () => usage().Kept, "{generation}", "Detached generations that can be read, running or ended");
        _meter.CreateObservableGauge(
            "lyceum.engine.generations.bytes", () => usage().Bytes, "By", "Text buffers of the detached generations kept");
    }

    public static ActivitySource Activities { get; } = new(Name);

    public void Running(int change) => _running.Add(change);

    public void Tokens(int count) => _tokens.Add(count);

    public void FirstToken(TimeSpan after) => _firstToken.Record(after.TotalSeconds);

    public void Ended(string outcome) => _completions.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
