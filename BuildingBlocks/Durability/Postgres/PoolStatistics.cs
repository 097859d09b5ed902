using System.Diagnostics.Metrics;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// <c>/health/db</c>: how the pool of connections for requests stands, in the words of the pools that operators know.
/// </summary>
/// <param name="PoolSize">Connections that are kept open (<c>Minimum Pool Size</c>).</param>
/// <param name="CheckedIn">Open and free.</param>
/// <param name="CheckedOut">In use.</param>
/// <param name="Overflow">Open beyond <paramref name="PoolSize"/>; closed again when they are not needed.</param>
/// <param name="Waiting">Requests that wait for a connection.</param>
/// <param name="MaxPoolSize">The most there will be (<c>Maximum Pool Size</c>).</param>
public sealed record PoolDocument(int PoolSize, int CheckedIn, int CheckedOut, int Overflow, int Waiting, int MaxPoolSize);

/// <summary>
/// Reads one pool's figures from Npgsql's own meter, where each pool has its name. Made before the pool, since those who wait are
/// counted as they come and go.
/// </summary>
public sealed class PoolStatistics : IDisposable
{
    private const string PoolName = "db.client.connection.pool.name";
    private const string Count = "db.client.connection.count";
    private const string Pending = "db.client.connection.npgsql.pending_requests";

    private readonly MeterListener _listener = new();
    private readonly Lock _reading = new();
    private readonly string _pool;
    private readonly int _smallest;
    private readonly int _largest;
    private int _idle;  // this and the next: set by a reading, under its lock
    private int _used;
    private int _waiting;

    /// <param name="pool">The connection string of the pool; its application name is the pool's name.</param>
    internal PoolStatistics(NpgsqlConnectionStringBuilder pool)
    {
        (_pool, _smallest, _largest) = (pool.ApplicationName!, pool.MinPoolSize, pool.MaxPoolSize);
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Npgsql" && instrument.Name is Count or Pending)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>(Measured);
        _listener.Start();
    }

    public PoolDocument Read()
    {
        lock (_reading)
        {
            (_idle, _used) = (0, 0);
            _listener.RecordObservableInstruments();
            return new(_smallest, _idle, _used, Math.Max(0, _idle + _used - _smallest), Math.Max(0, Volatile.Read(ref _waiting)), _largest);
        }
    }

    private void Measured(Instrument instrument, int value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var (mine, idle) = (false, false);
        foreach (var (name, tag) in tags)
        {
            mine |= name == PoolName && (string?)tag == _pool;
            idle |= (string?)tag == "idle";
        }
        if (!mine)
            return;
        if (instrument.Name == Pending)
            Interlocked.Add(ref _waiting, value);
        else if (idle)
            _idle += value;
        else
            _used += value;
    }

    public void Dispose() => _listener.Dispose();
}
