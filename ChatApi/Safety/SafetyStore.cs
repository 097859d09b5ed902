using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Lyceum.ChatApi.Safety;

/// <summary>What was withheld, and whom somebody should look after. Every query is filtered by tenant.</summary>
public sealed class SafetyStore(ChatDb db, NpgsqlDataSource source, DatabaseReady ready, TimeProvider time)
{
    // One statement: what is returned was recorded as seen in the transaction that returns it.
    private const string Look =
        """
        WITH shown AS (
            SELECT * FROM concerns
            WHERE tenant = $1 AND ($3 OR $2 = ANY (tell)) AND ($4::uuid IS NULL OR id < $4)
            ORDER BY id DESC LIMIT $5),
        looked AS (
            INSERT INTO concern_looks (concern_id, viewer, first_at)
            SELECT id, $2, clock_timestamp() FROM (SELECT id FROM shown ORDER BY id DESC LIMIT $5 - 1) s
            ON CONFLICT DO NOTHING)
        SELECT id, person, conversation_id, message_id, class_id, created_at, by, category, quote FROM shown ORDER BY id DESC
        """;

    /// <summary>The person says that a verdict on this message is wrong; false: there is none, or it is not theirs.</summary>
    public async Task<bool> ReportAsync(
        Caller caller, Guid conversationId, Guid messageId, string? report, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetUtcNow();
        // The question's id will do: its verdict is with the answer that never came.
        return await Transient.RetryOnceAsync(_ => db.Verdicts
            .Where(v => v.Tenant == caller.Tenant && v.Person == caller.Person && v.ConversationId == conversationId
                && (v.MessageId == messageId || db.Messages.Any(m => m.Id == messageId && m.ConversationId == conversationId
                    && db.Messages.Any(a => a.Id == v.MessageId && a.Position == m.Position + 1
                        && a.ConversationId == conversationId && v.Side == "question"))))
            .ExecuteUpdateAsync(
                set => set.SetProperty(v => v.ReportedAt, v => v.ReportedAt ?? now).SetProperty(v => v.Report, report),
                cancellationToken)) > 0;
    }

    /// <summary>Newest first.</summary>
    /// <param name="reported">Only those that were reported as wrong, or only others; null: all.</param>
    /// <param name="before">Of the page before; null: the first page.</param>
    public async Task<List<ModerationVerdict>> VerdictsAsync(
        Caller caller, bool? reported, Guid? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var query = db.Verdicts.AsNoTracking().Where(v => v.Tenant == caller.Tenant);
        if (reported is { } only)
            query = query.Where(v => v.ReportedAt != null == only);
        if (before is { } last)
            query = query.Where(v => v.Id.CompareTo(last) < 0);
        return await Transient.RetryOnceAsync(_ => query.OrderByDescending(v => v.Id).Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>
    /// What the caller may read: an owner all of the tenant's, a teacher those that name them. That they looked is recorded
    /// before anything is returned. Newest first; one more than are recorded as seen, to tell whether there are more.
    /// </summary>
    public async Task<List<Concern>> LookAtConcernsAsync(
        Caller caller, Guid? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        using var watch = new CommitWatch(connection);
        await using var command = new NpgsqlCommand(Look, connection);
        command.Parameters.Add(new() { Value = caller.Tenant });
        command.Parameters.Add(new() { Value = caller.Person });
        command.Parameters.Add(new() { Value = caller.Role == Role.Owner });
        command.Parameters.Add(new() { Value = (object?)before ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new() { Value = count });
        var concerns = new List<Concern>();
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                concerns.Add(new()
                {
                    Id = reader.GetGuid(0),
                    Tenant = caller.Tenant,
                    Person = reader.GetString(1),
                    ConversationId = reader.GetGuid(2),
                    MessageId = reader.GetGuid(3),
                    ClassId = reader.GetValue(4) as Guid?,
                    CreatedAt = new DateTimeOffset(reader.GetDateTime(5)),
                    By = reader.GetString(6),
                    Category = reader.GetString(7),
                    Quote = reader.GetString(8),
                    Tell = [],
                });
            }
        }
        await watch.ConfirmAsync(cancellationToken);
        return concerns;
    }
}
