using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Npgsql;

namespace Lyceum.RoadmapWorker.Practice;

/// <summary>
/// Tells persons when what they have practised became due again: the event <c>practice.due</c>, once for each item and
/// due moment, and one event for all items of a person that are found at once. What was told is marked in the statement
/// that tells it, so that nothing is told twice or lost, whoever dies; replicas skip the rows that another one has.
/// </summary>
internal sealed partial class DueSweep(
    NpgsqlDataSource source, DatabaseReady ready, LoopProgress progress, TimeProvider time, ILogger<DueSweep> logger)
    : BackgroundService
{
    /// <summary>Items that one statement takes.</summary>
    private const int Batch = 500;

    // Whoever holds the lock of a head waits for no card: so nobody waits in a circle. An item that was superseded is
    // marked, and not told.
    private const string Tell =
        """
        WITH due AS (
            SELECT tenant, subject, item_id FROM practice_cards
            WHERE told_due IS DISTINCT FROM due AND reps > 0 AND due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED),
        told AS (
            UPDATE practice_cards c SET told_due = c.due FROM due d
            WHERE c.tenant = d.tenant AND c.subject = d.subject AND c.item_id = d.item_id
            RETURNING c.tenant, c.subject, c.item_id, c.due),
        persons AS (
            SELECT t.tenant, t.subject, count(*) AS items, min(t.due) AS since FROM told t
            JOIN practice_items i ON i.id = t.item_id WHERE i.superseded_by IS NULL GROUP BY t.tenant, t.subject)
        SELECT (SELECT count(*) FROM told)::int, (
            SELECT tell_persons(
                array_agg(tenant), array_agg(subject), array_agg('practice.due'::text),
                array_agg(jsonb_build_object('items', items, 'since', since)))
            FROM persons HAVING count(*) > 0)::text
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly LoopProgress.Loop _loop = progress.Follow(nameof(DueSweep));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                _loop.Begin();
                await SweepAsync(stoppingToken);
                _loop.Done();
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                _loop.Failed(e);
                LogRetry(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        int told;
        do
        {
            await using var command = source.CreateCommand(Tell);
            command.Parameters.Add(new() { Value = time.GetStoredNow() });
            command.Parameters.Add(new() { Value = Batch });
            told = (int)(await command.ExecuteScalarAsync(cancellationToken))!;
        }
        while (told == Batch);
    }

    [LoggerMessage(LogLevel.Warning, "Persons not told of what is due, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
