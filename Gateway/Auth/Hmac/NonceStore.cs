using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Lyceum.Durability.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Auth.Hmac;

internal enum NonceOutcome
{
    New,
    Seen,

    /// <summary>Unknown, because the database does not answer. Never taken for new.</summary>
    Unavailable,

    /// <summary>Too many requests wait already.</summary>
    Full,
}

/// <summary>
/// Which nonces were used, in Postgres, for all replicas: the primary key decides who was first. One loop writes what all
/// waiting requests need in one statement, so that a commit (and its fsync, without which a crash of the database would let
/// replays in) is shared by all of them. While the database does not answer, no nonce is new.
/// </summary>
internal sealed partial class NonceStore : BackgroundService
{
    /// <summary>Requests that wait at once; further ones are rejected (503 <c>overloaded</c>).</summary>
    private const int Capacity = 4096;

    private const int MaxBatch = 1024;

    private const int MaxDeleted = 10_000;

    /// <summary>
    /// How long a nonce is kept: a date may be 300 s ahead, so a request is valid for 600 s; 300 s more allow for
    /// replicas whose clocks differ.
    /// </summary>
    private static readonly TimeSpan Keep = SignedRequest.Window * 3;

    /// <summary>For a connection and for a statement; then the batch is rejected.</summary>
    private static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly Channel<Waiter> _waiting = Channel.CreateBounded<Waiter>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly SystemDataSource _database;
    private readonly DatabaseReady _ready;
    private readonly TimeProvider _time;
    private readonly ILogger<NonceStore> _logger;
    private readonly Histogram<int> _batchSize;

    // Used by the loop only: whether the last batch failed, so that an outage is logged once.
    private bool _away;

    public NonceStore(SystemDataSource database, DatabaseReady ready, IMeterFactory meters, TimeProvider time, ILogger<NonceStore> logger)
    {
        (_database, _ready, _time, _logger) = (database, ready, time, logger);
        _batchSize = meters.Create("Lyceum.Gateway").CreateHistogram("lyceum.gateway.nonces.batch", "{nonce}", "Nonces remembered by one commit.",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] });
    }

    private sealed class Waiter(Guid id) : TaskCompletionSource<NonceOutcome>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Guid Id { get; } = id;
    }

    /// <summary>Whether the nonce is new, which it is once. The answer comes after the commit, or within a few seconds.</summary>
    public Task<NonceOutcome> RememberAsync(Guid id)
    {
        if (!_ready.IsReady)
            return Task.FromResult(NonceOutcome.Unavailable);
        var waiter = new Waiter(id);
        return _waiting.Writer.TryWrite(waiter) ? waiter.Task : Task.FromResult(NonceOutcome.Full);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var sweep = SweepAsync(stoppingToken);
        await WriteAsync(stoppingToken);
        await sweep;
    }

    private async Task WriteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Waiter>();
        // Used by the loop only: a pool would reset it after each statement, which costs as much as the statement.
        NpgsqlConnection? connection = null;
        try
        {
            while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
            {
                while (batch.Count < MaxBatch && _waiting.Reader.TryRead(out var waiter))
                    batch.Add(waiter);
                connection = await StoreAsync(batch, connection);
                batch.Clear();
            }
        }
        finally
        {
            if (connection is not null)
                await connection.DisposeAsync();
            _waiting.Writer.TryComplete();
            while (_waiting.Reader.TryRead(out var waiter))
                waiter.SetResult(NonceOutcome.Unavailable);
        }
    }

    /// <summary>Answers every waiter, whatever happens.</summary>
    /// <returns>The connection to use next; null: another.</returns>
    private async Task<NpgsqlConnection?> StoreAsync(List<Waiter> batch, NpgsqlConnection? connection)
    {
        try
        {
            using var timeout = new CancellationTokenSource(StoreTimeout, _time);
            connection ??= await _database.OpenConnectionAsync(timeout.Token);
            _batchSize.Record(batch.Count);
            // In the same order everywhere, so that two replicas that insert the same nonces cannot deadlock.
            var fresh = await InsertAsync([.. batch.Select(waiter => waiter.Id).Distinct().Order()],
                connection, timeout.Token);
            foreach (var waiter in batch)
                waiter.SetResult(fresh.Remove(waiter.Id) ? NonceOutcome.New : NonceOutcome.Seen);
            _away = false;
            return connection;
        }
        catch (Exception e)
        {
            if (!_away)
                LogAway(e.Message);
            _away = true;
            // It may have been stored and only the answer lost: then the nonce is used up, and the caller must sign
            // anew.
            foreach (var waiter in batch)
                waiter.TrySetResult(NonceOutcome.Unavailable);
            if (connection is not null)
                await connection.DisposeAsync();
            return null;
        }
    }

    private static async Task<HashSet<Guid>> InsertAsync(Guid[] ids, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO hmac_nonces (id, expires_at) SELECT id, now() + $2 FROM unnest($1) AS id
            ON CONFLICT (id) DO NOTHING RETURNING id
            """, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = Keep, NpgsqlDbType = NpgsqlDbType.Interval });
        await command.PrepareAsync(cancellationToken); // once for each connection
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var fresh = new HashSet<Guid>(ids.Length);
        while (await reader.ReadAsync(cancellationToken))
            fresh.Add(reader.GetGuid(0));
        return fresh;
    }

    /// <summary>
    /// Deletes expired nonces, in batches; replicas that sweep at the same time skip each other's rows.
    /// </summary>
    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        await _ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(SweepInterval, _time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var connection = await _database.OpenConnectionAsync(stoppingToken);
                await using var command = new NpgsqlCommand(
                    """
                    DELETE FROM hmac_nonces WHERE id IN (
                        SELECT id FROM hmac_nonces WHERE expires_at < now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
                    """, connection) { Parameters = { new() { Value = MaxDeleted } } };
                while (await command.ExecuteNonQueryAsync(stoppingToken) == MaxDeleted)
                {
                }
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotSwept(e.Message);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Nonces cannot be stored, signed requests are rejected: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(LogLevel.Debug, "Expired nonces not deleted, retrying: {Reason}")]
    private partial void LogNotSwept(string reason);
}
