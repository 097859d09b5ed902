using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>Codes that let one person each register where registration is not open. Only accounts make them.</summary>
internal static class InvitationEndpoints
{
    private const int MaxNote = 200;
    private const int MaxListed = 100;

    public static void MapInvitations(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/auth/invitations").RequireAuthorization().WithTags("invitations")
            .Fails(403, ErrorCodes.AccountRequired);
        group.MapGet("", ListAsync);
        group.MapPost("", CreateAsync).Fails(409, ErrorCodes.Conflict);
        group.MapDelete("{id:guid}", RevokeAsync).Fails(404, ErrorCodes.InvitationNotFound);
    }

    /// <summary>The tenant's invitations, newest first, at most 100.</summary>
    private static async Task<InvitationList> ListAsync(
        Caller caller, AccountStore accounts, SessionDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        await RequireAccountAsync(caller, accounts, cancellationToken);
        var now = time.GetStoredNow();
        var invitations = await db.Set<Invitation>().AsNoTracking().Where(i => i.Tenant == caller.Tenant)
            .OrderByDescending(i => i.Id).Take(MaxListed).ToListAsync(cancellationToken);
        return new(invitations.Select(i => InvitationView.Of(i, now)).ToList());
    }

    /// <summary>Makes an invitation. Its code is in this answer alone.</summary>
    private static async Task<Created<InvitationView>> CreateAsync(
        InvitationRequest request, Caller caller, AccountStore accounts, SessionDb db, IOptions<AccountOptions> options,
        TimeProvider time, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("note", request.Note, MaxNote);
        errors.ThrowIfAny();
        var account = await RequireAccountAsync(caller, accounts, cancellationToken);
        var (now, most) = (time.GetStoredNow(), options.Value.MaxOpenInvitations);
        await using var transaction =
            await db.Database.BeginCountedAsync("invitations", caller.Tenant, cancellationToken);
        if (await db.Set<Invitation>().CountAsync(
            i => i.Tenant == caller.Tenant && i.UsedAt == null && i.ExpiresAt > now, cancellationToken) >= most)
            throw new ProblemException(409, ErrorCodes.Conflict, $"{most} invitations are open; revoke one first.");

        var code = Secret.NewCode();
        var invitation = new Invitation
        {
            Id = Guid.CreateVersion7(),
            Tenant = caller.Tenant,
            CreatedBy = account.Id,
            CodeHash = Secret.HashCode(code),
            Note = request.Note ?? "",
            CreatedAt = now,
            ExpiresAt = now + options.Value.InvitationLifetime,
        };
        db.Add(invitation);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Created($"/api/auth/invitations/{invitation.Id}", InvitationView.Of(invitation, now, code));
    }

    /// <summary>Revokes an invitation.</summary>
    private static async Task<NoContent> RevokeAsync(
        Guid id, Caller caller, AccountStore accounts, SessionDb db, CancellationToken cancellationToken)
    {
        await RequireAccountAsync(caller, accounts, cancellationToken);
        var gone = await Transient.RetryOnceAsync(
            _ => db.Set<Invitation>().Where(i => i.Id == id && i.Tenant == caller.Tenant).ExecuteDeleteAsync(
                cancellationToken));
        return gone > 0
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.InvitationNotFound, $"There is no invitation {id} of yours.");
    }

    private static async Task<Account> RequireAccountAsync(Caller caller, AccountStore accounts, CancellationToken cancellationToken) =>
        await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
}

/// <param name="Note">For whom, at most 200 characters.</param>
public sealed record InvitationRequest(string? Note);

public sealed record InvitationList(List<InvitationView> Invitations);

/// <param name="Code">In the answer that made it, and never again.</param>
/// <param name="Status"><c>open | used | expired</c>.</param>
public sealed record InvitationView(
    Guid Id, string Note, string Status, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? UsedAt, string? Code)
{
    internal static InvitationView Of(Invitation i, DateTimeOffset now, string? code = null) => new(
        i.Id, i.Note, i.UsedAt is not null ? "used" : i.ExpiresAt <= now ? "expired" : "open", i.CreatedAt, i.ExpiresAt, i.UsedAt, code);
}
