using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Lyceum.Durability.Postgres;

/// <summary>
/// Durable means replicated, where the server has synchronous standbys (rule 1). Postgres keeps a commit invisible
/// until a standby has it. But whoever cancels that wait makes the row visible to everybody, though it is on one
/// machine only, and the cancelled commit is answered with success and a notice. Hence three things:
/// <list type="bullet">
/// <item>No connection of a service asks for a cancellation. A time-out or a cancelled token closes the socket; the
/// commit is in doubt then, and invisible until it is replicated.</item>
/// <item>Where the notice comes all the same (<c>pg_cancel_backend</c>), a later commit is replicated before anything
/// is shown (<see cref="CommitWatch"/>).</item>
/// <item>After a start of the server, or its promotion, everything that it had committed alone is visible: the first
/// connection to it waits until it is replicated. No connection to a standby is kept, which would be one to a promoted
/// server later.</item>
/// </list>
/// docs/adr/0031 has the reasons.
/// </summary>
public static class ReplicatedCommits
{
    /// <summary>
    /// Commits that may wait long for a standby; beyond it no connection is opened, so that the server keeps some.
    /// </summary>
    private const int MostWaiting = 16;

    /// <summary>
    /// Seconds within which a standby has a commit, when a connection is opened. Less than what counts as waiting long.
    /// </summary>
    private const int ConfirmWithin = 2;

    // A run of the server: its start, and that of its statistics, which begin anew when it recovers from a crash.
    private const string Describe =
        """
        SELECT concat_ws(' ', pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter)),
               pg_is_in_recovery(), current_setting('synchronous_standby_names') <> '',
               (SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'SyncRep'
                  AND state_change < clock_timestamp() - interval '3 seconds')
        """;

    // The least that writes WAL, without a table. Nothing reads it, so that cancelling it harms nobody.
    private const string Write =
        "SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_logical_emit_message(true, 'lyceum', '') END";

    /// <summary>Makes every connection of the data source keep to the above.</summary>
    /// <param name="builder">Of the data source.</param>
    /// <param name="isMachinery">
    /// The connections are for loops, which retry for ever: where one commit waits long already, a new connection
    /// shows first that replication goes on. So each loop leaves one commit waiting at most, and requests can read on.
    /// </param>
    public static NpgsqlDataSourceBuilder UseReplicatedCommits(
        this NpgsqlDataSourceBuilder builder, bool isMachinery = false)
    {
        // Not waited for: a cancellation that is never sent. And a time-out says nothing about the other connections.
        builder.ConnectionStringBuilder.CancellationTimeout = -1;
        var confirmed = new ConfirmedRun();
#pragma warning disable VSTHRD002 // what opens a connection synchronously waits for it
        builder.UsePhysicalConnectionInitializer(
            connection => InitializeAsync(connection, confirmed, isMachinery).GetAwaiter().GetResult(),
            connection => InitializeAsync(connection, confirmed, isMachinery));
#pragma warning restore VSTHRD002
        return builder;
    }

    /// <summary>Returns when everything that is visible on this connection is replicated.</summary>
    /// <exception cref="NpgsqlException">In doubt.</exception>
    public static async Task ConfirmReplicationAsync(
        this NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        using var watch = new CommitWatch(connection);
        await ConfirmAsync(connection, commandTimeout: null, cancellationToken);
        if (watch.IsInDoubt)
            throw NotReplicated("waiting for a standby was cancelled");
    }

