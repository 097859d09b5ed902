using Lyceum.Durability.Postgres;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Engines;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Lyceum.SessionApi.Sessions;

/// <summary>
/// Makes rows agree with what became of engines: sessions of one that died are lost, those of one that was only out of
/// reach come back, expired ones have ended, deleted ones are deleted at their engine too. Every replica does it; the
/// statements do not conflict.
/// </summary>
internal sealed partial class SessionSweep(
    IServiceScopeFactory scopes, DatabaseReady ready, TimeProvider time, ILogger<SessionSweep> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>How much later than its time a session has ended, if its engine did not say so itself.</summary>
    private static readonly TimeSpan ExpiryGrace = TimeSpan.FromMinutes(1);

    /// <summary>How long one that was made at the engine itself is thought to live, if its engine does not say that it ended.</summary>
    private static readonly TimeSpan UnknownLife = TimeSpan.FromDays(1);

    /// <summary>
    /// How long a deleted session's mark stays: records that its engine still sends must not make a new session.
    /// </summary>
    private static readonly TimeSpan DeletedKept = TimeSpan.FromDays(7);

    private static readonly TimeSpan EnginesKept = TimeSpan.FromDays(1);
    private const int ReleasedAtOnce = 20;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ready.WaitAsync(stoppingToken);
        // After a start, or while the database was away, engines could not announce themselves: their silence means
        // nothing.
        var listening = time.GetTimestamp();
        var away = false;
        while (true)
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                var db = scope.ServiceProvider.GetRequiredService<SessionDb>();
                if (time.GetElapsedTime(listening) > EngineStore.Lost)
                    await JudgeAsync(db, stoppingToken);
                await Members.AdoptThingsAsync(db, stoppingToken);
                await ForgetAsync(db, stoppingToken);
                await ReleaseAsync(db, scope.ServiceProvider.GetRequiredService<LiveSessions>(), stoppingToken);
                away = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested
                && (Transient.IsTransient(e) || e is NpgsqlException or DbUpdateException or TimeoutException or InvalidOperationException))
            {
                listening = time.GetTimestamp();
                if (!away)
                    LogAway(e.Message);
                away = true;
            }
            await Task.Delay(Interval, time, stoppingToken);
        }
    }

    internal async Task JudgeAsync(SessionDb db, CancellationToken cancellationToken)
    {
        // Sessions made at the engine itself (no incarnation) are its alone to end.
        var lost = await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE sessions s SET status = 'lost', reason = 'engine_lost', ended_at = clock_timestamp()
             WHERE status = 'active' AND incarnation <> '00000000-0000-0000-0000-000000000000' AND NOT EXISTS (
                 SELECT FROM engines e WHERE e.id = s.engine_id AND e.incarnation = s.incarnation
                    AND e.seen_at > clock_timestamp() - {EngineStore.Lost})
             """, cancellationToken);
        if (lost > 0)
            LogLost(lost);
        // Its engine was out of reach and is back, with the session.
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE sessions s SET status = 'active', reason = NULL, ended_at = NULL
             WHERE status = 'lost' AND continued_by IS NULL AND reason = 'engine_lost' AND expires_at > clock_timestamp() AND EXISTS (
                 SELECT FROM engines e WHERE e.id = s.engine_id AND e.incarnation = s.incarnation
                    AND e.seen_at > clock_timestamp() - {EngineStore.Live})
             """, cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE sessions SET status = 'ended', reason = 'session_timeout', ended_at = clock_timestamp()
             WHERE status = 'active' AND coalesce(expires_at, created_at + {UnknownLife}) < clock_timestamp() - {ExpiryGrace}
             """, cancellationToken);
    }

    private static async Task ForgetAsync(SessionDb db, CancellationToken cancellationToken)
    {
        await db.Database.ExecuteSqlAsync(
            $"DELETE FROM sessions WHERE status = 'deleted' AND ended_at < clock_timestamp() - {DeletedKept}", cancellationToken);
        await db.Database.ExecuteSqlAsync($"DELETE FROM engines WHERE seen_at < clock_timestamp() - {EnginesKept}", cancellationToken);
    }

    private static async Task ReleaseAsync(SessionDb db, LiveSessions sessions, CancellationToken cancellationToken)
    {
        var deleted = await db.Set<LiveSession>().AsNoTracking()
            .Where(s => s.Status == SessionStatus.Deleted && !s.Released)
            .OrderBy(s => s.EndedAt).Take(ReleasedAtOnce).ToListAsync(cancellationToken);
        foreach (var session in deleted)
            await sessions.ReleaseAsync(session, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "{Count} sessions lost: engine gone")]
    private partial void LogLost(int count);

    [LoggerMessage(LogLevel.Warning, "sweep of sessions failed: {Reason}")]
    private partial void LogAway(string reason);
}
