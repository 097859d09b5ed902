using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Lyceum.Durability.Postgres;

public static class PoolWait
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A pooled connection for a request, which waits less for it than background work does (<c>Timeout</c> of the connection string):
    /// a pool that is exhausted, or a server that does not answer, is a fast 503.
    /// </summary>
    /// <exception cref="ProblemException">503 <c>database_unavailable</c> with <c>Retry-After</c>: none within <paramref name="limit"/>.</exception>
    public static async Task<NpgsqlConnection> OpenWithinAsync(
        this NpgsqlDataSource source, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(limit);
        try
        {
            return await source.OpenConnectionAsync(bound.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.DatabaseUnavailable,
                "No database connection became free in time. Try again shortly.", RetryAfter);
        }
    }
}
