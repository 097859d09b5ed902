using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// A limit on rows ("at most 20 invitations of a tenant") holds only if nobody inserts between the counting and the
/// inserting. Whoever counts before inserting does both in one transaction under this lock, which is an advisory one by
/// name, on every replica, held until the transaction's end. Different names may, rarely, wait for each other.
/// </summary>
public static class CountLock
{
    /// <summary>Begins a transaction that holds the lock.</summary>
    /// <param name="what">The rows that are counted, such as the table.</param>
    /// <param name="whose">Whose limit it is: a tenant, a person.</param>
    public static async Task<IDbContextTransaction> BeginCountedAsync(
        this DatabaseFacade database, string what, string whose, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        var transaction = await database.BeginTransactionAsync(cancellationToken);
        try
        {
            await database.LockCountAsync(what, whose, cancellationToken);
            return transaction;
        }
        catch
        {
            await transaction.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes the lock in the transaction that the context is in.</summary>
    public static Task LockCountAsync(
        this DatabaseFacade database, string what, string whose, CancellationToken cancellationToken) =>
        database.ExecuteSqlAsync(
            $"SELECT pg_advisory_xact_lock(hashtextextended({Name(what, whose)}, 0))", cancellationToken);

    /// <summary>Takes the lock in the connection's transaction.</summary>
    public static async Task LockCountAsync(
        this NpgsqlConnection connection, string what, string whose, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { CountLockCommand(what, whose) } };
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Takes the lock as the first command of a batch that counts and inserts: without an explicit transaction a batch is one
    /// of its own.
    /// </summary>
    public static NpgsqlBatchCommand CountLockCommand(string what, string whose) =>
        new("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        {
            Parameters = { new() { Value = Name(what, whose) } },
        };

    private static string Name(string what, string whose) => $"{what} {whose}";
}
