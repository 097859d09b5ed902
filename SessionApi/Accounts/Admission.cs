using System.Security.Cryptography;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Accounts;

/// <summary>The codes that a registration shows where it is not open.</summary>
internal readonly record struct Codes(string? Setup, string? Invitation);

/// <summary>
/// Who may register: anybody where registration is open; else the first with the setup code, and then whoever was invited.
/// </summary>
internal sealed class Admission(SessionDb db, IOptions<AccountOptions> options, IHostEnvironment environment, TimeProvider time)
{
    public static bool IsOpen(AccountOptions options, IHostEnvironment environment) =>
        options.OpenRegistration ?? environment.IsDevelopment();

    /// <summary>As registration is configured, and with the code it takes.</summary>
    /// <exception cref="ProblemException">403 <c>invitation_required</c> or <c>invalid_invitation</c>.</exception>
    public Task AdmitAsync(Codes codes, CancellationToken cancellationToken) =>
        AdmitAsync(IsOpen(options.Value, environment), codes, cancellationToken);

    /// <summary>Uses up a code, in the transaction that makes the account: a code makes one account or none.</summary>
    /// <param name="open">No code is needed.</param>
    /// <exception cref="ProblemException">403 <c>invitation_required</c> or <c>invalid_invitation</c>.</exception>
    public async Task AdmitAsync(bool open, Codes codes, CancellationToken cancellationToken)
    {
        // Locked: of two who both have it, one is the first.
        var setup = await db.Set<SetupCode>().FromSql($"SELECT * FROM setup_codes FOR UPDATE").AsNoTracking()
            .SingleOrDefaultAsync(cancellationToken);
        if (setup is not null && await db.Set<Account>().AnyAsync(cancellationToken))
            setup = null;

        if (!open)
        {
            if (setup is not null)
                CheckSetupCode(setup, codes.Setup);
            else
                await UseInvitationAsync(codes.Invitation, cancellationToken);
        }
        await db.Set<SetupCode>().ExecuteDeleteAsync(cancellationToken);
    }

    private static void CheckSetupCode(SetupCode setup, string? shown)
    {
        if (string.IsNullOrWhiteSpace(shown))
            throw Rejected(ErrorCodes.InvitationRequired,
                "The first account needs the setup_code that session-api prints at its start.");
        if (!CryptographicOperations.FixedTimeEquals(Secret.HashCode(shown), Secret.HashCode(setup.Code)))
            throw Rejected(ErrorCodes.InvalidInvitation, "This is not the setup code.");
    }

    private async Task UseInvitationAsync(string? shown, CancellationToken cancellationToken)
    {
        if (string.IsNullOrWhiteSpace(shown))
            throw Rejected(ErrorCodes.InvitationRequired,
                "Registration here needs an invitation_code; ask somebody who has an account.");
        var (hash, now) = (Secret.HashCode(shown), time.GetStoredNow());
        var used = await db.Set<Invitation>().Where(i => i.CodeHash == hash && i.UsedAt == null && i.ExpiresAt > now)
            .ExecuteUpdateAsync(set => set.SetProperty(i => i.UsedAt, now), cancellationToken);
        if (used == 0)
            throw Rejected(ErrorCodes.InvalidInvitation, "This invitation is unknown, used, revoked or over.");
    }

    private static ProblemException Rejected(string code, string detail) =>
        new(StatusCodes.Status403Forbidden, code, detail);
}
