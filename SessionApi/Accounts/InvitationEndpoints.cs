using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>
/// Codes that make people members of the inviter's tenant, and put them into a class. Owners invite anybody, teachers students
/// into their own classes. Only accounts make them.
/// </summary>
internal static class InvitationEndpoints
{
    private const int MaxNote = 200;
    private const int MaxListed = 100;
    private const int MaxUses = 500;
    private const int MaxDays = 365;

    public static void MapInvitations(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/auth/invitations").RequireAuthorization().WithTags("invitations")
            .Fails(403, ErrorCodes.AccountRequired, ErrorCodes.ForbiddenRole);
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync).Fails(404, ErrorCodes.ClassNotFound).Fails(409, ErrorCodes.Conflict);
        group.MapDelete("{id:guid}", RevokeAsync).Fails(404, ErrorCodes.InvitationNotFound);
    }

    /// <summary>The invitations that I made; for an owner, all of the tenant. Newest first, at most 100.</summary>
    private static async Task<InvitationList> ListAsync(
        Caller caller, AccountStore accounts, SessionDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var account = await RequireInviterAsync(caller, accounts, cancellationToken);
        var now = time.GetStoredNow();
        var invitations = await Of(db, caller, account).AsNoTracking()
            .OrderByDescending(i => i.Id).Take(MaxListed).ToListAsync(cancellationToken);
        return new(invitations.Select(i => InvitationView.Of(i, now)).ToList());
    }

    /// <summary>
    /// Makes an invitation. Its code is in this answer alone. With <c>uses</c> it is a class's join code.
    /// </summary>
    private static async Task<Created<InvitationView>> CreateAsync(
        InvitationRequest request, Caller caller, AccountStore accounts, ClassStore classes, SessionDb db,
        IOptions<AccountOptions> options, TimeProvider time, CancellationToken cancellationToken)
    {
        var (uses, errors) = (request.Uses ?? 1, new ValidationErrors());
        errors.CheckText("note", request.Note, MaxNote);
        errors.AddIf(uses is < 1 or > MaxUses, "uses", $"uses must be between 1 and {MaxUses}.");
        errors.AddIf(uses > 1 && request.ClassId is null, "uses", "uses goes with class_id: only a class's join code is for many.");
        errors.AddIf(request.Days is < 1 or > MaxDays, "days", $"days must be between 1 and {MaxDays}.");
        errors.AddIf(request.ClassId is not null && request.Role is not Role.Student, "class_id",
            "class_id goes with the role student: a class's teachers are named by who has it (PUT /api/classes/{id}/teachers/{subject}).");
        errors.ThrowIfAny();
        var account = await RequireInviterAsync(caller, accounts, cancellationToken);
        if (caller.Role != Role.Owner && request is not { Role: Role.Student, ClassId: not null })
            throw Forbidden("A teacher invites students into their own classes: role student, and class_id.");
        if (request.ClassId is { } id)
            await classes.FindOpenAsync(caller, id, cancellationToken);

        var (now, most) = (time.GetStoredNow(), options.Value.MaxOpenInvitations);
        await using var transaction =
            await db.Database.BeginCountedAsync("invitations", $"{caller.Tenant} {account.Id}", cancellationToken);
        if (await db.Set<Invitation>().CountAsync(
            i => i.Tenant == caller.Tenant && i.CreatedBy == account.Id && i.UsedAt == null && i.ExpiresAt > now,
            cancellationToken) >= most)
            throw new ProblemException(409, ErrorCodes.Conflict, $"{most} invitations are open; revoke one first.");

        // What a class types from the board is shorter: guesses are counted.
        var code = uses > 1 ? Secret.NewShortCode(3) : Secret.NewCode();
        var invitation = new Invitation
        {
            Id = Guid.CreateVersion7(),
            Tenant = caller.Tenant,
            CreatedBy = account.Id,
            CodeHash = Secret.HashCode(code),
            Note = request.Note ?? "",
            Role = request.Role,
            ClassId = request.ClassId,
            MaxUses = uses,
            CreatedAt = now,
            ExpiresAt = now + (request.Days is { } days ? TimeSpan.FromDays(days) : options.Value.InvitationLifetime),
        };
        db.Add(invitation);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Created($"/api/auth/invitations/{invitation.Id}", InvitationView.Of(invitation, now, code));
    }

    /// <summary>Revokes an invitation. Who came by it stays.</summary>
    private static async Task<NoContent> RevokeAsync(
        Guid id, Caller caller, AccountStore accounts, SessionDb db, CancellationToken cancellationToken)
    {
        var account = await RequireInviterAsync(caller, accounts, cancellationToken);
        var gone = await Transient.RetryOnceAsync(
            _ => Of(db, caller, account).Where(i => i.Id == id).ExecuteDeleteAsync(cancellationToken));
        return gone > 0
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.InvitationNotFound, $"There is no invitation {id} of yours.");
    }

    private static IQueryable<Invitation> Of(SessionDb db, Caller caller, Account account)
    {
        var isOwner = caller.Role == Role.Owner;
        return db.Set<Invitation>().Where(i => i.Tenant == caller.Tenant && (isOwner || i.CreatedBy == account.Id));
    }

    private static async Task<Account> RequireInviterAsync(
        Caller caller, AccountStore accounts, CancellationToken cancellationToken)
    {
        var account = await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
        return caller.Role is Role.Owner or Role.Teacher ? account : throw Forbidden("Students invite nobody.");
    }

    private static ProblemException Forbidden(string detail) => new(403, ErrorCodes.ForbiddenRole, detail);
}

/// <param name="Note">For whom, at most 200 characters.</param>
/// <param name="Role">
/// What they will be in my tenant. Absent: they found a tenant of their own, which takes a code where registration is not open.
/// </param>
/// <param name="ClassId">The class that students are put into.</param>
/// <param name="Uses">For how many people, 1 to 500; above 1 the code is short, to be typed from the board.</param>
/// <param name="Days">Until it is over, 1 to 365; absent: <c>Accounts:InvitationLifetime</c>.</param>
public sealed record InvitationRequest(
    string? Note, Role? Role = null, Guid? ClassId = null, int? Uses = null, int? Days = null);

public sealed record InvitationList(List<InvitationView> Invitations);

/// <param name="Code">In the answer that made it, and never again.</param>
/// <param name="Status"><c>open | used | expired</c>.</param>
/// <param name="Uses">How many people came by it.</param>
public sealed record InvitationView(
    Guid Id, string Note, string Status, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? UsedAt, string? Code,
    Role? Role, Guid? ClassId, int MaxUses, int Uses)
{
    internal static InvitationView Of(Invitation i, DateTimeOffset now, string? code = null) => new(
        i.Id, i.Note, i.UsedAt is not null ? "used" : i.ExpiresAt <= now ? "expired" : "open", i.CreatedAt, i.ExpiresAt, i.UsedAt,
        code, i.Role, i.ClassId, i.MaxUses, i.Uses);
}
