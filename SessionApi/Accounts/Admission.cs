using System.Security.Cryptography;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>The codes that a registration shows.</summary>
internal readonly record struct Codes(string? Setup, string? Invitation);

/// <summary>How somebody came in.</summary>
/// <param name="Invitation">Null: without one.</param>
/// <param name="Operator">By the setup code, which is for who runs the installation.</param>
internal sealed record Admitted(Invitation? Invitation, bool Operator)
{
    /// <param name="tenant">Where they are a member; null: by the invitation, else of a tenant of their own.</param>
    public Account NewAccount(
        string username, string name, string? passwordHash, DateTimeOffset now, string? tenant = null) => new()
    {
        Id = Guid.CreateVersion7(now),
        Tenant = Invitation is { Role: not null } ? Invitation.Tenant : tenant ?? Guid.CreateVersion7(now).ToString(),
        Username = username,
        Name = name,
        PasswordHash = passwordHash,
        CreatedAt = now,
        PasswordChangedAt = now,
        Operator = Operator,
    };
}

/// <summary>
/// Who may register: anybody where registration is open, and whoever was invited; else the first with the setup code.
/// </summary>
internal sealed class Admission(SessionDb db, IOptions<AccountOptions> options, IHostEnvironment environment, TimeProvider time)
{
    public static bool IsOpen(AccountOptions options, IHostEnvironment environment) =>
        options.OpenRegistration ?? environment.IsDevelopment();

    /// <summary>As registration is configured, and with the code it takes.</summary>
    /// <exception cref="ProblemException">403 <c>invitation_required</c> or <c>invalid_invitation</c>.</exception>
    public Task<Admitted> AdmitAsync(Codes codes, CancellationToken cancellationToken) =>
        AdmitAsync(IsOpen(options.Value, environment), codes, cancellationToken);

    /// <summary>Uses up a code, in the transaction that makes the account: a code makes one account or none.</summary>
    /// <param name="open">No code is needed.</param>
    /// <exception cref="ProblemException">403 <c>invitation_required</c> or <c>invalid_invitation</c>.</exception>
    public async Task<Admitted> AdmitAsync(bool open, Codes codes, CancellationToken cancellationToken)
    {
        // Locked: of two who both have it, one is the first.
        var setup = await db.Set<SetupCode>().FromSql($"SELECT * FROM setup_codes FOR UPDATE").AsNoTracking()
            .SingleOrDefaultAsync(cancellationToken);
        if (setup is not null && await db.Set<Account>().AnyAsync(cancellationToken))
            setup = null;

        var bySetup = !open && setup is not null;
        if (bySetup)
            CheckSetupCode(setup!, codes.Setup);
        // With a code of their own tenant they are let in where registration is open too: as its member.
        var invitation = bySetup || (open && string.IsNullOrWhiteSpace(codes.Invitation))
            ? null : await UseInvitationAsync(codes.Invitation, cancellationToken);
        await db.Set<SetupCode>().ExecuteDeleteAsync(cancellationToken);
        return new(invitation, bySetup);
    }

    private static void CheckSetupCode(SetupCode setup, string? shown)
    {
        if (string.IsNullOrWhiteSpace(shown))
            throw Rejected(ErrorCodes.InvitationRequired,
                "The first account needs the setup_code that session-api prints at its start.");
        if (!CryptographicOperations.FixedTimeEquals(Secret.HashCode(shown), Secret.HashCode(setup.Code)))
            throw Rejected(ErrorCodes.InvalidInvitation, "This is not the setup code.");
    }

    /// <summary>Uses an invitation once, in the caller's transaction.</summary>
    /// <exception cref="ProblemException">403 <c>invitation_required</c> or <c>invalid_invitation</c>.</exception>
    public async Task<Invitation> UseInvitationAsync(string? shown, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(shown))
            throw Rejected(ErrorCodes.InvitationRequired,
                "Registration here needs an invitation_code; ask somebody who has an account.");
        var (hash, now) = (Secret.HashCode(shown), time.GetStoredNow());
        var used = await db.Set<Invitation>()
            .Where(i => i.CodeHash == hash && i.UsedAt == null && i.Uses < i.MaxUses && i.ExpiresAt > now)
            .ExecuteUpdateAsync(
                set => set.SetProperty(i => i.Uses, i => i.Uses + 1)
                    .SetProperty(i => i.UsedAt, i => i.Uses + 1 >= i.MaxUses ? (DateTimeOffset?)now : null), cancellationToken);
        return used == 0
            ? throw InvalidInvitation()
            : await db.Set<Invitation>().AsNoTracking().SingleAsync(i => i.CodeHash == hash, cancellationToken);
    }

    /// <summary>An open invitation, without using it.</summary>
    /// <exception cref="ProblemException">403 <c>invalid_invitation</c>.</exception>
    public async Task<Invitation> FindInvitationAsync(string shown, CancellationToken cancellationToken)
    {
        var (hash, now) = (Secret.HashCode(shown), time.GetStoredNow());
        return await Transient.RetryOnceAsync(_ => db.Set<Invitation>().AsNoTracking().SingleOrDefaultAsync(
                i => i.CodeHash == hash && i.UsedAt == null && i.Uses < i.MaxUses && i.ExpiresAt > now, cancellationToken))
            ?? throw InvalidInvitation();
    }

    public static ProblemException InvalidInvitation() =>
        Rejected(ErrorCodes.InvalidInvitation, "This invitation is unknown, used, revoked or over.");

    private static ProblemException Rejected(string code, string detail) =>
        new(StatusCodes.Status403Forbidden, code, detail);
}
