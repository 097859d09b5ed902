using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.Http;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.Durability.Events;

/// <summary>
/// Follows the events of one person from a number on: each once, in order, read from the database. While that is away it
/// pauses.
/// </summary>
public sealed class PersonEventReader(
    NpgsqlDataSource source, PersonEventHeads heads, IOptions<AnswersOptions> answers, TimeProvider time)
{
    /// <summary>Where the stream stands; its id is the number. The first event of each stream.</summary>
    public const string Cursor = "cursor";

    /// <summary>Events after the cursor are not kept any more: what one knows is to be read anew. Its id is the number from which it goes on.</summary>
    public const string Reset = "reset";

    public const string Ping = "ping";

    private const int Batch = 100;
    private const string Nothing = "{}";

    private sealed record Happened(long Number, string Kind, string Json);

    /// <param name="after">The last event that the reader has; null: from now on.</param>
    public async IAsyncEnumerable<SseItem<string>> FollowAsync(
        string tenant, string person, long? after, [EnumeratorCancellation] CancellationToken clientGone)
    {
        var signal = new ReaderSignal();
        using var following = heads.Follow(tenant, person, signal);
        // What fails now is answered with a status.
        var head = await HeadAsync(tenant, person, clientGone);
        var position = after ?? head;
        if (position > head)
            yield return Item(Reset, position = head, Nothing); // the database was restored to a time before
        else
            yield return Item(Cursor, position, Nothing);
        var pinged = time.GetTimestamp();
        while (true)
        {
            var batch = await ReadAsync(tenant, person, position, clientGone);
            if (batch is [var first, ..] && first.Number > position + 1)
                yield return Item(Reset, first.Number - 1, Nothing);
            else if (batch.Count == 0 && head > position)
                yield return Item(Reset, position = head, Nothing); // none of them is kept
            head = 0;
            foreach (var happened in batch)
                yield return Item(happened.Kind, position = happened.Number, happened.Json);
            if (batch.Count == Batch)
                continue;
            var silent = time.GetElapsedTime(pinged);
            if (silent >= answers.Value.Ping)
            {
                (pinged, silent) = (time.GetTimestamp(), TimeSpan.Zero);
                yield return new(Nothing, Ping);
            }
            await signal.WaitAtMostAsync(answers.Value.Ping - silent, clientGone);
        }
    }

    private static SseItem<string> Item(string kind, long number, string json) =>
        new(json, kind) { EventId = number.ToString(System.Globalization.CultureInfo.InvariantCulture) };

    private Task<long> HeadAsync(string tenant, string person, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(async _ =>
        {
            await using var command = source.CreateCommand(
                "SELECT COALESCE((SELECT number FROM person_event_heads WHERE tenant = $1 AND person = $2), 0)");
            command.Parameters.Add(new() { Value = tenant });
            command.Parameters.Add(new() { Value = person });
            return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        });

    private async Task<List<Happened>> ReadAsync(
        string tenant, string person, long after, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = source.CreateCommand(
                """
                SELECT number, kind, (data || jsonb_build_object('at', at))::text FROM person_events
                WHERE tenant = $1 AND person = $2 AND number > $3 ORDER BY number LIMIT $4
                """);
            foreach (var value in (object[])[tenant, person, after, Batch])
                command.Parameters.Add(new() { Value = value });
            var happened = new List<Happened>();
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                happened.Add(new(reader.GetInt64(0), reader.GetString(1), reader.GetString(2)));
            return happened;
        }
        catch (Exception e) when (Transient.IsTransient(e) || e is TimeoutException or ProblemException)
        {
            return []; // the next read follows
        }
    }
}
