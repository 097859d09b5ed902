using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Text;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Searching;

/// <summary>
/// Gives terms to what has none: messages and titles of before there was a search, of the version before, and answers whose
/// end another than their writer stored. The newest first, a batch per transaction; replicas share them (SKIP LOCKED).
/// </summary>
internal sealed partial class TermsSweep(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<TermsSweep> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Texts at once; of 64 kB each at most.</summary>
    private const int Batch = 100;

    private static readonly string Messages =
        $"""
         SELECT m.id, c.tenant, c.owner, left(m.content, {PersonTerms.MaxText})
         FROM messages m JOIN conversations c ON c.id = m.conversation_id
         WHERE m.terms IS NULL AND m.status <> 'streaming' ORDER BY m.id DESC LIMIT $1 FOR UPDATE OF m SKIP LOCKED
         """;

    private const string Titles =
        """
        SELECT id, tenant, owner, title FROM conversations
        WHERE title_terms IS NULL ORDER BY id DESC LIMIT $1 FOR UPDATE SKIP LOCKED
        """;

    private const string SetMessages =
        "UPDATE messages m SET terms = u.terms::tsvector FROM unnest($1, $2) AS u(id, terms) WHERE m.id = u.id";

    private const string SetTitles =
        "UPDATE conversations c SET title_terms = u.terms::tsvector FROM unnest($1, $2) AS u(id, terms) WHERE c.id = u.id";

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
        foreach (var (select, set) in new[] { (Messages, SetMessages), (Titles, SetTitles) })
        {
            for (var size = Batch; ;)
            {
                try
                {
                    if (await FillAsync(select, set, size, areFound: true, cancellationToken) < size)
                        break;
                }
                catch (Exception e) when (DatabaseFailures.Of(e) is DatabaseFailure.Data)
                {
                    // One of them: alone it is not found, the others are.
                    if (size == 1)
                        await FillAsync(select, set, 1, areFound: false, cancellationToken);
                    LogRefused(e);
                    size = 1;
                }
            }
        }
    }

    /// <param name="areFound">False: they get no terms, and are done.</param>
    /// <returns>How many.</returns>
    private async Task<int> FillAsync(string select, string set, int size, bool areFound, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var (ids, vectors) = (new List<Guid>(), new List<string>());
        await using (var command = new NpgsqlCommand(select, connection))
        {
            command.Parameters.Add(new() { Value = size });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                ids.Add(reader.GetGuid(0));
                vectors.Add(areFound ? PersonTerms.Vector(reader.GetString(1), reader.GetString(2), reader.GetString(3)) : "");
            }
        }
        if (ids.Count == 0)
            return 0;
        await using var update = new NpgsqlCommand(set, connection);
        update.Parameters.Add(new() { Value = ids });
        update.Parameters.Add(new() { Value = vectors, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text });
        await update.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return ids.Count;
    }

    [LoggerMessage(LogLevel.Error, "Terms of a message or title refused by the database for their data: it is not found by searches")]
    private partial void LogRefused(Exception reason);

    [LoggerMessage(LogLevel.Warning, "Terms of messages not filled in, retrying: {Reason}")]
    private partial void LogRetry(string reason);
}
