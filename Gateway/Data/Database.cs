using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Npgsql;

namespace Lyceum.Gateway.Data;

/// <summary>Connections to gatewaydb for requests, with a short wait for one and one retry.</summary>
internal sealed class Database(NpgsqlDataSource source, DatabaseReady ready)
{
    /// <summary>How long a request waits for a connection of the pool; then it is refused.</summary>
    public static readonly TimeSpan PoolWait = TimeSpan.FromSeconds(1.5);

    /// <summary>
    /// Seconds after which a statement that a request waits for is given up, because the server hangs.
    /// </summary>
    public const int CommandTimeout = 10;

    /// <summary>
    /// Runs <paramref name="work"/>, which must be idempotent, on a connection; once more after a transient failure.
    /// </summary>
    /// <exception cref="ProblemException">503 <c>database_unavailable</c> with <c>Retry-After</c>.</exception>
    public Task<T> RunAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(async attempt =>
        {
            await using var connection = await source.OpenWithinAsync(PoolWait, cancellationToken);
            using var watch = new CommitWatch(connection, attempt.IsSecond);
            var result = await work(connection);
            await watch.ConfirmAsync(cancellationToken);
            return result;
        });
    }
}

internal static class Rows
{
    /// <summary>Adds values as positional parameters.</summary>
    public static void Add(this NpgsqlCommand command, params ReadOnlySpan<object> values)
    {
        foreach (var value in values)
            command.Parameters.Add(new() { Value = value });
    }

    public static DateTimeOffset GetTime(this NpgsqlDataReader row, int column) => row.GetFieldValue<DateTimeOffset>(column);
}
