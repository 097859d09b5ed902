using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>Invitations and join codes, shown by who has an account. Wrong ones are counted, as wrong passwords are.</summary>
internal sealed class Joining(
    SessionDb db, AccountStore accounts, Admission admission, Memberships memberships, AttemptLimit attempts)
{
    private const int MaxCode = 100;

    /// <param name="classOnly">Only a code that puts into a class.</param>
    /// <exception cref="ProblemException">
    /// 403 <c>account_required</c>, <c>invalid_invitation</c>; 409 <c>conflict</c>, <c>limit_reached</c>; 429.
    /// </exception>
    public async Task<MembershipView> JoinAsync(
        JoinRequest request, Caller caller, HttpContext http, bool classOnly, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("code", request.Code, MaxCode, required: true);
        errors.AddIf(request.Visibility is not (null or Visibilities.Progress or Visibilities.Conversations),
            "visibility", "visibility must be progress or conversations.");
        errors.ThrowIfAny();
        var account = await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
        var (who, address) = ($"join {account.Id}", AccountEndpoints.ClientAddress(http));
        using var turn = await attempts.TurnAsync(address, cancellationToken);
        await attempts.TakeAsync(who, address, cancellationToken);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var invitation = await admission.FindInvitationAsync(request.Code!, cancellationToken);
        if (classOnly && invitation.ClassId is null)
            throw Admission.InvalidInvitation();
        // Who is in it already uses up nobody's place.
        var (id, person) = (invitation.ClassId, account.Id.ToString());
        if (id is null || !await db.Set<ClassMember>().AnyAsync(m => m.ClassId == id && m.Person == person, cancellationToken))
            await admission.UseInvitationAsync(request.Code, cancellationToken);
        await memberships.JoinAsync(account.Id, invitation, request.Visibility, cancellationToken);
        var joined = await (
            from m in db.Set<Membership>().AsNoTracking()
            join t in db.Set<Tenant>() on m.Tenant equals t.Id
            where m.AccountId == account.Id && m.Tenant == invitation.Tenant
            select new MembershipView(m.Tenant, t.Name, m.Role, m.JoinedAt)).SingleAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await attempts.GiveBackAsync(who, address, cancellationToken);
        return joined;
    }

    /// <summary>What a join code is for, before anybody joins.</summary>
    /// <exception cref="ProblemException">403 <c>invalid_invitation</c>; 429.</exception>
    public async Task<JoinView> LookAsync(string code, HttpContext http, CancellationToken cancellationToken)
    {
        var address = AccountEndpoints.ClientAddress(http);
        using var turn = await attempts.TurnAsync(address, cancellationToken);
        await attempts.TakeAsync(address, cancellationToken);
        if (code.Length > MaxCode)
            throw Admission.InvalidInvitation();
        var invitation = await admission.FindInvitationAsync(code, cancellationToken);
        var view = await (
            from c in db.Set<ClassRow>().AsNoTracking()
            join t in db.Set<Tenant>() on c.Tenant equals t.Id
            where c.Id == invitation.ClassId && c.Tenant == invitation.Tenant && c.ArchivedAt == null
            select new JoinView(c.Id, c.Name, t.Name, c.Visibility, invitation.ExpiresAt)).SingleOrDefaultAsync(cancellationToken);
        await attempts.GiveBackAsync(address, cancellationToken);
        return view ?? throw Admission.InvalidInvitation();
    }
}

/// <param name="Name">The class's.</param>
/// <param name="Organisation">Whose class it is.</param>
/// <param name="Visibility">
/// What its teachers will see of who joins: <c>progress</c>, or <c>conversations</c> with the class's tutors as well.
/// </param>
public sealed record JoinView(Guid ClassId, string Name, string Organisation, string Visibility, DateTimeOffset ExpiresAt);
