using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>Codes that stand for a password until the person chooses one: of new accounts, and of those that forgot theirs.</summary>
internal sealed partial class Resets(SessionDb db, DatabaseReady ready, TimeProvider time, ILogger<Resets> logger)
{
    /// <summary>A list is printed today and handed out after the holidays.</summary>
    public static readonly TimeSpan CodeLifetime = TimeSpan.FromDays(60);

    /// <summary>80 bits: it is kept as a fast hash.</summary>
    public static string NewCode() => Secret.NewShortCode(4);

    /// <summary>
    /// Takes an account's password away, ends its sign-ins, and gives a code. Only where nobody gets more by it than is theirs:
    /// accounts are global, so not one that another tenant made, or that belongs to another too; nor an operator's.
    /// </summary>
    /// <returns>Null where the account is no member of the tenant.</returns>
    /// <exception cref="ProblemException">409 <c>conflict</c>.</exception>
    public async Task<ResetView?> ResetAsync(string tenant, Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        // Locked: no sign-in begins with the old password meanwhile.
        var account = await db.Set<Account>().FromSql($"SELECT * FROM accounts WHERE id = {id} FOR UPDATE").AsNoTracking()
            .SingleOrDefaultAsync(cancellationToken);
        var tenants = await db.Set<Membership>().Where(m => m.AccountId == id).Select(m => m.Tenant).ToListAsync(cancellationToken);
        if (account is null || !tenants.Contains(tenant))
            return null;
        if (account.Tenant != tenant || tenants.Count > 1 || account.Operator)
            throw Conflict("This account belongs to another organisation too, or is an operator's: only its person changes the password.");
        if (account is { PasswordHash: null, FirstCodeHash: null })
            throw Conflict("This account has no password: it signs in elsewhere.");

        var (code, expires) = (NewCode(), time.GetStoredNow() + CodeLifetime);
        var hash = Secret.HashCode(code);
        await db.Set<Account>().Where(a => a.Id == id).ExecuteUpdateAsync(
            set => set.SetProperty(a => a.PasswordHash, (string?)null).SetProperty(a => a.FirstCodeHash, hash)
                .SetProperty(a => a.FirstCodeExpiresAt, expires), cancellationToken);
        await db.Set<SignIn>().Where(s => s.AccountId == id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogReset(id, tenant);
        return new(account.Username, account.Name, code, expires);
    }

    private static ProblemException Conflict(string detail) => new(409, ErrorCodes.Conflict, detail);

    [LoggerMessage(LogLevel.Information, "account {Account} reset in tenant {Tenant}; its sign-ins are over")]
    private partial void LogReset(Guid account, string tenant);
}
