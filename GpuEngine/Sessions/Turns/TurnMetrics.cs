using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.GpuEngine.Sessions.Turns;

/// <summary>Of the turns of live sessions; meter <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class TurnMetrics(IMeterFactory meters)
{
    private readonly Counter<long> _turns = meters.Create(EngineMetrics.Name).CreateCounter<long>(
        "lyceum.engine.sessions.turns", "{turn}", "Ended turns by outcome: complete, interrupted or an error's code");

    public void Ended(string outcome) => _turns.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
}
