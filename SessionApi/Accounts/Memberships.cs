using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Where a sign-in goes to.</summary>
/// <param name="Tenant">Null: the account's own, else the first it belongs to.</param>
/// <param name="Invitation">The code of one, accepted before.</param>
/// <param name="Device">What signs in, for the person's list.</param>
internal sealed record SignInInto(string? Tenant = null, string? Invitation = null, string? Device = null);

/// <summary>Which account is what in which tenant.</summary>
internal sealed class Memberships(SessionDb db, ClassStore classes, TimeProvider time)
{
    /// <summary>The first membership of a new account: by invitation, else in a tenant of its own, which it founds.</summary>
    /// <param name="role">In the account's tenant, which others may have founded; null: it founds it.</param>
    public async Task<Role> BeginAsync(
        Account account, Invitation? invitation, CancellationToken cancellationToken, Role? role = null)
    {
        if (invitation is { Role: not null })
            return await JoinAsync(account.Id, invitation, visibility: null, cancellationToken);
        var (name, founder) = role is null ? (account.Name, account.Id.ToString()) : (account.Tenant, Tenant.NoAccount);
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tenants (id, name, founder, created_at) VALUES ({account.Tenant}, {name}, {founder}, {account.CreatedAt})
             ON CONFLICT DO NOTHING
             """, cancellationToken);
        await AddAsync(account.Id, account.Tenant, role ?? Role.Owner, cancellationToken);
        return role ?? Role.Owner;
    }

    /// <summary>Accepts an invitation that was used in this transaction.</summary>
    /// <param name="visibility">What the person agreed to; null: what the class asks for.</param>
    /// <returns>What the account is there now: what it was, where that is more.</returns>
    /// <exception cref="ProblemException">403 <c>invalid_invitation</c>; 409 <c>conflict</c>, <c>limit_reached</c>.</exception>
    public async Task<Role> JoinAsync(
        Guid account, Invitation invitation, string? visibility, CancellationToken cancellationToken)
    {
        if (invitation.Role is not { } role)
            throw Admission.InvalidInvitation(); // it is for who has no account yet
        await AddAsync(account, invitation.Tenant, role, cancellationToken);
        if (invitation.ClassId is { } id)
            await classes.JoinAsync(invitation.Tenant, id, account.ToString(), visibility, cancellationToken);
        return await db.Set<Membership>().Where(m => m.AccountId == account && m.Tenant == invitation.Tenant)
            .Select(m => m.Role).SingleAsync(cancellationToken);
    }

    /// <summary>The tenant that a sign-in goes on in, and what the account is there now.</summary>
    /// <param name="wanted">The person's choice; null: none.</param>
    /// <param name="before">Where it was; null: the account's own.</param>
    /// <exception cref="ProblemException">403 <c>not_a_member</c>: of that one, or of none.</exception>
    public async Task<(string Tenant, Role Role)> ChooseAsync(
        Account account, string? wanted, string? before, CancellationToken cancellationToken)
    {
        var all = await AllAsync(account.Id, cancellationToken);
        if (all.Count == 0 && !await db.Set<Tenant>().AnyAsync(t => t.Id == account.Tenant, cancellationToken))
        {
            // Perhaps an earlier version, which still runs beside this one, registered it a moment ago.
            await Members.AdoptAsync(db, cancellationToken);
            all = await AllAsync(account.Id, cancellationToken);
        }
        var chosen = wanted is not null
            ? all.Find(m => m.Tenant == wanted)
            : all.Find(m => m.Tenant == (before ?? account.Tenant)) ?? all.Find(m => m.Tenant == account.Tenant) ?? all.FirstOrDefault();
        return chosen is null
            ? throw new ProblemException(StatusCodes.Status403Forbidden, ErrorCodes.NotAMember, wanted is null
                ? "This account belongs to no organisation any more. Sign in with an invitation_code of one."
                : "This account does not belong to that organisation.")
            : (chosen.Tenant, chosen.Role);
    }

    /// <summary>Oldest first.</summary>
    public Task<List<Membership>> AllAsync(Guid account, CancellationToken cancellationToken) =>
        db.Set<Membership>().AsNoTracking().Where(m => m.AccountId == account)
            .OrderBy(m => m.JoinedAt).ThenBy(m => m.Tenant).ToListAsync(cancellationToken);

    /// <summary>
    /// Changes what an account is in a tenant, or removes it (null) from it and from its classes. The last owner stays. What
    /// the account was invited others with is void then, and the classes of who teaches no more are an owner's.
    /// </summary>
    /// <returns>False where it is no member.</returns>
    /// <exception cref="ProblemException">409 <c>last_owner</c>.</exception>
    public async Task<bool> ChangeAsync(string tenant, Guid account, Role? role, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginCountedAsync("owners", tenant, cancellationToken);
        var before = await db.Set<Membership>().Where(m => m.Tenant == tenant && m.AccountId == account)
            .Select(m => (Role?)m.Role).SingleOrDefaultAsync(cancellationToken);
        if (before is null)
            return false;
        if (before == Role.Owner && role != Role.Owner)
            await ThrowIfLastOwnerAsync(tenant, account, cancellationToken);
        var one = db.Set<Membership>().Where(m => m.Tenant == tenant && m.AccountId == account);
        if (role is { } next)
            await one.ExecuteUpdateAsync(set => set.SetProperty(m => m.Role, next), cancellationToken);
        else
        {
            await one.ExecuteDeleteAsync(cancellationToken);
            await classes.LeaveAllAsync(tenant, account.ToString(), cancellationToken);
        }
        if (role is null or Role.Student && before is not Role.Student)
        {
            // A class has a teacher who is there: the owner who is longest so, else whom the tenant's API tokens act
            // as.
            var heir = await db.Set<Membership>()
                .Where(m => m.Tenant == tenant && m.Role == Role.Owner && m.AccountId != account)
                .OrderBy(m => m.JoinedAt).ThenBy(m => m.AccountId).Select(m => m.AccountId.ToString())
                .FirstOrDefaultAsync(cancellationToken)
                ?? await db.Set<Tenant>().Where(t => t.Id == tenant).Select(t => t.Founder)
                    .SingleOrDefaultAsync(cancellationToken)
                ?? Tenant.NoAccount;
            await classes.PassOnAsync(tenant, account.ToString(), heir, cancellationToken);
        }
        if (role is null || role < before)
        {
            await db.Set<Invitation>().Where(i => i.Tenant == tenant && i.CreatedBy == account)
                .ExecuteDeleteAsync(cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>In a transaction that holds the count of <c>owners</c>.</summary>
    /// <exception cref="ProblemException">409 <c>last_owner</c>.</exception>
    public async Task ThrowIfLastOwnerAsync(string tenant, Guid account, CancellationToken cancellationToken)
    {
        if (!await db.Set<Membership>().AnyAsync(
                m => m.Tenant == tenant && m.Role == Role.Owner && m.AccountId != account, cancellationToken))
        {
            throw new ProblemException(StatusCodes.Status409Conflict, ErrorCodes.LastOwner,
                "This is the organisation's last owner: make another member an owner first.");
        }
    }

    private Task<int> AddAsync(Guid account, string tenant, Role role, CancellationToken cancellationToken)
    {
        var (name, now) = ((string)TenantTables.Roles.ConvertToProvider(role)!, time.GetStoredNow());
        // The enum's order, in SQL: nobody becomes less by an invitation.
        return db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO memberships (account_id, tenant, role, joined_at) VALUES ({account}, {tenant}, {name}, {now})
             ON CONFLICT (account_id, tenant) DO UPDATE SET role = EXCLUDED.role
             WHERE array_position(ARRAY['student', 'teacher', 'owner'], memberships.role)
                 < array_position(ARRAY['student', 'teacher', 'owner'], EXCLUDED.role)
             """, cancellationToken);
    }
}
