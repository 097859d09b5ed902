using Lyceum.Durability.Commits;
using Lyceum.Durability.Postgres;
using Lyceum.Durability.Work;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Records.Observe;

/// <summary>The events of one request, which waits for their commit.</summary>
/// <param name="Held">Its bytes, of those that may wait.</param>
internal sealed record Emission(Caller Caller, List<NewEvent> Events, SharedBound.Held Held)
{
    public TaskCompletionSource<int> Recorded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>
/// The one writer of this gateway's events: requests share a commit and are answered after it. If it fails twice they are
/// answered with the failure, and may send again: events are idempotent by their ids. A request whose events cannot be stored
/// fails alone.
/// </summary>
internal sealed class ObserveWriter : GroupCommit<Emission>
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    // An id that is there already, in the table or earlier in the same statement, is a known event.
    private const string Insert =
        """
        INSERT INTO observed_events (event_id, tenant, subject, id, type, at, attributes, received_at)
        SELECT event_id, tenant, subject, id, type, at, attributes::jsonb, clock_timestamp()
        FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY AS e(event_id, tenant, subject, id, type, at, attributes, n)
        ORDER BY tenant, id, n
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """;

    private readonly DatabaseReady _ready;
    private readonly ObserveMetrics _metrics;
    private readonly ObserveOptions _options;
    private readonly SharedBound _pending; // bytes in the queue and in the batch; bounds the queue
    private readonly HashSet<Guid> _recorded = [];

    public ObserveWriter(
        SystemDataSource source, DatabaseReady ready, LoopProgress progress, ObserveMetrics metrics,
        IOptions<ObserveOptions> options, IOptions<ShareOptions> shares, TimeProvider time, ILogger<ObserveWriter> logger)
        : base(source, ready, progress, time, logger)
    {
        (_ready, _metrics, _options) = (ready, metrics, options.Value);
        _pending = new SharedBound(_options.MaxPendingBytes, shares.Value);
    }

    protected override int MaxBatch => _options.MaxBatch;
    protected override int MaxAttempts => 2;
    protected override TimeSpan OpenTimeout => Database.PoolWait;

    /// <returns>How many of the events are new, after their commit. A caller that goes away does not take them back.</returns>
    /// <exception cref="ProblemException">503 <c>overloaded</c> or <c>database_unavailable</c>, with <c>Retry-After</c>.</exception>
    public async Task<int> RecordAsync(Caller caller, List<NewEvent> events, CancellationToken cancellationToken)
    {
        _ready.ThrowIfNotReady();
        var held = _pending.TryTake(Sharer.Of(caller), events.Sum(e => e.Bytes));
        var emission = held is null ? null : new Emission(caller, events, held);
        if (emission is null || !TryEnqueue(emission))
        {
            held?.Dispose();
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.Overloaded,
                "More events wait to be recorded than this gateway holds. Try again shortly.", RetryAfter);
        }
        return await emission.Recorded.Task.WaitAsync(cancellationToken);
    }

    protected override int Weigh(Emission item) => item.Events.Count;

    protected override async Task WriteAsync(NpgsqlConnection connection, bool again, CancellationToken cancellationToken)
    {
        var rows = Batch.SelectMany(emission => emission.Events.Select(e => (emission.Caller, Event: e))).ToList();
        await using var command = new NpgsqlCommand(Insert, connection) { CommandTimeout = Database.CommandTimeout };
        Add(NpgsqlDbType.Uuid, row => row.Event.EventId);
        Add(NpgsqlDbType.Text, row => row.Caller.Tenant);
        Add(NpgsqlDbType.Text, row => row.Caller.Person);
        Add(NpgsqlDbType.Text, row => row.Event.Id);
        Add(NpgsqlDbType.Text, row => row.Event.Type);
        Add(NpgsqlDbType.TimestampTz, row => row.Event.At);
        Add(NpgsqlDbType.Text, row => row.Event.Attributes);
        // The events that are new. A second attempt, after a commit whose answer was lost, finds fewer than there were.
        _recorded.Clear();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            _recorded.Add(reader.GetGuid(0));

        void Add<T>(NpgsqlDbType type, Func<(Caller Caller, NewEvent Event), T> member) =>
            command.Parameters.Add(new() { Value = rows.ConvertAll(row => member(row)), NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    protected override void OnCommitted(int items, TimeSpan elapsed) => _metrics.Committed(items, elapsed);

    protected override void Release()
    {
        foreach (var emission in Batch)
        {
            var added = emission.Events.FindAll(e => _recorded.Contains(e.EventId));
            _metrics.Observed(added);
            MakeRoom(emission).TrySetResult(added.Count);
        }
        Batch.Clear();
    }

    protected override void Reject(Emission item, Exception reason) => MakeRoom(item).TrySetException(reason);

    protected override bool GiveUp(Exception reason)
    {
        Batch.ForEach(emission => MakeRoom(emission).TrySetException(reason));
        return true;
    }

    protected override void Abandon(Emission item) => item.Recorded.TrySetException(
        new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.Draining, "The gateway is shutting down.", RetryAfter));

    /// <summary>Before the waiting request is answered.</summary>
    private TaskCompletionSource<int> MakeRoom(Emission emission)
    {
        emission.Held.Dispose();
        return emission.Recorded;
    }
}
