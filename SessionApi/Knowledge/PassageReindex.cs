using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.SessionApi.Knowledge;

/// <summary>
/// Brings the stored terms and places of all passages to <see cref="SearchTerms.Version"/> after an upgrade: a document per
/// transaction, its passages together with its version, so that it goes on where it was stopped. Passages keep their text
/// and their ids.
/// </summary>
/// <remarks>
/// One replica works at a time, by an advisory lock; another takes over within <see cref="Interval"/>. Searches go on
/// meanwhile: a document that is not done yet is found by the words whose terms did not change. A replica of an older
/// version leaves newer documents alone, and what it uploads is done here later.
/// </remarks>
internal sealed partial class PassageReindex(
    NpgsqlDataSource source, DatabaseReady ready, TimeProvider time, ILogger<PassageReindex> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <summary>Passages read and written at once; 1.4 MB of text at most.</summary>
    private const int Batch = 500;

    /// <summary>The advisory lock's number, "kb index" in ASCII; shown by <c>pg_locks</c>.</summary>
    internal const long Lock = 0x6B6220696E646578;

    private readonly List<Guid> _refused = []; // whose new terms the database refuses, until the next start

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        while (true)
        {
            try
            {
                var (started, documents) = (time.GetTimestamp(), 0);
                while (await ReindexOneAsync(stoppingToken))
                    documents++;
                if (documents > 0)
                    LogDone(documents, SearchTerms.Version, time.GetElapsedTime(started));
            }
            catch (NpgsqlException e) when (!stoppingToken.IsCancellationRequested)
            {
                LogRetry(e.Message);
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    /// <returns>False where no document is left, or another replica does them.</returns>
    internal async Task<bool> ReindexOneAsync(CancellationToken cancellationToken)
    {
        Guid? document = null;
        try
        {
            return await ReindexOneAsync(next => document = next, cancellationToken);
        }
        catch (Exception e) when (document is not null && DatabaseFailures.Of(e) is DatabaseFailure.Data)
        {
            // It is found by its old terms; the others are not to wait for it.
            LogRefused(e, document.Value);
            _refused.Add(document.Value);
            return true;
        }
    }

    private async Task<bool> ReindexOneAsync(Action<Guid> found, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await NextAsync(connection, cancellationToken) is not (var id, var name, var mediaType))
            return false;
        found(id);
        var after = -1;
        var layout = new ContentLayout(mediaType);
        while (await ReadAsync(connection, id, after, cancellationToken) is { Count: > 0 } passages)
        {
            await using var update = new NpgsqlCommand(
                """
                UPDATE passages p SET terms = u.terms::tsvector, start = u.start
                FROM unnest($2, $3, $4) AS u(position, terms, start)
                WHERE p.document_id = $1 AND p.position = u.position
                """, connection);
            update.Parameters.Add(new() { Value = id });
            update.Parameters.Add(new() { Value = passages.Select(p => p.Position).ToArray() });
            update.Parameters.Add(new()
            {
                Value = passages.Select(p => SearchTerms.Vector(name, p.Section, p.Text)).ToArray(),
                NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
            });
            update.Parameters.Add(new()
            {
                Value = passages.Select(p => layout.Place(p.Page, p.Section, p.Text)).ToArray(),
                NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer,
            });
            await update.ExecuteNonQueryAsync(cancellationToken);
            after = passages[^1].Position;
        }
        await using var done = new NpgsqlCommand("UPDATE documents SET index_version = $2 WHERE id = $1", connection);
        done.Parameters.Add(new() { Value = id });
        done.Parameters.Add(new() { Value = SearchTerms.Version });
        await done.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>
    /// A document that is not up to date, locked until the transaction ends; none that an upload has locked.
    /// </summary>
    private async Task<(Guid Id, string Name, string MediaType)?> NextAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var free = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)", connection);
        free.Parameters.Add(new() { Value = Lock });
        if (await free.ExecuteScalarAsync(cancellationToken) is not true)
            return null;
        await using var command = new NpgsqlCommand(
            """
            SELECT id, name, media_type FROM documents WHERE index_version < $1 AND id <> ALL ($2) LIMIT 1
            FOR UPDATE SKIP LOCKED
            """,
            connection);
        command.Parameters.Add(new() { Value = SearchTerms.Version });
        command.Parameters.Add(new() { Value = _refused.ToArray() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? (reader.GetGuid(0), reader.GetString(1), reader.GetString(2))
            : null;
    }

    private static async Task<List<(int Position, string Section, string Text, int? Page)>> ReadAsync(
        NpgsqlConnection connection, Guid document, int after, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT position, section, text, page FROM passages WHERE document_id = $1 AND position > $2
            ORDER BY position LIMIT $3
            """, connection);
        command.Parameters.Add(new() { Value = document });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = Batch });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var passages = new List<(int, string, string, int?)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var page = await reader.GetFieldValueAsync<int?>(3, cancellationToken);
            passages.Add((reader.GetInt32(0), reader.GetString(1), reader.GetString(2), page));
        }
        return passages;
    }

    [LoggerMessage(
        LogLevel.Information, "passages of {Documents} documents reindexed to version {Version} in {Elapsed}")]
    private partial void LogDone(int documents, int version, TimeSpan elapsed);

    [LoggerMessage(LogLevel.Error, "passages of document {Document} not reindexed: the database refuses them for their data")]
    private partial void LogRefused(Exception reason, Guid document);

    [LoggerMessage(LogLevel.Warning, "passages not reindexed, trying again: {Reason}")]
    private partial void LogRetry(string reason);
}
