using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Tenants;

/// <summary>
/// Whose things a caller reads and makes here, and as what. The one place that decides it:
/// <list type="bullet">
/// <item>a person: their own, with the role of their token;</item>
/// <item>an API token: the tenant owner's, as <see cref="Tenant.Founder"/>, so all tokens of a tenant share theirs;</item>
/// <item>a service, or an engine with a ticket, that acts for a subject: a member account's own, with the role it has now; of
/// an account that is no member, nothing; of any other subject, which is an API token's, the tenant owner's.</item>
/// </list>
/// </summary>
internal sealed class Members(SessionDb db, DatabaseReady ready)
{
    /// <summary>A subject that has nothing.</summary>
    private const string Nobody = "";

    /// <param name="isInternal">At a route between services: what looks like an API token there is a ticket.</param>
    /// <returns>The caller, acting for whom its things belong to.</returns>
    public async Task<Caller> ResolveAsync(Caller caller, bool isInternal, CancellationToken cancellationToken)
    {
        if (caller.Kind == CallerKind.User)
            return caller with { Role = caller.Role ?? Role.Owner };
        if (caller is { Kind: CallerKind.Service, Act: null })
            return caller;
        ready.ThrowIfNotReady();
        if ((isInternal || caller.Kind == CallerKind.Service) && AccountOf(caller.Person) is { } account)
        {
            return await RoleAsync(account, caller.Tenant, cancellationToken) is { } role
                ? caller with { Act = caller.Person, Role = role }
                : caller with { Act = Nobody, Role = Role.Student };
        }
        return caller with { Act = await FounderAsync(caller.Tenant, cancellationToken), Role = Role.Owner };
    }

    /// <summary>As whom the tenant's API tokens act.</summary>
    public async Task<string> FounderAsync(string tenant, CancellationToken cancellationToken) =>
        await Transient.RetryOnceAsync(_ => db.Set<Tenant>().Where(t => t.Id == tenant).Select(t => t.Founder)
            .SingleOrDefaultAsync(cancellationToken)) ?? Tenant.NoAccount;

    /// <returns>Null where the account is no member.</returns>
    public async Task<Role?> RoleAsync(Guid account, string tenant, CancellationToken cancellationToken) =>
        await Transient.RetryOnceAsync(_ => db.Set<Membership>().Where(m => m.AccountId == account && m.Tenant == tenant)
            .Select(m => (Role?)m.Role).SingleOrDefaultAsync(cancellationToken));

    /// <summary>
    /// The account that a subject is, by its form: a UUIDv7 as it is written here. So an account that was deleted is not
    /// taken for an API token, which acts as the owner.
    /// </summary>
    public static Guid? AccountOf(string subject) =>
        Guid.TryParseExact(subject, "D", out var id) && id.Version == 7 && id.ToString() == subject ? id : null;

    /// <summary><see cref="AdoptAsync"/>, where there is anything to do: looks at indexes that are empty after an upgrade.</summary>
    public static async Task AdoptThingsAsync(SessionDb db, CancellationToken cancellationToken)
    {
        var any = await db.Database.SqlQuery<bool>(
            $"""
             SELECT EXISTS (SELECT FROM tutors WHERE owner IS NULL) OR EXISTS (SELECT FROM knowledge_bases WHERE owner IS NULL)
                 OR EXISTS (SELECT FROM sessions WHERE subject IS NULL) AS "Value"
             """).SingleAsync(cancellationToken);
        if (any)
            await AdoptAsync(db, cancellationToken);
    }

    /// <summary>
    /// Gives rows that an earlier version made to whom they belong: the tenant's founder. It runs beside this one while an
    /// installation is upgraded, so this is repeated.
    /// </summary>
    public static async Task AdoptAsync(SessionDb db, CancellationToken cancellationToken)
    {
        await db.Database.ExecuteSqlAsync(
            $"""
             WITH founded AS (
                 INSERT INTO tenants (id, name, founder, created_at)
                 SELECT DISTINCT ON (a.tenant) a.tenant, a.name, a.id::text, a.created_at FROM accounts a
                 WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = a.tenant) ORDER BY a.tenant, a.created_at, a.id
                 ON CONFLICT DO NOTHING RETURNING id)
             INSERT INTO memberships (account_id, tenant, role, joined_at)
             SELECT a.id, a.tenant, 'owner', a.created_at FROM accounts a JOIN founded f ON f.id = a.tenant
             ON CONFLICT DO NOTHING
             """, cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE tutors SET owner = coalesce((SELECT founder FROM tenants t WHERE t.id = tenant), {Tenant.NoAccount})
             WHERE owner IS NULL
             """, cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE knowledge_bases SET owner = coalesce((SELECT founder FROM tenants t WHERE t.id = tenant), {Tenant.NoAccount})
             WHERE owner IS NULL
             """, cancellationToken);
        await db.Database.ExecuteSqlAsync(
            $"""
             UPDATE sessions s SET subject = coalesce(
                 (SELECT m.account_id::text FROM memberships m WHERE m.tenant = s.tenant AND m.account_id::text = s.owner),
                 (SELECT founder FROM tenants t WHERE t.id = s.tenant), {Tenant.NoAccount})
             WHERE subject IS NULL
             """, cancellationToken);
    }
}
