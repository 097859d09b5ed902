using System.Diagnostics.Metrics;
using Lyceum.GpuEngine.Completions.Answers;

namespace Lyceum.GpuEngine.Sessions.Live;

/// <summary>Of live sessions and their sockets; meter <c>Lyceum.GpuEngine</c>.</summary>
internal sealed class SessionMetrics
{
    private readonly Meter _meter;
    private readonly UpDownCounter<int> _sockets;
    private readonly Counter<long> _rejected;

    public SessionMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(EngineMetrics.Name);
        _sockets = _meter.CreateUpDownCounter<int>("lyceum.engine.sessions.sockets", "{socket}", "Sockets open now");
        _rejected = _meter.CreateCounter<long>(
            "lyceum.engine.sessions.refused", "{request}", "Sessions and sockets rejected, by status");
    }

    public void ObserveSessions(Func<int> count) =>
        _meter.CreateObservableGauge("lyceum.engine.sessions.active", count, "{session}", "Sessions that live now");

    public void Sockets(int change) => _sockets.Add(change);

    public void Rejected(int status) => _rejected.Add(1, new KeyValuePair<string, object?>("status", status));
}
