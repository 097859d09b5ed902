using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Safety;

/// <summary>What moderation made of live sessions, and who looked at whose concerns.</summary>
internal sealed class FlagStore(SessionDb db, DatabaseReady ready, TimeProvider time)
{
    /// <summary>How a look at concerns is named where the student sees it.</summary>
    private const string View = "concern";

    /// <summary>Questions that were refused and sentences that were withheld, newest first.</summary>
    public async Task<List<SessionFlag>> WithheldAsync(
        Caller caller, FlagCursor? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var query = After(db.Set<SessionFlag>().AsNoTracking().Where(f => f.Tenant == caller.Tenant && f.Status != "help"), before);
        return await Transient.RetryOnceAsync(_ => query.Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>
    /// Signs of self-harm, newest first: for an owner all, for a teacher those of persons under a policy that names them.
    /// That they look is recorded first.
    /// </summary>
    public async Task<List<SessionFlag>> ConcernsAsync(
        Caller caller, FlagCursor? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var all = db.Set<SessionFlag>().FromSql(
            $"""
             SELECT f.* FROM session_flags f
             WHERE f.tenant = {caller.Tenant} AND f.status = 'help' AND ({caller.Role == Role.Owner} OR EXISTS (
                 SELECT FROM safety_policies p
                 WHERE p.tenant = f.tenant AND jsonb_typeof(p.policy -> 'tell') = 'array' AND jsonb_exists(p.policy -> 'tell', {caller.Person})
                   AND (p.class_id = {Guid.Empty} OR EXISTS (
                       SELECT FROM class_members m WHERE m.class_id = p.class_id AND m.tenant = f.tenant AND m.person = f.person))))
             """).AsNoTracking();
        var page = await Transient.RetryOnceAsync(_ => After(all, before).Take(count).ToListAsync(cancellationToken));
        if (page.Count > 0)
            await LookAsync(caller, [.. page.Select(flag => flag.Person).Distinct()], cancellationToken);
        return page;
    }

    /// <summary>
    /// Writes down, where the students see it, that the caller is shown their concerns. Looks within a minute are one row.
    /// </summary>
    public async Task LookAsync(Caller caller, IReadOnlyList<string> persons, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        var minute = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute));
        var ids = persons.Select(_ => Guid.CreateVersion7()).ToArray();
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO looks (id, tenant, person, class_id, class_name, viewer, viewer_name, view, minute, at, times)
             SELECT u.id, {caller.Tenant}, u.person, {Guid.Empty}, '', {caller.Person},
                    coalesce((SELECT a.name FROM accounts a WHERE a.id::text = {caller.Person}), {caller.Person}), {View}, {minute}, {now}, 1
             FROM unnest({ids}, {persons.ToArray()}) AS u(id, person)
             ON CONFLICT (class_id, person, viewer, view, minute) DO UPDATE SET at = excluded.at, times = looks.times + 1
             """, cancellationToken);
    }

    private static IQueryable<SessionFlag> After(IQueryable<SessionFlag> flags, FlagCursor? before)
    {
        if (before is { } last)
        {
            flags = flags.Where(f => f.At < last.At || (f.At == last.At
                && (f.SessionNumber < last.SessionNumber || (f.SessionNumber == last.SessionNumber && f.Seq < last.Seq))));
        }
        return flags.OrderByDescending(f => f.At).ThenByDescending(f => f.SessionNumber).ThenByDescending(f => f.Seq);
    }
}

/// <summary>Where a page ended: opaque to clients, <c>{unix microseconds}_{session}_{record}</c>.</summary>
internal sealed record FlagCursor(DateTimeOffset At, long SessionNumber, long Seq)
{
    /// <returns>Null where it is none.</returns>
    public static FlagCursor? Parse(string text)
    {
        var parts = text.Split('_');
        return parts.Length == 3 && long.TryParse(parts[0], out var micros) && micros is >= 0 and < 253_402_300_799_000_000
               && long.TryParse(parts[1], out var number) && long.TryParse(parts[2], out var seq)
            ? new(DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond), number, seq)
            : null;
    }

    public static FlagCursor Of(SessionFlag flag) => new(flag.At, flag.SessionNumber, flag.Seq);

    public override string ToString() =>
        $"{(At - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond}_{SessionNumber}_{Seq}";
}
