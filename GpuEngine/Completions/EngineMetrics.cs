using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Lyceum.GpuEngine.Completions;

/// <summary>What the engine tells about itself: meter and activity source <c>Lyceum.GpuEngine</c>.</summary>
public sealed class EngineMetrics
{
    public const string Name = "Lyceum.GpuEngine";

    private readonly UpDownCounter<int> _running;
    private readonly Counter<long> _tokens;
    private readonly Histogram<double> _firstToken;
    private readonly Counter<long> _completions;

    public EngineMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
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

    public static ActivitySource Activities { get; } = new(Name);

    public void Running(int change) => _running.Add(change);

    public void Tokens(int count) => _tokens.Add(count);

    public void FirstToken(TimeSpan after) => _firstToken.Record(after.TotalSeconds);

    public void Ended(string outcome) => _completions.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