    private static async Task InitializeAsync(NpgsqlConnection connection, ConfirmedRun confirmed, bool isMachinery)
    {
        string run;
        bool isStandby, isReplicated;
        long waiting;
        await using (var command = new NpgsqlCommand(Describe, connection) { CommandTimeout = ConfirmWithin })
        await using (var reader = await command.ExecuteReaderAsync())
        {
            await reader.ReadAsync();
            (run, isStandby) = (reader.GetString(0), reader.GetBoolean(1));
            (isReplicated, waiting) = (reader.GetBoolean(2), reader.GetInt64(3));
        }
        if (isStandby)
            throw NotReplicated("this server is a standby");
        if (waiting > MostWaiting)
            throw NotReplicated($"{waiting} commits wait for a standby");
        if (isReplicated && (confirmed.Run != run || (isMachinery && waiting > 0)))
        {
            // The one command that may be cancelled: what is written here is of no use to anybody.
            try
            {
                await ConfirmAsync(connection, ConfirmWithin, CancellationToken.None);
            }
            catch (NpgsqlException e) when (e.InnerException is TimeoutException)
            {
                throw NotReplicated($"no standby answers within {ConfirmWithin} s");
            }
            confirmed.Run = run;
        }
        ForgetHowToCancel(connection);
    }

    private static async Task ConfirmAsync(
        NpgsqlConnection connection, int? commandTimeout, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Write, connection);
        if (commandTimeout is { } seconds)
            command.CommandTimeout = seconds;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private const string NoReplication = "Commits are not replicated";

    // Transient, as Npgsql understands it.
    private static NpgsqlException NotReplicated(string why) => new($"{NoReplication}: {why}.", new TimeoutException(why));

    /// <summary>No connection was opened, because what is visible on it is not replicated.</summary>
    internal static bool IsNotReplicated(Exception exception) =>
        exception is NpgsqlException { InnerException: TimeoutException }
        && exception.Message.StartsWith(NoReplication, StringComparison.Ordinal);

    /// <summary>
    /// Npgsql has no setting for it: without the number of its server process it takes the server for one that cannot
    /// be asked to cancel, and closes the socket.
    /// </summary>
    [Experimental("NPG9001")]
    private static void Forget(NpgsqlConnection connection) => SetProcess(GetConnector(connection)!, 0);

    private static void ForgetHowToCancel(NpgsqlConnection connection)
    {
#pragma warning disable NPG9001 // a test holds it: ReplicationTests.Commit_GivenUp_StaysInvisible
        Forget(connection);
#pragma warning restore NPG9001
    }

    [Experimental("NPG9001")]
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connector")]
    private static extern NpgsqlConnector? GetConnector(NpgsqlConnection connection);

    [Experimental("NPG9001")]
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_BackendProcessId")]
    private static extern void SetProcess(NpgsqlConnector connector, int process);

    /// <summary>
    /// The run of the server whose visible rows are known to be replicated; set by whoever finds out.
    /// </summary>
    private sealed class ConfirmedRun
    {
        public volatile string? Run;
    }
}

/// <summary>
/// Watches the commits of one connection: <see cref="ConfirmAsync"/>, after a commit and before anything of it is
/// shown, returns at once, unless the server did not wait for a standby.
/// </summary>
public sealed class CommitWatch : IDisposable
{
    private readonly NpgsqlConnection _connection;
    private volatile bool _inDoubt;

    /// <param name="connection">An open one.</param>
    /// <param name="inDoubt">A former attempt at the same work may have been committed.</param>
    public CommitWatch(NpgsqlConnection connection, bool inDoubt = false)
    {
        (_connection, _inDoubt) = (connection, inDoubt);
        connection.Notice += OnNotice;
    }

    internal bool IsInDoubt => _inDoubt;

    /// <exception cref="NpgsqlException">The commit is in doubt.</exception>
    public ValueTask ConfirmAsync(CancellationToken cancellationToken) =>
        _inDoubt ? new(ConfirmInDoubtAsync(cancellationToken)) : ValueTask.CompletedTask;

    private async Task ConfirmInDoubtAsync(CancellationToken cancellationToken)
    {
        await _connection.ConfirmReplicationAsync(cancellationToken);
        _inDoubt = false;
    }

    // By the place in the server's source: its words are translated.
    private void OnNotice(object sender, NpgsqlNoticeEventArgs e) =>
        _inDoubt |= e.Notice.Routine == "SyncRepWaitForLSN";

    public void Dispose() => _connection.Notice -= OnNotice;
}
