using System.Collections.Concurrent;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// What each tenant keeps of one kind of thing, in rows and bytes, where counting exactly before each insert would cost
/// more than the insert: read from the tables each <see cref="Interval"/>, and between two readings what this
/// replica added is added. So a quota holds but for what other replicas add within that time.
/// </summary>
/// <param name="sums">A query of two columns, rows and bytes (both <c>bigint</c>), of the tenant <c>$1</c>.</param>
public sealed class TenantQuota(NpgsqlDataSource source, string sums, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>A tenant at its quota is read again sooner: it may have deleted something.</summary>
    private static readonly TimeSpan IntervalWhenFull = TimeSpan.FromSeconds(1);

    /// <summary>Tenants that are remembered; when there are more, all are forgotten.</summary>
    private const int MaxTenants = 10_000;

    private readonly ConcurrentDictionary<string, Kept> _tenants = new(StringComparer.Ordinal);

    private sealed class Kept
    {
        public readonly Lock Lock = new();
        public long Rows;
        public long Bytes;
        public long ReadAt;
        public Task? Reading;
    }

    /// <summary>Counts what is about to be added.</summary>
    /// <returns>
    /// False: it would be more than the quota; nothing is counted. True also where the database does not say: the
    /// insert itself will fail then.
    /// </returns>
    public async ValueTask<bool> TryAddAsync(
        string tenant, long rows, long bytes, long maxRows, long maxBytes, CancellationToken cancellationToken)
    {
        if (_tenants.Count >= MaxTenants)
            _tenants.Clear();
        var kept = _tenants.GetOrAdd(tenant, static _ => new Kept());
        try
        {
            await ReadAsync(tenant, kept, Interval, cancellationToken);
            if (TryAdd(kept, rows, bytes, maxRows, maxBytes))
                return true;
            await ReadAsync(tenant, kept, IntervalWhenFull, cancellationToken);
            return TryAdd(kept, rows, bytes, maxRows, maxBytes);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return true;
        }
    }

    private static bool TryAdd(Kept kept, long rows, long bytes, long maxRows, long maxBytes)
    {
        lock (kept.Lock)
        {
            if (kept.Rows + rows > maxRows || kept.Bytes + bytes > maxBytes)
                return false;
            kept.Rows += rows;
            kept.Bytes += bytes;
            return true;
        }
    }

    /// <summary>Unless it was read within <paramref name="age"/>; one reading serves all who wait for it.</summary>
    private Task ReadAsync(string tenant, Kept kept, TimeSpan age, CancellationToken cancellationToken)
    {
        lock (kept.Lock)
        {
            if (kept.ReadAt != 0 && time.GetElapsedTime(kept.ReadAt) < age)
                return Task.CompletedTask;
            if (kept.Reading is null or { IsCompleted: true })
                kept.Reading = Task.Run(() => ReadAsync(tenant, kept), CancellationToken.None);
            return kept.Reading.WaitAsync(cancellationToken);
        }
    }

    private async Task ReadAsync(string tenant, Kept kept)
    {
        await using var command = source.CreateCommand(sums);
        command.Parameters.Add(new() { Value = tenant });
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        var (rows, bytes) = (reader.GetInt64(0), reader.GetInt64(1));
        lock (kept.Lock)
            (kept.Rows, kept.Bytes, kept.ReadAt) = (rows, bytes, time.GetTimestamp());
    }
}
