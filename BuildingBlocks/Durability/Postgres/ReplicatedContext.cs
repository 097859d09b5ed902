using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// <see cref="CommitWatch"/> for what EF commits: after the commit of a transaction, and before EF lets go of a
/// connection, which it does after each piece of work without one.
/// </summary>
internal sealed class ReplicatedContext : DbConnectionInterceptor, IDbTransactionInterceptor
{
    private readonly ConditionalWeakTable<DbConnection, CommitWatch> _watches = [];

    public override Task ConnectionOpenedAsync(
        DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        _watches.GetValue(connection, static opened => new((NpgsqlConnection)opened));
        return Task.CompletedTask;
    }

    public override async ValueTask<InterceptionResult> ConnectionClosingAsync(
        DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
    {
        await ConfirmAsync(connection, CancellationToken.None);
        return result;
    }

    public async Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context?.Database.GetDbConnection() is { } connection)
            await ConfirmAsync(connection, cancellationToken);
    }

    private ValueTask ConfirmAsync(DbConnection connection, CancellationToken cancellationToken) =>
        _watches.TryGetValue(connection, out var watch)
            ? watch.ConfirmAsync(cancellationToken) : ValueTask.CompletedTask;
}
