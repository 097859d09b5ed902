using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Transcripts;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Sessions;

/// <summary>The caller's sessions, as rows: every query is filtered by (tenant, person).</summary>
internal sealed class SessionStore(SessionDb db, DatabaseReady ready, TimeProvider time)
{
    /// <exception cref="ProblemException">404 <c>session_not_found</c>, also where it is somebody else's.</exception>
    public async Task<LiveSession> ReadAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().SingleOrDefaultAsync(s => s.Id == id, cancellationToken))
            ?? throw NotFound(id);
    }

    /// <summary>Newest first.</summary>
    public async Task<List<LiveSession>> ListAsync(
        Caller caller, int? tutorId, string? studentId, string? status, long? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking()
            .Where(s => tutorId == null || s.TutorId == tutorId)
            .Where(s => studentId == null || s.StudentId == studentId)
            .Where(s => status == null || s.Status == status)
            .Where(s => before == null || s.Number < before)
            .OrderByDescending(s => s.Number).Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>Records a session that an engine has made; until then no client knows its address.</summary>
    /// <param name="person">As the engine knows the caller.</param>
    /// <param name="continues">The session it goes on with; null for a new one.</param>
    /// <returns>False where another session already goes on with that one: this one is not stored.</returns>
    public async Task<bool> AddAsync(
        Caller caller, string person, int tutorId, string studentId, string? kbId, string engineId, EngineSession made,
        string? continues, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (continues is not null && await db.Set<LiveSession>()
                .Where(s => s.Tenant == caller.Tenant && s.Subject == caller.Person && s.Id == continues)
                .Where(s => s.ContinuedBy == null && s.Status != SessionStatus.Deleted)
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.ContinuedBy, made.SessionId), cancellationToken) == 0)
        {
            return false;
        }
        db.Add(new LiveSession
        {
            Id = made.SessionId,
            Tenant = caller.Tenant,
            Person = person,
            Subject = caller.Person,
            TutorId = tutorId,
            StudentId = studentId,
            KbId = kbId,
            EngineId = engineId,
            Incarnation = made.Incarnation,
            Status = SessionStatus.Active,
            Continues = continues,
            CreatedAt = time.GetStoredNow(),
            ExpiresAt = made.ExpiresAt,
        });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>Its engine says that it has no such session: it ended there, and how is not recorded yet.</summary>
    public Task<int> EndAsync(LiveSession session, string status, string reason, CancellationToken cancellationToken) =>
        db.Set<LiveSession>().Where(s => s.Number == session.Number && s.Status == SessionStatus.Active)
            .ExecuteUpdateAsync(
            set => set.SetProperty(s => s.Status, status).SetProperty(s => s.Reason, reason).SetProperty(s => s.EndedAt, time.GetUtcNow()),
            cancellationToken);

    /// <summary>
    /// Deletes the transcript and marks the row; whether the engine deleted it too is recorded by
    /// <see cref="ReleasedAsync"/>.
    /// </summary>
    public async Task DeleteAsync(Caller caller, LiveSession session, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await Of(caller).Where(s => s.Number == session.Number).ExecuteUpdateAsync(
                set => set.SetProperty(s => s.Status, SessionStatus.Deleted).SetProperty(s => s.Reason, SessionStatus.Deleted)
                    .SetProperty(s => s.EndedAt, time.GetUtcNow()).SetProperty(s => s.StudentId, ""),
                cancellationToken) == 0)
        {
            throw NotFound(session.Id);
        }
        await db.Set<SessionTurn>().Where(t => t.SessionNumber == session.Number).ExecuteDeleteAsync(cancellationToken);
        await db.Set<RejectedRecord>().Where(r => r.SessionNumber == session.Number)
            .ExecuteDeleteAsync(cancellationToken);
        await db.Set<SessionDelta>().Where(d => d.SessionNumber == session.Number).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    public Task<int> ReleasedAsync(LiveSession session, CancellationToken cancellationToken) =>
        db.Set<LiveSession>().Where(s => s.Number == session.Number)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.Released, true), cancellationToken);

    private IQueryable<LiveSession> Of(Caller caller) => db.Set<LiveSession>()
        .Where(s => s.Tenant == caller.Tenant && s.Subject == caller.Person && s.Status != SessionStatus.Deleted);

    private static ProblemException NotFound(string id) =>
        new(404, ErrorCodes.SessionNotFound, $"There is no session {id} of yours.");
}
