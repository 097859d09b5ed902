using Lyceum.Durability.Postgres;
using Lyceum.EngineClient;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Engines;

/// <summary>The directory of engines: one row each, renewed each second.</summary>
internal sealed class EngineStore(SessionDb db, DatabaseReady ready)
{
    /// <summary>After so long without an announcement an engine gets no new sessions.</summary>
    public static readonly TimeSpan Live = TimeSpan.FromSeconds(5);

    /// <summary>After so long without an announcement its sessions are lost.</summary>
    public static readonly TimeSpan Lost = TimeSpan.FromSeconds(10);

    /// <returns>False where a later process goes by this id.</returns>
    public async Task<bool> AnnounceAsync(EngineAnnouncement engine, Uri announcedTo, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        Guid? draining = engine.Draining ? engine.Incarnation : null;
        var to = announcedTo.GetLeftPart(UriPartial.Authority);
        return await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO engines (id, incarnation, url, public_url, announced_to, capacity, sessions, model, draining,
                                  seen_at)
             VALUES ({engine.Id}, {engine.Incarnation}, {engine.Url.ToString()}, {engine.PublicUrl}, {to},
                     {engine.Capacity}, {engine.Sessions}, {engine.Model}, {draining}, clock_timestamp())
             ON CONFLICT (id) DO UPDATE SET
                 incarnation = excluded.incarnation, url = excluded.url, public_url = excluded.public_url,
                 announced_to = excluded.announced_to, capacity = excluded.capacity, sessions = excluded.sessions,
                 -- A run that drains never takes anything on again, whatever it says later.
                 draining = COALESCE(excluded.draining, engines.draining), model = excluded.model, seen_at = excluded.seen_at
             WHERE engines.incarnation <= excluded.incarnation
             """, cancellationToken) == 1;
    }

    /// <summary>Live engines, the least loaded first; those that drain last.</summary>
    public async Task<List<EngineRow>> LiveAsync(CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var engines = await Transient.RetryOnceAsync(_ => db.Set<EngineRow>()
            .FromSql($"SELECT * FROM engines WHERE seen_at > clock_timestamp() - {Live}").AsNoTracking().ToListAsync(cancellationToken));
        // Equally loaded ones by chance: what they said is up to a second old, and many ask within one.
        return [.. engines.OrderBy(engine => engine.IsDraining)
            .ThenBy(engine => (double)engine.Sessions / Math.Max(1, engine.Capacity)).ThenBy(_ => Random.Shared.Next())];
    }

    /// <summary>An engine, live or not; null where nothing is known of it any more.</summary>
    public async Task<EngineRow?> FindAsync(string id, CancellationToken cancellationToken) =>
        await Transient.RetryOnceAsync(
            _ => db.Set<EngineRow>().AsNoTracking().SingleOrDefaultAsync(e => e.Id == id, cancellationToken));
}
