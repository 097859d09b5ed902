using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>Who belongs to a tenant, for its owners. Scope <c>classes</c>, and the role.</summary>
internal static class MemberEndpoints
{
    private const int MaxPage = 100;
    private const int MaxName = 200;

    public static void MapMembers(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/members").RequireScope(Scopes.Classes).WithTags("members")
            .Fails(403, ErrorCodes.ForbiddenRole);
        group.MapGet("", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        var one = group.MapGroup("{subject}").Fails(404, ErrorCodes.MemberNotFound);
        one.MapPatch("", ChangeAsync).Fails(409, ErrorCodes.LastOwner);
        one.MapDelete("", RemoveAsync).Fails(409, ErrorCodes.LastOwner);
        one.MapPost("reset", ResetAsync).AddEndpointFilter(AccountEndpoints.WithPasswords)
            .Fails(403, ErrorCodes.PasswordLoginDisabled).Fails(409, ErrorCodes.Conflict);
        routes.MapPatch("/api/tenant", RenameAsync).RequireScope(Scopes.Classes).WithTags("members")
            .Fails(403, ErrorCodes.ForbiddenRole);
    }

    /// <summary>Changes how the organisation is called: students read it before they join.</summary>
    private static async Task<TenantView> RenameAsync(
        TenantRequest request, Caller caller, SessionDb db, DatabaseReady ready, TimeProvider time, CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        ready.ThrowIfNotReady();
        var errors = new ValidationErrors();
        errors.CheckText("name", request.Name, MaxName, required: true);
        errors.ThrowIfAny();
        // One of API tokens alone has no row yet.
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO tenants (id, name, founder, created_at)
             VALUES ({caller.Tenant}, {request.Name}, {Tenant.NoAccount}, {time.GetStoredNow()})
             ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name
             """, cancellationToken);
        return new(caller.Tenant, request.Name!);
    }

    /// <summary>The tenant's members, by when their accounts were made, <paramref name="limit"/> (1-100) a page.</summary>
    /// <param name="role">Only of this role; absent: all.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<MemberPage> ListAsync(
        Caller caller, SessionDb db, DatabaseReady ready, CancellationToken cancellationToken, string? role = null, int limit = 50,
        string? cursor = null)
    {
        RequireOwner(caller);
        Paging.CheckLimit(limit, MaxPage);
        var after = cursor is null ? Guid.Empty : Paging.Cursor(cursor);
        if (role is not (null or "owner" or "teacher" or "student"))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "role must be owner, teacher or student.");
        var only = role is null ? (Role?)null : (Role)TenantTables.Roles.ConvertFromProvider(role)!;
        ready.ThrowIfNotReady();
        var page = await Transient.RetryOnceAsync(_ => (
            from m in db.Set<Membership>().AsNoTracking()
            join a in db.Set<Account>() on m.AccountId equals a.Id
            where m.Tenant == caller.Tenant && (only == null || m.Role == only) && m.AccountId.CompareTo(after) > 0
            orderby m.AccountId
            select new MemberView(a.Id.ToString(), a.Username, a.Name, m.Role, m.JoinedAt)).Take(limit + 1).ToListAsync(cancellationToken));
        return new([.. page.Take(limit)], page.Count > limit ? page[limit - 1].Subject : null);
    }

    /// <summary>Changes what a member is. It holds when their access token is renewed, within its life.</summary>
    private static async Task<MemberView> ChangeAsync(
        string subject, MemberRequest request, Caller caller, Memberships memberships, SessionDb db, DatabaseReady ready,
        CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        ready.ThrowIfNotReady();
        var errors = new ValidationErrors();
        errors.AddIf(request.Role is null, "role", "role must be owner, teacher or student.");
        errors.ThrowIfAny();
        var account = Account(subject);
        if (!await memberships.ChangeAsync(caller.Tenant, account, request.Role, cancellationToken))
            throw NotFound(subject);
        return await (
            from m in db.Set<Membership>().AsNoTracking()
            join a in db.Set<Account>() on m.AccountId equals a.Id
            where m.Tenant == caller.Tenant && m.AccountId == account
            select new MemberView(a.Id.ToString(), a.Username, a.Name, m.Role, m.JoinedAt)).SingleOrDefaultAsync(cancellationToken)
            ?? throw NotFound(subject);
    }

    /// <summary>Removes a member from the tenant and its classes. What they made stays.</summary>
    private static async Task<NoContent> RemoveAsync(
        string subject, Caller caller, Memberships memberships, DatabaseReady ready, CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        ready.ThrowIfNotReady();
        return await memberships.ChangeAsync(caller.Tenant, Account(subject), role: null, cancellationToken)
            ? TypedResults.NoContent() : throw NotFound(subject);
    }

    /// <summary>
    /// Ends every sign-in of a member and gives a code instead of the password: <c>POST /api/auth/first-password</c> takes it.
    /// Not of who belongs to another tenant too.
    /// </summary>
    private static async Task<ResetView> ResetAsync(
        string subject, Caller caller, Resets resets, CancellationToken cancellationToken)
    {
        RequireOwner(caller);
        return await resets.ResetAsync(caller.Tenant, Account(subject), cancellationToken) ?? throw NotFound(subject);
    }

    private static void RequireOwner(Caller caller)
    {
        if (caller.Role != Role.Owner)
            throw new ProblemException(403, ErrorCodes.ForbiddenRole, "This takes an owner of the organisation.");
    }

    private static Guid Account(string subject) => Members.AccountOf(subject) ?? throw NotFound(subject);

    private static ProblemException NotFound(string subject) =>
        new(404, ErrorCodes.MemberNotFound, $"There is no member {subject} of your organisation.");
}

public sealed record MemberRequest(Role? Role);

/// <param name="Name">1 to 200 characters, any script.</param>
public sealed record TenantRequest(string? Name);

public sealed record TenantView(string Id, string Name);

/// <param name="Subject">The <c>sub</c> of their tokens.</param>
public sealed record MemberView(string Subject, string Username, string Name, Role Role, DateTimeOffset JoinedAt);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record MemberPage(List<MemberView> Members, string? NextCursor);

/// <param name="Code">In this answer alone.</param>
public sealed record ResetView(string Username, string Name, string Code, DateTimeOffset ExpiresAt);
