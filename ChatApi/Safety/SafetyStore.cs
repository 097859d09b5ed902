using Lyceum.ChatApi.Data;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.ChatApi.Safety;

/// <summary>What was withheld, and whom somebody should look after. Every query is filtered by tenant.</summary>
public sealed class SafetyStore(ChatDb db, DatabaseReady ready, TimeProvider time)
{
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

    /// <summary>What the caller may read, newest first: an owner all of the tenant's, a teacher those that name them.</summary>
    /// <param name="before">Of the page before; null: the first page.</param>
    public async Task<List<Concern>> ConcernsAsync(Caller caller, Guid? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var query = db.Concerns.AsNoTracking().Where(c => c.Tenant == caller.Tenant);
        if (caller.Role != Role.Owner)
            query = query.Where(c => c.Tell.Contains(caller.Person));
        if (before is { } last)
            query = query.Where(c => c.Id.CompareTo(last) < 0);
        return await Transient.RetryOnceAsync(_ => query.OrderByDescending(c => c.Id).Take(count).ToListAsync(cancellationToken));
    }
}
