using System.Threading.Channels;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Observe;

/// <summary>
/// The one writer of this gateway's events. A request hands its events in and waits; the loop takes all that have come since its
/// last commit and inserts them in one statement; after the commit the requests are answered. So many callers share a commit, and one
/// alone waits for no other. If it fails, all of them are told: they send again, which the events' ids make harmless.
/// </summary>
internal sealed class ObserveWriter(
    Database database, DatabaseReady ready, ObserveMetrics metrics, IOptions<ObserveOptions> options, TimeProvider time) : BackgroundService
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

    private sealed record Emission(Caller Caller, List<NewEvent> Events, int Bytes)
    {
        public TaskCompletionSource<int> Recorded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    // Bounded by MaxPendingBytes, which counts what is in here and what is being committed.
    private readonly Channel<Emission> _queue = Channel.CreateUnbounded<Emission>(new UnboundedChannelOptions { SingleReader = true });
    private int _pending; // bytes; added to by requests, taken from by the loop

    /// <returns>How many of the events are new, after their commit. A caller that goes away does not take them back.</returns>
    /// <exception cref="ProblemException">503 <c>overloaded</c> or <c>database_unavailable</c>, with <c>Retry-After</c>.</exception>
    public async Task<int> RecordAsync(Caller caller, List<NewEvent> events, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var emission = new Emission(caller, events, events.Sum(e => e.Bytes));
        if (Interlocked.Add(ref _pending, emission.Bytes) > options.Value.MaxPendingBytes || !_queue.Writer.TryWrite(emission))
        {
            Interlocked.Add(ref _pending, -emission.Bytes);
            throw new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.Overloaded,
                "More events wait to be recorded than this gateway holds. Try again shortly.", RetryAfter);
        }
        return await emission.Recorded.Task.WaitAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Emission>();
        try
        {
            while (await _queue.Reader.WaitToReadAsync(stoppingToken))
            {
                for (var events = 0; events < options.Value.MaxBatch && _queue.Reader.TryRead(out var next); events += next.Events.Count)
                    batch.Add(next);
                await CommitAsync(batch, stoppingToken);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Requests are over by now, but for those the server gave up on.
        }
        finally
        {
            _queue.Writer.Complete();
            while (_queue.Reader.TryRead(out var left))
                batch.Add(left);
            batch.ForEach(emission => emission.Recorded.TrySetException(
                new ProblemException(StatusCodes.Status503ServiceUnavailable, ErrorCodes.Draining, "The gateway is shutting down.", RetryAfter)));
        }
    }

    private async Task CommitAsync(List<Emission> batch, CancellationToken stoppingToken)
    {
        var started = time.GetTimestamp();
        try
        {
            var recorded = await InsertAsync(batch, stoppingToken);
            metrics.Committed(batch.Count, time.GetElapsedTime(started));
            foreach (var emission in batch)
            {
                var added = emission.Events.FindAll(e => recorded.Contains(e.EventId));
                metrics.Observed(added);
                Release(emission).TrySetResult(added.Count);
            }
        }
        catch (PostgresException e) when (batch.Count > 1 && !e.IsTransient)
        {
            // Somebody's events cannot be stored: the others' can.
            foreach (var emission in batch)
                await CommitAsync([emission], stoppingToken);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            batch.ForEach(emission => Release(emission).TrySetException(e));
        }
    }

    /// <summary>Makes room, before whoever waits for the answer goes on.</summary>
    private TaskCompletionSource<int> Release(Emission emission)
    {
        Interlocked.Add(ref _pending, -emission.Bytes);
        return emission.Recorded;
    }

    /// <returns>The events that are new. Done twice, after a commit of which nothing was heard, it says less than is true.</returns>
    private Task<HashSet<Guid>> InsertAsync(List<Emission> batch, CancellationToken stoppingToken) => database.RunAsync(async connection =>
    {
        var rows = batch.SelectMany(emission => emission.Events.Select(e => (emission.Caller, Event: e))).ToList();
        await using var command = new NpgsqlCommand(Insert, connection) { CommandTimeout = Database.CommandTimeout };
        Add(NpgsqlDbType.Uuid, row => row.Event.EventId);
        Add(NpgsqlDbType.Text, row => row.Caller.Tenant);
        Add(NpgsqlDbType.Text, row => row.Caller.Person);
        Add(NpgsqlDbType.Text, row => row.Event.Id);
        Add(NpgsqlDbType.Text, row => row.Event.Type);
        Add(NpgsqlDbType.TimestampTz, row => row.Event.At);
        Add(NpgsqlDbType.Text, row => row.Event.Attributes);
        var recorded = new HashSet<Guid>(rows.Count);
        await using var reader = await command.ExecuteReaderAsync(stoppingToken);
        while (await reader.ReadAsync(stoppingToken))
            recorded.Add(reader.GetGuid(0));
        return recorded;

        void Add<T>(NpgsqlDbType type, Func<(Caller Caller, NewEvent Event), T> member) =>
            command.Parameters.Add(new() { Value = rows.ConvertAll(row => member(row)), NpgsqlDbType = NpgsqlDbType.Array | type });
    }, stoppingToken);
}
