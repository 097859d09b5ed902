using System.Diagnostics;
using Npgsql;

namespace Lyceum.Tests.ChaosTests;

/// <summary>
/// Looks ten times a second, as long as it lives, for answers that are being written by nobody, and remembers the longest
/// time one stayed so. Time in which Postgres takes no query does not count: nothing could be taken over then.
/// </summary>
public sealed class OwnerWatch : IAsyncDisposable
{
    private const string Ownerless =
        """
        SELECT g.id FROM generations g WHERE g.ended_at IS NULL AND NOT EXISTS
            (SELECT 1 FROM owners o WHERE o.id = g.owner AND o.lease_until > clock_timestamp())
        """;

    private readonly ChatHouse _house;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private Dictionary<Guid, TimeSpan> _ownerless = [];
    private long _worst; // ticks

    public OwnerWatch(ChatHouse house)
    {
        _house = house;
        _loop = WatchAsync(_stop.Token);
    }

    public TimeSpan Worst => new(Interlocked.Read(ref _worst));

    /// <summary>The worst since the last call.</summary>
    public TimeSpan TakeWorst() => new(Interlocked.Exchange(ref _worst, 0));

    private async Task WatchAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        try
        {
            while (true)
            {
                try
                {
                    await using var connection = await _house.OpenDatabaseAsync();
                    await using var command = new NpgsqlCommand(Ownerless, connection);
                    var last = Stopwatch.GetTimestamp();
                    while (await timer.WaitForNextTickAsync(stop))
                        last = await LookAsync(command, last, stop);
                }
                catch (NpgsqlException)
                {
                    await timer.WaitForNextTickAsync(stop); // Postgres is away
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to end.
        }
    }

    private async Task<long> LookAsync(NpgsqlCommand command, long last, CancellationToken stop)
    {
        var now = new Dictionary<Guid, TimeSpan>();
        await using var reader = await command.ExecuteReaderAsync(stop);
        var time = Stopwatch.GetTimestamp();
        while (await reader.ReadAsync(stop))
        {
            var id = reader.GetGuid(0);
            now[id] = _ownerless.TryGetValue(id, out var before) ? before + Stopwatch.GetElapsedTime(last, time) : TimeSpan.Zero;
        }
        _ownerless = now;
        var worst = now.Values.DefaultIfEmpty().Max().Ticks;
        if (worst > Interlocked.Read(ref _worst))
            Interlocked.Exchange(ref _worst, worst);
        return time;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }
}
