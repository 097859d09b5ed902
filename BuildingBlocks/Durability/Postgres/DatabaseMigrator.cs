using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>Says when the schema is in place. Work that needs tables awaits it; requests ask and answer 503.</summary>
public sealed class DatabaseReady
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsReady => _ready.Task.IsCompletedSuccessfully;

    public Task WaitAsync(CancellationToken cancellationToken) => _ready.Task.WaitAsync(cancellationToken);

    /// <exception cref="ProblemException">503 <c>database_unavailable</c> while the schema is not in place.</exception>
    public void ThrowIfNotReady()
    {
        if (!IsReady)
            throw new ProblemException(503, ErrorCodes.DatabaseUnavailable,
                "The database is not ready yet. Try again shortly.", TimeSpan.FromSeconds(2));
    }

    internal void Set() => _ready.TrySetResult();
}

/// <summary>
/// Applies EF migrations once per start, creating the database if it is missing. EF holds its own lock while it migrates,
/// so replicas that start together take turns. A database that is away delays the service, it does not end it. Where the last
/// migration is in place already, as at every start but the first, EF is not asked: a cold start of it takes seconds, which a
/// replica that takes over answers does not have.
/// </summary>
internal sealed partial class DatabaseMigrator<TContext>(
    IServiceScopeFactory scopes, NpgsqlDataSource source, DatabaseReady ready, ILogger<DatabaseMigrator<TContext>> logger)
    : BackgroundService, ISchema
    where TContext : DbContext
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    /// <summary>A statement of a migration may fill a column of a large table; a request's limit is no measure for it.</summary>
    private static readonly TimeSpan LongestStatement = TimeSpan.FromMinutes(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await MigrateAsync(stoppingToken);
                await WarnIfOverBudgetAsync(stoppingToken);
                ready.Set();
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException && !stoppingToken.IsCancellationRequested)
            {
                LogRetry(logger, typeof(TContext).Name, e.Message);
                await Task.Delay(Retry, stoppingToken);
            }
        }
    }

    public async Task<bool> MigrateAsync(CancellationToken cancellationToken)
    {
        if (await IsMigratedAsync(cancellationToken))
            return false;
        // EF's own lock is a table, which two who make it at once have both found missing.
        await using var turn = await ConnectAsync(cancellationToken);
        await TurnAsync(turn, "pg_advisory_lock", cancellationToken);
        try
        {
            if (turn is not null && await IsMigratedAsync(cancellationToken))
                return false;
            await ConvertHistoryAsync(cancellationToken);
            await using var scope = scopes.CreateAsyncScope();
            var database = scope.ServiceProvider.GetRequiredService<TContext>().Database;
            database.SetCommandTimeout(LongestStatement);
            await database.MigrateAsync(cancellationToken);
            return true;
        }
        finally
        {
            await TurnAsync(turn, "pg_advisory_unlock", CancellationToken.None);
        }
    }

    /// <returns>Null: the database is not there yet, EF creates it.</returns>
    private async Task<NpgsqlConnection?> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InvalidCatalogName)
        {
            return null;
        }
    }

    private static async Task TurnAsync(NpgsqlConnection? connection, string function, CancellationToken cancellationToken)
    {
        if (connection is null || connection.State != System.Data.ConnectionState.Open)
            return; // a connection that broke has given its lock back
        await using var command = new NpgsqlCommand($"SELECT {function}(hashtext('lyceum migrations'))", connection);
        command.CommandTimeout = (int)LongestStatement.TotalSeconds;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> IsMigratedAsync(CancellationToken cancellationToken)
    {
        if (SquashedMigrations.LastOf<TContext>() is not { } last)
            return false;
        try
        {
            await using var command = source.CreateCommand("SELECT 1 FROM \"__EFMigrationsHistory\" WHERE \"MigrationId\" = $1");
            command.Parameters.Add(new() { Value = last });
            return await command.ExecuteScalarAsync(cancellationToken) is not null;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidCatalogName)
        {
            return false; // nothing there yet
        }
    }

    private async Task ConvertHistoryAsync(CancellationToken cancellationToken)
    {
        try
        {
            await SquashedMigrations.ConvertHistoryAsync<TContext>(source, cancellationToken);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InvalidCatalogName)
        {
            // The database is not there yet: EF creates it.
        }
    }

    private async Task WarnIfOverBudgetAsync(CancellationToken cancellationToken)
    {
        var share = new NpgsqlConnectionStringBuilder(source.ConnectionString).MaxPoolSize;
        await using var command = source.CreateCommand("SHOW max_connections");
        var max = int.Parse((string)(await command.ExecuteScalarAsync(cancellationToken))!);
        if (share > max - 30)
            LogOverBudget(logger, share, max);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Database of {Context} not migrated, retrying: {Reason}")]
    private static partial void LogRetry(ILogger logger, string context, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Maximum Pool Size {Share} leaves too little of the server's max_connections {Max}: raise it or lower the pool")]
    private static partial void LogOverBudget(ILogger logger, int share, int max);
}

/// <summary>
/// While a failover may be the cause a database that is away is <c>degraded</c>, with 200: a balancer that took every
/// replica out for it would be late to put them back. Requests that need it are a fast 503 meanwhile.
/// </summary>
internal sealed class DatabaseHealth(NpgsqlDataSource source, DatabaseReady ready, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Failover = TimeSpan.FromSeconds(20);

    private long _awaySince; // timestamp; 0 while it answers. One check runs at a time.

    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var command = source.CreateCommand("SELECT 1");
            await command.ExecuteScalarAsync(cancellationToken);
            _awaySince = 0;
            return ready.IsReady
                ? HealthCheckResult.Healthy()
                : new HealthCheckResult(context.Registration.FailureStatus, "migrations are not applied yet");
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            if (_awaySince == 0)
                _awaySince = time.GetTimestamp();
            // Cancelled: the check's own limit of time.
            var mayPass = ready.IsReady
                && (e is OperationCanceledException || DatabaseFailures.Of(e) is DatabaseFailure.Connection)
                && time.GetElapsedTime(_awaySince) < Failover;
            return new HealthCheckResult(
                mayPass ? HealthStatus.Degraded : context.Registration.FailureStatus, "the database does not answer");
        }
    }
}
