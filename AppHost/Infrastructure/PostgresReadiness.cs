using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace Lyceum.AppHost.Infrastructure;

/// <summary>A database that has to be there.</summary>
/// <param name="Password">Of the role that owns it, has its name and is all that its service connects as; null: the operator's concern.</param>
internal sealed record WantedDatabase(string Name, ParameterResource? Password);

/// <summary>
/// Healthy when the server answers a query and every database exists; the missing ones are created here, in the same
/// way for a server of any origin, and their roles. What a service waits for is thus really there.
/// </summary>
internal sealed class PostgresReadiness(ReferenceExpression connectionString, IReadOnlyList<WantedDatabase> databases)
    : IHealthCheck
{
    private volatile bool databasesExist;

    public static HealthCheckRegistration Registration(
        string name, ReferenceExpression connectionString, IReadOnlyList<WantedDatabase> databases) =>
        new(name, new PostgresReadiness(connectionString, databases), HealthStatus.Unhealthy, tags: null, Patience.Limit);

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Patience.TryAsync(QueryAsync, TimeProvider.System, cancellationToken);

    private async Task QueryAsync(CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(await connectionString.GetValueAsync(cancellationToken))
        {
            Database = "postgres",
            Pooling = false,
            Timeout = (int)Patience.Limit.TotalSeconds,
        };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using (var query = new NpgsqlCommand("SELECT 1", connection))
            await query.ExecuteScalarAsync(cancellationToken);
        if (databasesExist)
            return;
        await CreateMissingDatabasesAsync(connection, cancellationToken);
        foreach (var database in databases)
        {
            if (database.Password is { } password)
                await GiveToItsRoleAsync(connection, settings, database.Name, await password.GetValueAsync(cancellationToken));
        }
        databasesExist = true;

        // Also a database that an earlier version made, whose tables belong to the administrator.
        async Task GiveToItsRoleAsync(
            NpgsqlConnection server, NpgsqlConnectionStringBuilder administrator, string database, string? password)
        {
            await ExecuteAsync(server, DatabaseRole.Script(database, password ?? ""));
            var there = new NpgsqlConnectionStringBuilder(administrator.ConnectionString) { Database = database };
            await using var own = new NpgsqlConnection(there.ConnectionString);
            await own.OpenAsync(cancellationToken);
            await ExecuteAsync(own, DatabaseRole.TakeOverScript(database));
        }

        async Task ExecuteAsync(NpgsqlConnection on, string sql)
        {
            await using var command = new NpgsqlCommand(sql, on);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task CreateMissingDatabasesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        HashSet<string> existing = new(StringComparer.Ordinal);
        await using (var query = new NpgsqlCommand("SELECT datname FROM pg_database", connection))
        await using (var reader = await query.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
                existing.Add(reader.GetString(0));
        }

        foreach (var database in databases.Select(database => database.Name).Where(name => !existing.Contains(name)))
            await CreateAsync(connection, database, cancellationToken);
    }

    /// <summary>Text in any language, ordered by code point, the same on every machine.</summary>
    public static string CreationScript(string database) => $"{WithoutLocale(database)} LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'";

    private static string WithoutLocale(string database) => $"CREATE DATABASE \"{database}\" TEMPLATE template0 ENCODING 'UTF8'";

    private static async Task CreateAsync(NpgsqlConnection connection, string database, CancellationToken cancellationToken)
    {
        try
        {
            await ExecuteAsync(CreationScript(database));
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.WrongObjectType or PostgresErrorCodes.InvalidParameterValue)
        {
            await ExecuteAsync(WithoutLocale(database)); // a server that has no C.UTF-8
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DuplicateDatabase)
        {
            // Another system on the same server was quicker: it exists, which is what was asked for.
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
