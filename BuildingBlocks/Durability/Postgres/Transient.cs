using Lyceum.ServiceDefaults.Errors;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.Durability.Postgres;

/// <summary>Whether a piece of work may still be repeated; closed by the work when it sends its commit.</summary>
public sealed class RetryGate
{
    public bool IsOpen { get; private set; } = true;

    /// <summary>This is the second attempt: what the first one did may be committed.</summary>
    public bool IsSecond { get; internal set; }

    public void Close() => IsOpen = false;
}

/// <summary>
/// Npgsql has no pre-ping by design: the first command on a connection that died in the pool fails, and the pool then
/// clears itself. Work that has changed nothing yet is therefore repeated once.
/// </summary>
public static class Transient
{
    /// <summary>Runs <paramref name="work"/>, once more if it failed with a transient error while its gate was open.</summary>
    public static async Task<T> RetryOnceAsync<T>(Func<RetryGate, Task<T>> work)
    {
        var gate = new RetryGate();
        try
        {
            return await work(gate);
        }
        catch (Exception e) when (gate.IsOpen && IsTransient(e))
        {
            gate.IsSecond = true;
            return await work(gate);
        }
    }

    /// <summary>
    /// Whether a new attempt may succeed: also at a standby that is being promoted, which the driver does not count.
    /// Not where the statement took too long, as it would again.
    /// </summary>
    public static bool IsTransient(Exception exception) =>
        exception is NpgsqlException or DbUpdateException or InvalidOperationException
        && DatabaseFailures.Find(exception) is DatabaseFailure.Connection
        && DatabaseFailures.SqlState(exception) is not PostgresErrorCodes.QueryCanceled;
}
