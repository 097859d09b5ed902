using Lyceum.Durability.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Durability.Persons;

/// <summary>
/// Erases one person from one database (docs/adr/0044). Idempotent: asked again it goes on where it was.
/// <list type="number">
/// <item>The tombstone is committed: from now on guards refuse what comes late.</item>
/// <item>What is being done for the person is stopped, within its patience.</item>
/// <item>Every transaction that was running at the tombstone's commit is over: nobody is left who has not seen it.</item>
/// <item>What is shared with classes becomes another's; the rest of the rows is deleted, in bounded statements.</item>
/// <item>Every transaction that has seen them is over, and what they left behind is deleted.</item>
/// </list>
/// </summary>
public sealed partial class PersonErasure(
    NpgsqlDataSource source, DatabaseReady ready, PersonTables tables, IEnumerable<IPersonalWork> works,
    TimeProvider time, ILogger<PersonErasure> logger)
{
    /// <summary>How long one call works; the next one goes on.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan WaitForOthers = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <returns>Whether nothing of the person is left, or can come.</returns>
    /// <exception cref="NpgsqlException">The database is away: ask again.</exception>
    public async Task<bool> EraseAsync(
        string tenant, string person, CancellationToken cancellationToken, Inheritance? inheritance = null)
    {
        ready.ThrowIfNotReady();
        var begun = time.GetTimestamp();
        var (barrier, age) = await MarkAsync(tenant, person, cancellationToken);
        foreach (var work in works)
        {
            if (!await work.StopAsync(tenant, person, cancellationToken) && age < work.Patience)
                return false;
        }
        if (!await AreOverAsync(barrier, cancellationToken))
            return false;
        foreach (var work in works)
            await work.PassOnAsync(tenant, person, inheritance ?? Inheritance.None, cancellationToken);
        long rows = 0;
        foreach (var table in tables.All)
        {
            // A row that was changed at this moment is not erased by the statement that waited for it.
            while (table.AtErasure != AtErasure.Cascade && await HasRowsAsync(table, tenant, person, cancellationToken))
            {
                if (time.GetElapsedTime(begun) > Longest)
                    return false;
                rows += await EraseAsync(table, tenant, person, cancellationToken);
            }
        }
        if (!await AreOverAsync(await ScalarAsync(
                "SELECT pg_current_xact_id()::text::bigint", cancellationToken), cancellationToken))
            return false;
        foreach (var work in works)
            await work.CleanAsync(tenant, person, cancellationToken);
        if (rows > 0)
            LogErased(tenant, person, rows);
        return true;
    }

    private async Task<(long Barrier, TimeSpan Age)> MarkAsync(
        string tenant, string person, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using (var mark = new NpgsqlCommand(
            """
            INSERT INTO erased_persons (tenant, person, at, barrier)
            SELECT $1, $2, clock_timestamp(), pg_current_xact_id()::text::bigint
            WHERE NOT EXISTS (SELECT FROM erased_persons WHERE tenant = $1 AND person = $2)
            ON CONFLICT DO NOTHING
            """, connection))
        {
            Add(mark, tenant, person);
            await mark.ExecuteNonQueryAsync(cancellationToken);
        }
        await using var read = new NpgsqlCommand(
            "SELECT barrier, clock_timestamp() - at FROM erased_persons WHERE tenant = $1 AND person = $2", connection);
        Add(read, tenant, person);
        await using var reader = await read.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var marked = (reader.GetInt64(0), reader.GetTimeSpan(1));
        await reader.DisposeAsync();
        await watch.ConfirmAsync(cancellationToken);
        return marked;
    }

    /// <summary>
    /// Whether every transaction up to this one is over. After a restore into another server, whose numbers are lower,
    /// they all are.
    /// </summary>
    private async Task<bool> AreOverAsync(long barrier, CancellationToken cancellationToken)
    {
        for (var begun = time.GetTimestamp(); ; await Task.Delay(Pause, time, cancellationToken))
        {
            if (await ScalarAsync(
                $"""
                SELECT CASE WHEN pg_snapshot_xmin(s)::text::bigint > {barrier} OR pg_snapshot_xmax(s)::text::bigint <= {barrier}
                    THEN 1 ELSE 0 END FROM pg_current_snapshot() s
                """, cancellationToken) == 1)
                return true;
            if (time.GetElapsedTime(begun) > WaitForOthers)
                return false;
        }
    }

    private async Task<int> EraseAsync(
        PersonTable table, string tenant, string person, CancellationToken cancellationToken)
    {
        var change = table.AtErasure == AtErasure.Delete
            ? $"DELETE FROM {table.Name}" : $"UPDATE {table.Name} SET {table.Unnamed ?? $"{table.Column} = ''"}";
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var command = new NpgsqlCommand(
            $"{change} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table.Name} WHERE {table.Where} LIMIT {table.Batch} FOR UPDATE))",
            connection);
        Add(command, tenant, person);
        var rows = await command.ExecuteNonQueryAsync(cancellationToken);
        await watch.ConfirmAsync(cancellationToken);
        return rows;
    }

    private async Task<bool> HasRowsAsync(
        PersonTable table, string tenant, string person, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand($"SELECT EXISTS (SELECT FROM {table.Name} WHERE {table.Where})");
        Add(command, tenant, person);
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task<long> ScalarAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), null);
    }

    private static void Add(NpgsqlCommand command, string tenant, string person)
    {
        command.Parameters.Add(new() { Value = tenant });
        command.Parameters.Add(new() { Value = person });
    }

    [LoggerMessage(LogLevel.Information, "Person {Person} of tenant {Tenant} erased: {Rows} rows")]
    private partial void LogErased(string tenant, string person, long rows);
}
