using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Durability.Events;

/// <summary>
/// Wakes who follows a person's events: one query every <see cref="Interval"/> for all that are followed in this process,
/// and none where nobody is. No notification: one inside the change's transaction would serialise all commits.
/// </summary>
public sealed partial class PersonEventHeads(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<PersonEventHeads> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(300);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Tenant, string Person), Followed> _followed = []; // under _lock

    private sealed class Followed
    {
        public long Number;
        public readonly List<ReaderSignal> Signals = [];
    }

    /// <summary>Sets <paramref name="signal"/> when there is something new of the person, until disposed.</summary>
    public IDisposable Follow(string tenant, string person, ReaderSignal signal)
    {
        lock (_lock)
        {
            if (!_followed.TryGetValue((tenant, person), out var followed))
                _followed[(tenant, person)] = followed = new();
            followed.Signals.Add(signal);
        }
        return new Following(this, (tenant, person), signal);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        var away = false;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await ReadAsync(stoppingToken);
                away = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (!away)
                    LogAway(e.Message);
                away = true;
            }
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        string[] tenants, persons;
        lock (_lock)
        {
            if (_followed.Count == 0)
                return;
            (tenants, persons) = ([.. _followed.Keys.Select(key => key.Tenant)], [.. _followed.Keys.Select(key => key.Person)]);
        }
        await using var command = source.CreateCommand(
            "SELECT tenant, person, number FROM unnest($1, $2) AS f(tenant, person) JOIN person_event_heads h USING (tenant, person)");
        command.Parameters.Add(new() { Value = tenants });
        command.Parameters.Add(new() { Value = persons });
        var heads = new List<((string, string) Key, long Number)>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                heads.Add(((reader.GetString(0), reader.GetString(1)), reader.GetInt64(2)));
        }
        lock (_lock)
        {
            foreach (var (key, number) in heads)
            {
                if (!_followed.TryGetValue(key, out var followed) || followed.Number == number)
                    continue;
                followed.Number = number;
                followed.Signals.ForEach(signal => signal.Set());
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Events of persons not read, trying again: {Reason}")]
    private partial void LogAway(string reason);

    private sealed class Following(PersonEventHeads heads, (string, string) key, ReaderSignal signal) : IDisposable
    {
        public void Dispose()
        {
            lock (heads._lock)
            {
                if (heads._followed.TryGetValue(key, out var followed) && followed.Signals.Remove(signal)
                    && followed.Signals.Count == 0)
                    heads._followed.Remove(key);
            }
        }
    }
}
