using System.Diagnostics;
using Npgsql;

namespace Lyceum.Tests.IntegrationTests.Chaos;

/// <summary>The longest time an answer was being written by nobody.</summary>
/// <param name="All">Also while no replica was alive at all.</param>
/// <param name="Attended">Only while a replica was alive that could take it over.</param>
public sealed record Ownerless(TimeSpan All, TimeSpan Attended)
{
    public static readonly Ownerless None = new(TimeSpan.Zero, TimeSpan.Zero);

    public static Ownerless Max(Ownerless a, Ownerless b) =>
        new(a.All > b.All ? a.All : b.All, a.Attended > b.Attended ? a.Attended : b.Attended);
}

/// <summary>
/// Looks ten times a second, as long as it lives, for answers that are being written by nobody, and remembers the longest
/// time one stayed so. Time in which Postgres takes no query does not count: nothing could be taken over then.
/// </summary>
public sealed class OwnerWatch : IAsyncDisposable
{
    private const string Unowned =
        """
        SELECT g.id, EXISTS (SELECT 1 FROM owners o WHERE o.lease_until > clock_timestamp())
        FROM generations g WHERE g.ended_at IS NULL AND NOT EXISTS
            (SELECT 1 FROM owners o WHERE o.id = g.owner AND o.lease_until > clock_timestamp())
        """;

    private readonly SharedSystem _system;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private readonly Lock _lock = new();
    private Dictionary<Guid, Ownerless> _unowned = [];
    private Ownerless _worst = Ownerless.None; // under _lock

    public OwnerWatch(SharedSystem system)
    {
        _system = system;
        _loop = WatchAsync(_stop.Token);
    }

    /// <summary>The worst since the last call.</summary>
    public Ownerless TakeWorst()
    {
        lock (_lock)
        {
            var worst = _worst;
            _worst = Ownerless.None;
            return worst;
        }
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        try
        {
            while (true)
            {
                try
                {
                    await using var connection = await _system.OpenDatabaseAsync("chatdb");
                    await using var command = new NpgsqlCommand(Unowned, connection);
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
        var now = new Dictionary<Guid, Ownerless>();
        await using var reader = await command.ExecuteReaderAsync(stop);
        var (time, passed) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(last));
        while (await reader.ReadAsync(stop))
        {
            var (id, attended) = (reader.GetGuid(0), reader.GetBoolean(1));
            now[id] = _unowned.TryGetValue(id, out var before)
                ? new(before.All + passed, before.Attended + (attended ? passed : TimeSpan.Zero))
                : Ownerless.None;
        }
        _unowned = now;
        lock (_lock)
            _worst = now.Values.Aggregate(_worst, Ownerless.Max);
        return time;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }
}
