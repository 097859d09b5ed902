using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lyceum.Durability.Work;

/// <summary>
/// Which loops of this process have something to write and do not get on with it, since when and why: what
/// <c>/health</c> and the metric <c>lyceum.loop.stalled</c> show. Any thread.
/// </summary>
public sealed class LoopProgress
{
    /// <summary>A loop that has not got on for this time is stalled.</summary>
    public static readonly TimeSpan StalledAfter = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Loop, byte> _loops = new();
    private readonly TimeProvider _time;
    private readonly Counter<long> _rejected;
    private readonly HashSet<(string Name, DatabaseFailure Cause)> _measured = []; // under itself

    public LoopProgress(TimeProvider time, IMeterFactory meters)
    {
        _time = time;
        var meter = meters.Create("Lyceum.Durability");
        meter.CreateObservableGauge("lyceum.loop.stalled", Measure, "s",
            "How long a loop has not got on with what it has to write, by loop and cause; 0 once it gets on");
        _rejected = meter.CreateCounter<long>("lyceum.loop.rejected", "{item}",
            "What the database refused for its data, by loop: it failed, and was not retried");
    }

    /// <summary>A loop, or one piece of work of a loop that has several at once, under the loop's name.</summary>
    /// <param name="forget">
    /// For work that others send: a failure that is older, without a new attempt, is over. Null: the loop itself tries
    /// until it gets on.
    /// </param>
    public Loop Follow(string name, TimeSpan? forget = null)
    {
        var loop = new Loop(this, name, forget);
        _loops[loop] = 0;
        return loop;
    }

    /// <summary>The longest of each loop, of what has not got on for <see cref="StalledAfter"/>.</summary>
    internal List<StalledLoop> Stalled() =>
        [.. _loops.Keys.Select(loop => loop.Stall()).OfType<StalledLoop>().Where(stall => stall.For >= StalledAfter)
            .GroupBy(stall => stall.Name).Select(stalls => stalls.MaxBy(stall => (stall.Cause, stall.For))!)
            .OrderBy(stall => stall.Name, StringComparer.Ordinal)];

    private List<Measurement<double>> Measure()
    {
        var stalled = Stalled().ToDictionary(stall => (stall.Name, stall.Cause), stall => stall.For.TotalSeconds);
        lock (_measured)
        {
            // An exporter repeats the last value of a series that is not measured any more.
            _measured.UnionWith(stalled.Keys);
            return [.. _measured.Select(series => new Measurement<double>(
                stalled.GetValueOrDefault(series),
                new("loop", series.Name), new("cause", series.Cause.ToString().ToLowerInvariant())))];
        }
    }

    public sealed class Loop : IDisposable
    {
        private readonly LoopProgress _progress;
        private readonly string _name;
        private readonly TimeSpan? _forget;
        private readonly Lock _lock = new();
        private long? _since; // since when it has had something to write; under _lock, as those below
        private long _tried;
        private DatabaseFailure _cause;
        private string? _sqlState;

        internal Loop(LoopProgress progress, string name, TimeSpan? forget) =>
            (_progress, _name, _forget) = (progress, name, forget);

        /// <summary>There is something to write. Until <see cref="Done"/> the loop does not get on.</summary>
        public void Begin()
        {
            lock (_lock)
            {
                _tried = _progress._time.GetTimestamp();
                _since ??= _tried;
            }
        }

        /// <summary>An attempt failed. Without one, what takes long is waiting for the connection.</summary>
        public void Failed(Exception reason)
        {
            lock (_lock)
            {
                _tried = _progress._time.GetTimestamp();
                _since ??= _tried;
                (_cause, _sqlState) = (DatabaseFailures.Of(reason), DatabaseFailures.SqlState(reason));
            }
        }

        /// <summary>It is written, or need not be any more.</summary>
        public void Done()
        {
            lock (_lock)
                (_since, _cause, _sqlState) = (null, DatabaseFailure.Connection, null);
        }

        /// <summary>An item was refused for its data: it failed.</summary>
        public void Rejected() => _progress._rejected.Add(1, new KeyValuePair<string, object?>("loop", _name));

        internal StalledLoop? Stall()
        {
            lock (_lock)
            {
                return _since is { } since && !(_progress._time.GetElapsedTime(_tried) > _forget)
                    ? new(_name, _progress._time.GetElapsedTime(since), _cause, _sqlState)
                    : null;
            }
        }

        public void Dispose() => _progress._loops.TryRemove(this, out _);
    }
}

/// <summary>A loop that has not got on.</summary>
/// <param name="SqlState">Null: the database did not answer.</param>
internal sealed record StalledLoop(string Name, TimeSpan For, DatabaseFailure Cause, string? SqlState);

/// <summary>
/// The check <c>writing</c>: degraded where a loop waits for the database, as during a failover, and answers 200;
/// unhealthy where waiting will not help.
/// </summary>
internal sealed class WritingHealth(LoopProgress progress) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var stalled = progress.Stalled();
        if (stalled.Count == 0)
            return Task.FromResult(HealthCheckResult.Healthy());
        var detail = string.Join("; ", stalled.Select(stall =>
            $"{stall.Name} has written nothing for {stall.For.TotalSeconds:0} s: {Cause(stall.Cause)}"
            + (stall.SqlState is null ? "" : $" (SQLSTATE {stall.SqlState})")));
        return Task.FromResult(stalled.TrueForAll(stall => stall.Cause == DatabaseFailure.Connection)
            ? HealthCheckResult.Degraded(detail)
            : HealthCheckResult.Unhealthy(detail));
    }

    private static string Cause(DatabaseFailure cause) => cause switch
    {
        DatabaseFailure.Connection => "the database does not answer",
        DatabaseFailure.Data => "the database refuses a value",
        DatabaseFailure.Deployment => "schema, rights or password of the database do not fit this version",
        _ => "the cause is unknown, see the log",
    };
}
