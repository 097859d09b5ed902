using System.Diagnostics.Metrics;
using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
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

/// <summary>A request that waits until its nonce is stored.</summary>
internal sealed class NonceWaiter(Guid id) : TaskCompletionSource<NonceOutcome>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    public Guid Id { get; } = id;
}

/// <summary>
/// Which nonces were used, in Postgres, for all replicas: the primary key decides who was first. One loop writes what all
/// waiting requests need in one statement, so that a commit (and its fsync, without which a crash of the database would let
/// replays in) is shared by all of them. While the database does not answer, no nonce is new.
/// </summary>
internal sealed partial class NonceStore : GroupCommit<NonceWaiter>
{
    /// <summary>Requests that wait at once; further ones are rejected (503 <c>overloaded</c>).</summary>
    private const int Capacity = 4096;

    private const int MaxDeleted = 10_000;

    /// <summary>
    /// How long a nonce is kept: a date may be 300 s ahead, so a request is valid for 600 s; 300 s more allow for replicas whose clocks
    /// differ.
    /// </summary>
    private static readonly TimeSpan Keep = SignedRequest.Window * 3;

    /// <summary>For a connection, and for a statement; then the batch is rejected.</summary>
    private static readonly TimeSpan StoreTimeout = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly SystemDataSource _database;
    private readonly DatabaseReady _ready;
    private readonly SharedBound _waiting;
    private readonly Histogram<int> _batchSize;
    private HashSet<Guid> _fresh = [];

    // Used by the loop only: whether the last batch failed, so that an outage is logged once.
    private bool _away;

    public NonceStore(
        SystemDataSource database, DatabaseReady ready, LoopProgress progress, IOptions<ShareOptions> shares,
        IMeterFactory meters, TimeProvider time, ILogger<NonceStore> logger)
        : base(database, ready, progress, time, logger)
    {
        (_database, _ready, _waiting) = (database, ready, new SharedBound(Capacity, shares.Value));
        _batchSize = meters.Create("Lyceum.Gateway").CreateHistogram("lyceum.gateway.nonces.batch", "{nonce}", "Nonces remembered by one commit.",
            advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] });
    }

    protected override int MaxBatch => 1024;

    /// <summary>A second attempt would find the first one's nonces, and take new requests for replays.</summary>
    protected override int MaxAttempts => 1;

    protected override TimeSpan OpenTimeout => StoreTimeout;

    /// <summary>Whether the nonce is new, which it is once. The answer comes after the commit, or within a few seconds.</summary>
    public async Task<NonceOutcome> RememberAsync(Guid id, Sharer who)
    {
        if (!_ready.IsReady)
            return NonceOutcome.Unavailable;
        using var place = _waiting.TryTake(who);
        var waiter = new NonceWaiter(id);
        return place is not null && TryEnqueue(waiter) ? await waiter.Task : NonceOutcome.Full;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(base.ExecuteAsync(stoppingToken), SweepAsync(stoppingToken));

    protected override async Task WriteAsync(NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
    {
        _batchSize.Record(Batch.Count);
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO hmac_nonces (id, expires_at) SELECT id, now() + $2 FROM unnest($1) AS id
            ON CONFLICT (id) DO NOTHING RETURNING id
            """, connection) { CommandTimeout = (int)StoreTimeout.TotalSeconds };
        // In the same order everywhere, so that two replicas that insert the same nonces cannot deadlock.
        Guid[] ids = [.. Batch.Select(waiter => waiter.Id).Distinct().Order()];
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = Keep, NpgsqlDbType = NpgsqlDbType.Interval });
        await command.PrepareAsync(cancellationToken); // once for each connection
        _fresh = new HashSet<Guid>(ids.Length);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            _fresh.Add(reader.GetGuid(0));
    }

    protected override void Release()
    {
        _away = false;
        foreach (var waiter in Batch)
            waiter.SetResult(_fresh.Remove(waiter.Id) ? NonceOutcome.New : NonceOutcome.Seen);
        Batch.Clear();
    }

    /// <summary>They may have been stored and only the answer lost: then the nonces are used up, and the callers must sign anew.</summary>
    protected override bool GiveUp(Exception reason)
    {
        if (!_away)
            LogAway(Logger, reason.Message);
        _away = true;
        Batch.ForEach(Abandon);
        return true;
    }

    protected override void Reject(NonceWaiter item, Exception reason) => Abandon(item);

    protected override void Abandon(NonceWaiter item) => item.TrySetResult(NonceOutcome.Unavailable);

    /// <summary>Deletes expired nonces, in batches; replicas that sweep at the same time skip each other's rows.</summary>
    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        await _ready.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(SweepInterval, Time);
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
                LogNotSwept(Logger, e.Message);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Nonces cannot be stored, signed requests are rejected: {Reason}")]
    private static partial void LogAway(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Debug, "Expired nonces not deleted, retrying: {Reason}")]
    private static partial void LogNotSwept(ILogger logger, string reason);
}
