using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Durability.Events;

/// <summary>
/// Keeps events bounded: the last week's, and of one person the last <see cref="MaxOfPerson"/>. Who comes back later gets a
/// <c>reset</c>. Every replica does it; the statements do not conflict.
/// </summary>
public sealed partial class PersonEventRetention(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<PersonEventRetention> logger) : BackgroundService
{
    public const int MaxOfPerson = 10_000;

    private const int Batch = 1000;
    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    private const string DeleteOld =
        """
        DELETE FROM person_events WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM person_events WHERE at < clock_timestamp() - $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
        """;

    private const string DeleteMany =
        """
        DELETE FROM person_events WHERE ctid = ANY (ARRAY(
            SELECT e.ctid FROM person_event_heads h CROSS JOIN LATERAL (
                SELECT ctid FROM person_events p
                WHERE p.tenant = h.tenant AND p.person = h.person AND p.number <= h.number - $1
                ORDER BY p.number LIMIT $2) e
            WHERE h.number > $1 LIMIT $2))
        """;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        foreach (var (sql, bound) in ((string, object)[])[(DeleteOld, Kept), (DeleteMany, MaxOfPerson)])
        {
            int deleted;
            do
            {
                await using var command = source.CreateCommand(sql);
                command.Parameters.Add(new() { Value = bound });
                command.Parameters.Add(new() { Value = Batch });
                deleted = await command.ExecuteNonQueryAsync(cancellationToken);
            }
            while (deleted == Batch);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Old events of persons not deleted, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
