using System.Text.Json;
using Lyceum.Durability.Postgres;
using Lyceum.Gateway.Data;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.Gateway.Records.Observe;

/// <param name="EventId">The gateway's, and the cursor.</param>
/// <param name="Id">The client's.</param>
/// <param name="Subject">The caller that emitted it.</param>
public sealed record ObservedEvent(
    Guid EventId, string? Id, string Type, string Subject, DateTimeOffset At, DateTimeOffset ReceivedAt, JsonElement Attributes);

/// <summary>Events that were recorded.</summary>
internal sealed class ObserveStore(
    Database database, NpgsqlDataSource source, IOptions<ObserveOptions> options, TimeProvider time)
{
    private readonly TenantQuota _quota = new(source,
        "SELECT count(*), COALESCE(sum(pg_column_size(attributes)), 0)::bigint FROM observed_events WHERE tenant = $1", time);

    /// <exception cref="ProblemException">409: the tenant keeps as many as it may.</exception>
    public async Task CheckQuotaAsync(Caller caller, IReadOnlyList<NewEvent> events, CancellationToken cancellationToken)
    {
        var (maxEvents, maxBytes) = (options.Value.MaxEvents, options.Value.MaxBytes);
        var bytes = events.Sum(one => (long)one.Attributes.Length);
        if (!await _quota.TryAddAsync(caller.Tenant, events.Count, bytes, maxEvents, maxBytes, cancellationToken))
            throw new ProblemException(StatusCodes.Status409Conflict, ErrorCodes.LimitReached,
                $"Nothing was recorded: a tenant may keep {maxEvents} events (Observe:MaxEvents) with {maxBytes} bytes of "
                + "attributes (Observe:MaxBytes); old ones go by themselves.");
    }

    // The oldest, by the time in their ids: no other index is needed. A replica skips the rows that another one
    // deletes.
    private const string DeleteOldest =
        """
        DELETE FROM observed_events WHERE event_id IN (
            SELECT event_id FROM observed_events WHERE event_id < $1 ORDER BY event_id LIMIT $2 FOR UPDATE SKIP LOCKED)
        """;

    /// <summary>The tenant's, newest first.</summary>
    /// <param name="before">Only older ones; null: from the newest on.</param>
    public Task<List<ObservedEvent>> ListAsync(Caller caller, string? type, Guid? before, int limit, CancellationToken cancellationToken) =>
        database.RunAsync(async connection =>
        {
            await using var command = new NpgsqlCommand(
                """
                SELECT event_id, id, type, subject, at, received_at, attributes::text FROM observed_events
                WHERE tenant = $1 AND event_id < $2 AND ($3::text IS NULL OR type = $3) ORDER BY event_id DESC LIMIT $4
                """, connection)
            {
                CommandTimeout = Database.CommandTimeout,
                Parameters =
                {
                    new() { Value = caller.Tenant }, new() { Value = before ?? Guid.AllBitsSet },
                    new() { Value = (object?)type ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text }, new() { Value = limit },
                },
            };
            var events = new List<ObservedEvent>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                events.Add(new(
                    reader.GetGuid(0), reader.GetValue(1) as string, reader.GetString(2), reader.GetString(3), reader.GetTime(4),
                    reader.GetTime(5), JsonElement.Parse(reader.GetString(6))));
            }
            return events;
        }, cancellationToken);

    /// <summary>Deletes some of those that arrived before <paramref name="end"/>, the oldest first.</summary>
    /// <returns>How many; less than <paramref name="limit"/> when there are no more.</returns>
    public Task<int> DeleteAsync(DateTimeOffset end, int limit, CancellationToken cancellationToken) => database.RunAsync(async connection =>
    {
        await using var command = new NpgsqlCommand(DeleteOldest, connection)
        {
            Parameters = { new() { Value = First(end) }, new() { Value = limit } },
        };
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }, cancellationToken);

    /// <summary>The least UUIDv7 of a moment: its milliseconds, and zeros.</summary>
    private static Guid First(DateTimeOffset moment)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(moment).TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[6..].Clear();
        return new(bytes, bigEndian: true);
    }
}
