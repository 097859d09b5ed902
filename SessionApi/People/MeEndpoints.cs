using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>What a signed-in person sees and changes of themselves: docs/accounts.md, docs/classes.md.</summary>
internal static class MeEndpoints
{
    private const int MaxName = 100;
    private const int MaxCode = 100;
    private const int MaxSignIns = 100;
    private const int MaxPage = 100;

    public static void MapMe(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/me").RequireAuthorization().WithTags("me");
        group.MapGet("", ReadAsync);
        group.MapGet("audit", AuditAsync).Fails(400, ErrorCodes.InvalidCursor);
        var account = group.MapGroup("").Fails(403, ErrorCodes.AccountRequired);
        account.MapPatch("", ChangeAsync);
        account.MapGet("sign-ins", SignInsAsync);
        account.MapDelete("sign-ins/{id:guid}", EndSignInAsync).Fails(404, ErrorCodes.SignInNotFound);
        account.MapPost("memberships", JoinAsync).Fails(403, ErrorCodes.InvalidInvitation)
            .Fails(409, ErrorCodes.Conflict, ErrorCodes.LimitReached).Fails(429, ErrorCodes.TooManyAttempts);
        account.MapDelete("memberships/{tenant}", LeaveAsync)
            .Fails(404, ErrorCodes.MemberNotFound).Fails(409, ErrorCodes.LastOwner);
    }

    /// <summary>Who I am here, what I may do, and where else I belong.</summary>
    private static async Task<MeView> ReadAsync(
        Caller caller, AccountStore accounts, SessionDb db, CancellationToken cancellationToken) =>
        await ViewAsync(caller, await accounts.FindAsync(caller, cancellationToken), db, cancellationToken);

    /// <summary>Changes how I am called.</summary>
    private static async Task<MeView> ChangeAsync(
        MeRequest request, Caller caller, AccountStore accounts, SessionDb db, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("name", request.Name, MaxName, required: true);
        errors.ThrowIfAny();
        var account = await RequireAsync(caller, accounts, cancellationToken);
        await db.Set<Account>().Where(a => a.Id == account.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(a => a.Name, request.Name), cancellationToken);
        account.Name = request.Name!;
        return await ViewAsync(caller, account, db, cancellationToken);
    }

    /// <summary>Where I am signed in, the one that was used last first; at most 100.</summary>
    private static async Task<SignInList> SignInsAsync(
        Caller caller, AccountStore accounts, SessionDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var account = await RequireAsync(caller, accounts, cancellationToken);
        var now = time.GetStoredNow();
        return new(await db.Set<SignIn>().AsNoTracking().Where(s => s.AccountId == account.Id && s.ExpiresAt > now)
            .OrderByDescending(s => s.RefreshedAt).Take(MaxSignIns)
            .Select(s => new SignInView(s.Id, s.Device, s.Tenant ?? account.Tenant, s.CreatedAt, s.RefreshedAt, s.ExpiresAt))
            .ToListAsync(cancellationToken));
    }

    /// <summary>Ends a sign-in: within the life of its access token.</summary>
    private static async Task<NoContent> EndSignInAsync(
        Guid id, Caller caller, AccountStore accounts, SessionDb db, CancellationToken cancellationToken)
    {
        var account = await RequireAsync(caller, accounts, cancellationToken);
        return await db.Set<SignIn>().Where(s => s.Id == id && s.AccountId == account.Id).ExecuteDeleteAsync(cancellationToken) > 0
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.SignInNotFound, $"There is no sign-in {id} of yours.");
    }

    /// <summary>
    /// Accepts an invitation, or a class's join code. To go on in that tenant: <c>POST /api/auth/refresh {tenant}</c>.
    /// </summary>
    private static async Task<Created<MembershipView>> JoinAsync(
        JoinRequest request, Caller caller, HttpContext http, Joining joining, CancellationToken cancellationToken)
    {
        var joined = await joining.JoinAsync(request, caller, http, classOnly: false, cancellationToken);
        return TypedResults.Created("/api/me", joined);
    }

    /// <summary>Leaves a tenant, with its classes. What I made there stays there.</summary>
    private static async Task<NoContent> LeaveAsync(
        string tenant, Caller caller, AccountStore accounts, Memberships memberships, CancellationToken cancellationToken)
    {
        var account = await RequireAsync(caller, accounts, cancellationToken);
        return await memberships.ChangeAsync(tenant, account.Id, role: null, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.MemberNotFound, "You do not belong to that organisation.");
    }

    /// <summary>
    /// Who looked at what of mine, newest first, <paramref name="limit"/> (1-100) a page. Looks within a minute are one.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<AuditPage> AuditAsync(
        Caller caller, Looks looks, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        Guid? before = null;
        if (cursor is not null)
            before = Paging.Cursor(cursor);
        Paging.CheckLimit(limit, MaxPage);
        var page = await looks.ListAsync(caller, before, limit + 1, cancellationToken);
        return new(
            [.. page.Take(limit).Select(l => new LookView(l.Id, l.ClassId, l.ClassName, l.Viewer, l.ViewerName, l.View, l.At, l.Times))],
            page.Count > limit ? page[limit - 1].Id.ToString() : null);
    }

    private static async Task<MeView> ViewAsync(
        Caller caller, Account? account, SessionDb db, CancellationToken cancellationToken)
    {
        var memberships = account is null ? [] : await (
            from m in db.Set<Membership>().AsNoTracking()
            join t in db.Set<Tenant>() on m.Tenant equals t.Id
            where m.AccountId == account.Id
            orderby m.JoinedAt, m.Tenant
            select new MembershipView(m.Tenant, t.Name, m.Role, m.JoinedAt)).ToListAsync(cancellationToken);
        var role = caller.Role ?? Role.Owner;
        return new(
            caller.Kind, caller.Tenant, caller.Subject, role, [.. caller.Scopes.Order(StringComparer.Ordinal)],
            account is null ? null : AccountView.Of(account, caller.Tenant, role), memberships);
    }

    private static async Task<Account> RequireAsync(
        Caller caller, AccountStore accounts, CancellationToken cancellationToken) =>
        await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
}

/// <param name="Account">Null for an API token, which has none.</param>
/// <param name="Memberships">Oldest first.</param>
public sealed record MeView(
    CallerKind Kind, string Tenant, string Subject, Role Role, List<string> Scopes, AccountView? Account,
    List<MembershipView> Memberships);

/// <param name="Name">How the organisation is called.</param>
public sealed record MembershipView(string Tenant, string Name, Role Role, DateTimeOffset JoinedAt);

/// <param name="Name">1 to 100 characters.</param>
public sealed record MeRequest(string? Name);

/// <param name="Visibility">
/// What the person agrees to, as <c>GET /api/classes/join/{code}</c> said it; where the class asks for something else by now: 409.
/// Absent: what it asks for.
/// </param>
public sealed record JoinRequest(string? Code, string? Visibility = null);

public sealed record SignInList(List<SignInView> SignIns);

/// <param name="Device">As it calls itself; null: it does not.</param>
public sealed record SignInView(
    Guid Id, string? Device, string Tenant, DateTimeOffset CreatedAt, DateTimeOffset RefreshedAt, DateTimeOffset ExpiresAt);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record AuditPage(List<LookView> Looks, string? NextCursor);

/// <param name="Viewer">The subject.</param>
/// <param name="View"><c>overview | questions | student | transcripts | archive | concern</c>.</param>
/// <param name="At">The last time.</param>
public sealed record LookView(
    Guid Id, Guid ClassId, string ClassName, string Viewer, string ViewerName, string View, DateTimeOffset At, int Times);
