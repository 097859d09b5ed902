using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Transcripts;

/// <summary>
/// Gives terms to turns that have ended: a turn is found some seconds after. The newest first, a batch per transaction; replicas share
/// them (SKIP LOCKED).
/// </summary>
internal sealed partial class TranscriptTermsSweep(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<TranscriptTermsSweep> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private const int Batch = 100;

    private static readonly string Select =
        $"""
         SELECT t.session_number, t.turn, s.tenant, s.subject, left(t.question || E'\n' || COALESCE(t.answer, ''), {PersonTerms.MaxText})
         FROM session_turns t JOIN sessions s ON s.number = t.session_number
         WHERE t.terms IS NULL AND t.status IS NOT NULL AND s.subject IS NOT NULL
         ORDER BY t.session_number DESC, t.turn DESC LIMIT $1 FOR UPDATE OF t SKIP LOCKED
         """;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException && !stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        for (var size = Batch; ;)
        {
            try
            {
                if (await FillAsync(size, areFound: true, cancellationToken) < size)
                    return;
            }
            catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
            {
                // One of them: alone it is not found, the others are.
                if (size == 1)
                    await FillAsync(1, areFound: false, cancellationToken);
                LogRefused(e);
                size = 1;
            }
        }
    }

    /// <param name="areFound">False: they get no terms, and are done.</param>
    private async Task<int> FillAsync(int size, bool areFound, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var turns = new List<(long Number, int Turn, string Terms)>();
        await using (var command = new NpgsqlCommand(Select, connection))
        {
            command.Parameters.Add(new() { Value = size });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                turns.Add((reader.GetInt64(0), reader.GetInt32(1),
                    areFound ? PersonTerms.Vector(reader.GetString(2), reader.GetString(3), reader.GetString(4)) : ""));
            }
        }
        if (turns.Count == 0)
            return 0;
        await using var update = Rows.Command(
            """
            UPDATE session_turns t SET terms = u.terms::tsvector FROM unnest($1, $2, $3) AS u(session_number, turn, terms)
            WHERE t.session_number = u.session_number AND t.turn = u.turn
            """,
            Rows.Column(turns, NpgsqlDbType.Bigint, turn => turn.Number), Rows.Column(turns, NpgsqlDbType.Integer, turn => turn.Turn),
            Rows.Column(turns, NpgsqlDbType.Text, turn => turn.Terms)).On(connection);
        await update.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return turns.Count;
    }

    [LoggerMessage(LogLevel.Error, "Terms of a turn refused by the database for their data: it is not found by searches")]
    private partial void LogRefused(Exception reason);

    [LoggerMessage(LogLevel.Warning, "Terms of turns not filled in, retrying: {Reason}")]
    private partial void LogRetry(string reason);
}
