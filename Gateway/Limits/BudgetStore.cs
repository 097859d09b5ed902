using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Limits;

/// <summary>Names a budget: its account and its unit.</summary>
internal sealed record BudgetAccount(string Account, string Unit);

/// <summary>
/// The statements on <c>budgets</c>. Each is one atomic step; none is ever repeated after a failure, because it may have been
/// committed: a block taken twice is lost to the callers, one given back twice would be spent twice.
/// </summary>
internal sealed class BudgetStore(NpgsqlDataSource source, DatabaseReady ready)
{
    /// <summary>A request waits for these statements; a database that takes longer counts as unavailable.</summary>
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A block is at most the remaining units divided by this, so that the last units are taken one by one.
    /// </summary>
    private const int Share = 32;

    /// <summary>
    /// Takes a block: all of <paramref name="needed"/> if that much remains, up to <paramref name="wanted"/> if that is
    /// a small part of what remains. Durable when it returns. If too little remains, <c>wanted_at</c> tells the other
    /// replicas.
    /// </summary>
    /// <exception cref="NpgsqlException">
    /// The database is unavailable; whether the block was taken is unknown.
    /// </exception>
    public async Task<long> TakeAsync(
        BudgetAccount account, BudgetSpan period, long limit, long needed, long wanted, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        using var bound = Bound(cancellationToken);
        await using var connection = await source.OpenConnectionAsync(bound.Token);
        using var watch = new CommitWatch(connection);
        await using var command = new NpgsqlCommand(
            $"""
            INSERT INTO budgets AS b (account, unit, period, ends_at, taken, granted, wanted_at)
            SELECT $1, $2, $3, $4, block, block, CASE WHEN $5 < $6 THEN clock_timestamp() END
              FROM (SELECT LEAST($5, GREATEST($6, LEAST($7, $5 / {Share}))) AS block) AS first
            ON CONFLICT (account, unit, period) DO UPDATE SET
              granted = LEAST(GREATEST($5 - b.taken, 0), GREATEST($6, LEAST($7, ($5 - b.taken) / {Share}))),
              taken = b.taken + LEAST(GREATEST($5 - b.taken, 0), GREATEST($6, LEAST($7, ($5 - b.taken) / {Share}))),
              wanted_at = CASE WHEN $5 - b.taken < $6 THEN clock_timestamp() ELSE b.wanted_at END
            RETURNING granted
            """, connection);
        object end = period.End == DateTimeOffset.MaxValue ? DBNull.Value : period.End;
        command.Add(account.Account, account.Unit, period.Name);
        command.Parameters.Add(new() { Value = end, NpgsqlDbType = NpgsqlDbType.TimestampTz });
        command.Add(limit, needed, wanted);
        var granted = (long)(await command.ExecuteScalarAsync(bound.Token))!;
        await watch.ConfirmAsync(bound.Token);
        return granted;
    }

    /// <summary>Gives back units that were taken and are not used; a negative number is used beyond what was taken.</summary>
    public async Task GiveBackAsync(BudgetAccount account, BudgetSpan period, long units, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            "UPDATE budgets SET taken = GREATEST(0, taken - $4) WHERE account = $1 AND unit = $2 AND period = $3");
        command.Add(account.Account, account.Unit, period.Name, units);
        using var bound = Bound(cancellationToken);
        await command.ExecuteNonQueryAsync(bound.Token);
    }

    /// <summary>Those of <paramref name="held"/> that a replica found empty in the last 5 s.</summary>
    public async Task<HashSet<(BudgetAccount Account, string Period)>> WantedAsync(
        IReadOnlyList<(BudgetAccount Account, string Period)> held, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            """
            SELECT account, unit, period FROM budgets JOIN unnest($1, $2, $3) AS held (account, unit, period) USING (account, unit, period)
            WHERE wanted_at > clock_timestamp() - interval '5 seconds'
            """);
        AddNames(command, held);
        using var bound = Bound(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(bound.Token);
        var wanted = new HashSet<(BudgetAccount, string)>();
        while (await reader.ReadAsync(bound.Token))
            wanted.Add((new BudgetAccount(reader.GetString(0), reader.GetString(1)), reader.GetString(2)));
        return wanted;
    }

    /// <summary>What is taken of each, in order; 0 of a budget that was not used yet.</summary>
    public async Task<long[]> TakenAsync(IReadOnlyList<(BudgetAccount Account, string Period)> budgets, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var command = source.CreateCommand(
            """
            SELECT COALESCE(b.taken, 0)
            FROM unnest($1, $2, $3) WITH ORDINALITY AS asked (account, unit, period, number) LEFT JOIN budgets b USING (account, unit, period)
            ORDER BY number
            """);
        AddNames(command, budgets);
        using var bound = Bound(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(bound.Token);
        var taken = new List<long>();
        while (await reader.ReadAsync(bound.Token))
            taken.Add(reader.GetInt64(0));
        return [.. taken];
    }

    /// <summary>Every budget of a period that is not over, at most <paramref name="limit"/>.</summary>
    public async Task<List<(BudgetAccount Account, string Period, long Taken)>> ListAsync(
        DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var command = source.CreateCommand(
            "SELECT account, unit, period, taken FROM budgets WHERE ends_at > $1 OR ends_at IS NULL ORDER BY account, unit, period LIMIT $2");
        command.Add(now, limit);
        using var bound = Bound(cancellationToken);
        await using var reader = await command.ExecuteReaderAsync(bound.Token);
        var rows = new List<(BudgetAccount, string, long)>();
        while (await reader.ReadAsync(bound.Token))
            rows.Add((new BudgetAccount(reader.GetString(0), reader.GetString(1)), reader.GetString(2), reader.GetInt64(3)));
        return rows;
    }

    /// <summary>Removes periods that ended 40 days ago.</summary>
    public async Task ForgetAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand("DELETE FROM budgets WHERE ends_at < $1");
        command.Add(now.AddDays(-40));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddNames(NpgsqlCommand command, IReadOnlyList<(BudgetAccount Account, string Period)> all) =>
        command.Add(
            all.Select(one => one.Account.Account).ToArray(), all.Select(one => one.Account.Unit).ToArray(),
            all.Select(one => one.Period).ToArray());

    private static CancellationTokenSource Bound(CancellationToken cancellationToken)
    {
        var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(StatementTimeout);
        return bound;
    }
}
