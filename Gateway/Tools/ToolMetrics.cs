using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Lyceum.Gateway.Tools.Manifests;

namespace Lyceum.Gateway.Tools;

/// <summary>
/// <c>lyceum.tools.duration</c> by tool and outcome. Names come from tenants, so only the first <see cref="MaxNames"/> have a series of
/// their own.
/// </summary>
internal sealed class ToolMetrics
{
    private const int MaxNames = 100;
    private const string Other = "other";

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Histogram<double> _duration;

    public ToolMetrics(IMeterFactory meters) => _duration = meters.Create("Lyceum.Gateway").CreateHistogram(
        "lyceum.tools.duration", "s", "Calls of tools, from the checked input to the output, by tool and outcome.",
        advice: new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60],
        });

    /// <param name="outcome"><c>ok</c>, or that of a <see cref="ToolFailure"/>.</param>
    public void Record(string tool, string outcome, long begun) => _duration.Record(
        Stopwatch.GetElapsedTime(begun).TotalSeconds, new("tool", Label(tool)), new("outcome", outcome));

    private string Label(string tool)
    {
        if (_names.TryGetValue(tool, out var known))
            return known;
        return _names.Count < MaxNames ? _names.GetOrAdd(tool, tool) : Other;
    }
}
