using System.Data;
using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// Marks the first migration of a context that stands for several older ones: a database that was made by those goes on as if
/// this one had made it.
/// </summary>
/// <param name="last">The last of the older ones.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ReplacesMigrationsAttribute(string last) : Attribute
{
    public string Last => last;

    /// <summary>SQL for what the older ones left otherwise than this one makes it; null for nothing.</summary>
    public string? Bridge { get; init; }
}

/// <summary>Converts the history of a database that older migrations made, see <see cref="ReplacesMigrationsAttribute"/>.</summary>
internal static class SquashedMigrations
{
    /// <summary>All in one transaction, under the lock that EF takes too: replicas that start together take turns.</summary>
    /// <exception cref="InvalidOperationException">The database has not even the last of the older migrations.</exception>
    public static async Task ConvertHistoryAsync<TContext>(NpgsqlDataSource source, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        var first = MigrationsOf<TContext>().MinBy(type => IdOf(type), StringComparer.Ordinal);
        if (first?.GetCustomAttribute<ReplacesMigrationsAttribute>() is not { } replaced)
            return;

        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        if (await RunAsync(connection, "SELECT to_regclass('\"__EFMigrationsHistory\"')::text") is DBNull)
            return;
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        await RunAsync(connection, "LOCK TABLE \"__EFMigrationsHistory\" IN ACCESS EXCLUSIVE MODE");
        var newest = await RunAsync(connection, "SELECT max(\"MigrationId\") FROM \"__EFMigrationsHistory\"") as string;
        if (newest is null || string.CompareOrdinal(newest, IdOf(first)) >= 0)
            return;
        if (newest != replaced.Last)
        {
            throw new InvalidOperationException(
                $"database {connection.Database} was made by a version before 0.1.0 that cannot be upgraded from: its last migration is " +
                $"{newest}, and the oldest that can be is {replaced.Last}. Start a version with that migration once, or begin anew.");
        }
        if (replaced.Bridge is { } bridge)
            await RunAsync(connection, bridge);
        await RunAsync(connection, "DELETE FROM \"__EFMigrationsHistory\"");
        await RunAsync(
            connection, "INSERT INTO \"__EFMigrationsHistory\" VALUES ($1, $2)", IdOf(first), ProductInfo.GetVersion());
        await transaction.CommitAsync(cancellationToken);

        async Task<object?> RunAsync(NpgsqlConnection on, string sql, params object[] values)
        {
            await using var command = new NpgsqlCommand(sql, on);
            foreach (var value in values)
                command.Parameters.Add(new() { Value = value });
            return await command.ExecuteScalarAsync(cancellationToken);
        }
    }

    /// <summary>The id of the context's last migration; null where it has none.</summary>
    public static string? LastOf<TContext>() where TContext : DbContext =>
        MigrationsOf<TContext>().Select(IdOf).Max(StringComparer.Ordinal);

    private static IEnumerable<Type> MigrationsOf<TContext>() => typeof(TContext).Assembly.GetTypes().Where(type =>
        type.GetCustomAttribute<MigrationAttribute>() is not null
        && type.GetCustomAttribute<DbContextAttribute>()?.ContextType == typeof(TContext));

    private static string IdOf(Type migration) => migration.GetCustomAttribute<MigrationAttribute>()!.Id;
}
