using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Safety;

/// <summary>What moderation made of live sessions, and who looked at whose concerns.</summary>
internal sealed class FlagStore(SessionDb db, DatabaseReady ready, Looks looks, TimeProvider time)
{
    /// <summary>How a look at concerns is named where the student sees it.</summary>
    private const string View = "concern";

    /// <summary>
    /// The person says that what was refused or withheld in this turn is wrongly so; false: nothing was, or it is not theirs.
    /// </summary>
    public async Task<bool> ReportAsync(
        Caller caller, string sessionId, int turn, string? report, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetUtcNow();
        return await Transient.RetryOnceAsync(_ => db.Set<SessionFlag>()
            .Where(f => f.Tenant == caller.Tenant && f.Person == caller.Person && f.SessionId == sessionId && f.Turn == turn
                && f.Status != "help")
            .ExecuteUpdateAsync(
                set => set.SetProperty(f => f.ReportedAt, f => f.ReportedAt ?? now).SetProperty(f => f.Report, report),
                cancellationToken)) > 0;
    }

    /// <summary>Questions that were refused and sentences that were withheld, newest first.</summary>
    /// <param name="reported">Only those that were reported as wrong, or only others; null: all.</param>
    public async Task<List<SessionFlag>> WithheldAsync(
        Caller caller, bool? reported, FlagCursor? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var flags = db.Set<SessionFlag>().AsNoTracking().Where(f => f.Tenant == caller.Tenant && f.Status != "help");
        if (reported is { } only)
            flags = flags.Where(f => f.ReportedAt != null == only);
        var query = After(flags, before);
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
    /// Writes down, where the students see it, that the caller is shown their concerns: a look without a class.
    /// </summary>
    public async Task LookAsync(Caller caller, IReadOnlyList<string> persons, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var account = Members.AccountOf(caller.Person);
        var name = account is null ? null : await Transient.RetryOnceAsync(_ => db.Set<Account>()
            .Where(a => a.Id == account).Select(a => a.Name).SingleOrDefaultAsync(cancellationToken));
        await looks.RecordAsync(
            new ClassRow { Id = Guid.Empty, Tenant = caller.Tenant, Owner = "", Name = "", Visibility = Visibilities.Progress }, View,
            [.. persons], (caller.Person, name ?? caller.Person), cancellationToken);
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
