using System.Net;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.SessionApi.Accounts;

/// <summary>An account that has just signed in.</summary>
internal sealed record SignedIn(Account Account, RefreshToken Refresh);

/// <summary>
/// Accounts and who is signed in to them. A sign-in is made only under a lock on its account, with the password that was
/// checked still the account's: none outlives a change of the password.
/// </summary>
internal sealed partial class AccountStore(
    SessionDb db, DatabaseReady ready, Passwords passwords, AttemptLimit attempts, Admission admission,
    IOptions<AccountOptions> options, TimeProvider time, ILogger<AccountStore> logger)
{
    /// <exception cref="ProblemException">
    /// 403 <c>invitation_required</c>, <c>invalid_invitation</c>; 409 <c>account_exists</c>; 429 <c>too_many_attempts</c>.
    /// </exception>
    public async Task<Account> RegisterAsync(
        string username, string name, string password, Codes codes, IPAddress? address, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await attempts.ThrowIfFullAsync(null, address, cancellationToken);
        var hash = await passwords.HashAsync(
            password, AttemptLimit.From(address), cancellationToken, first: DryRunAsync);

        var now = time.GetStoredNow();
        var account = new Account
        {
            Id = Guid.CreateVersion7(),
            Tenant = Guid.CreateVersion7().ToString(),
            Username = username,
            Name = name,
            PasswordHash = hash,
            CreatedAt = now,
            PasswordChangedAt = now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await admission.AdmitAsync(codes, cancellationToken);
        db.Add(account);
        db.Found(account);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException e) when (
            e.InnerException is PostgresException { ConstraintName: AccountTables.OneUsername })
        {
            throw Exists(username);
        }
        await transaction.CommitAsync(cancellationToken);
        LogRegistered(account.Id, account.Tenant);
        return account;

        // Rolled back: a request that will be rejected anyway costs no hash, and its address a place.
        async Task DryRunAsync()
        {
            await attempts.TakeAsync(address, cancellationToken);
            await using (await db.Database.BeginTransactionAsync(cancellationToken))
            {
                await admission.AdmitAsync(codes, cancellationToken);
                if (await db.Set<Account>().AnyAsync(a => a.Username == username, cancellationToken))
                    throw Exists(username);
            }
            await attempts.GiveBackAsync(address, cancellationToken);
            if (codes is { Setup: null, Invitation: null })
                await attempts.TakeRegistrationAsync(address, cancellationToken);
        }
    }

    /// <exception cref="ProblemException">401 <c>invalid_credentials</c>, 429 <c>too_many_attempts</c>.</exception>
    public async Task<SignedIn> SignInAsync(string username, string password, IPAddress? address, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await attempts.ThrowIfFullAsync(username, address, cancellationToken);
        var account = await Transient.RetryOnceAsync(
            _ => db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(a => a.Username == username, cancellationToken));
        var (right, outdated) = await passwords.VerifyAsync(
            account?.PasswordHash, password, AttemptLimit.From(address),
            () => attempts.TakeAsync(username, address, cancellationToken), cancellationToken);
        if (account is null || !right)
            throw WrongPassword();
        await attempts.GiveBackAsync(username, address, cancellationToken);
        if (outdated)
            await RenewHashAsync(account, password, cancellationToken);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (!await db.Set<Account>().FromSql(
                $"SELECT * FROM accounts WHERE id = {account.Id} AND password_hash = {account.PasswordHash} FOR SHARE").AnyAsync(cancellationToken))
            throw WrongPassword(); // it was changed meanwhile
        var refresh = Begin(account.Id);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new(account, refresh);
    }

    /// <summary>For an account that an external provider authenticated.</summary>
    public async Task<SignedIn> SignInAsync(Account account, CancellationToken cancellationToken)
    {
        var refresh = Begin(account.Id);
        await db.SaveChangesAsync(cancellationToken);
        return new(account, refresh);
    }

    /// <summary>
    /// Spends a refresh token for the next. One that was spent before has been copied: the sign-in ends, for both holders.
    /// One that never was a token of it is refused, and ends nothing: an id is no secret. Null when it is not accepted.
    /// Not repeated after a lost connection: it might have been spent.
    /// </summary>
    public async Task<SignedIn?> RefreshAsync(string? token, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (RefreshToken.Parse(token) is not { } shown)
            return null;
        if (await FindAsync(shown, cancellationToken) is not { } signIn)
            return null;
        var (now, shownHash, key) = (time.GetStoredNow(), shown.Hash, signIn.TokenKey ?? RefreshToken.NewKey());
        var next = RefreshToken.New(shown.SignIn, key);
        var spent = await db.Set<SignIn>().Where(
            s => s.Id == shown.SignIn && s.TokenHash == shownHash && s.ExpiresAt > now)
            .ExecuteUpdateAsync(
                set => set.SetProperty(s => s.TokenHash, next.Hash).SetProperty(s => s.TokenKey, key)
                    .SetProperty(s => s.RefreshedAt, now).SetProperty(s => s.ExpiresAt, now + options.Value.RefreshLifetime),
                cancellationToken);
        if (spent == 0)
        {
            if (shown.IsMadeWith(signIn.TokenKey)
                && await db.Set<SignIn>().Where(s => s.Id == shown.SignIn).ExecuteDeleteAsync(cancellationToken) > 0)
                LogEnded(shown.SignIn);
            return null;
        }
        var account = await db.Set<SignIn>().Where(s => s.Id == shown.SignIn)
            .Join(db.Set<Account>(), s => s.AccountId, a => a.Id, (_, a) => a).AsNoTracking().SingleOrDefaultAsync(
                cancellationToken);
        return account is null ? null : new(account, next); // null: ended between the two statements
    }

    /// <summary>Ends the sign-in a refresh token belongs to, whether or not it is the newest; idempotent.</summary>
    public async Task SignOutAsync(string? token, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (RefreshToken.Parse(token) is { } shown && await FindAsync(shown, cancellationToken) is { } signIn
            && (signIn.TokenHash.AsSpan().SequenceEqual(shown.Hash) || shown.IsMadeWith(signIn.TokenKey)))
            await Transient.RetryOnceAsync(
                _ => db.Set<SignIn>().Where(s => s.Id == shown.SignIn).ExecuteDeleteAsync(cancellationToken));
    }

    /// <summary>Ends every sign-in of the account and begins one.</summary>
    /// <exception cref="ProblemException">
    /// 401 <c>invalid_credentials</c>, 403 <c>account_required</c>, <c>password_login_disabled</c>; 429 <c>too_many_attempts</c>.
    /// </exception>
    public async Task<SignedIn> ChangePasswordAsync(
        Caller caller, string current, string next, IPAddress? address, CancellationToken cancellationToken)
    {
        var account = await FindAsync(caller, cancellationToken) ?? throw NoAccount();
        if (account.PasswordHash is null)
        {
            throw new ProblemException(
                StatusCodes.Status403Forbidden, ErrorCodes.PasswordLoginDisabled, "This account has no password: it signs in elsewhere.");
        }
        var (right, _) = await passwords.VerifyAsync(
            account.PasswordHash, current, account.Username,
            () => attempts.TakeAsync(account.Username, address, cancellationToken), cancellationToken);
        if (!right)
            throw WrongPassword();
        await attempts.GiveBackAsync(account.Username, address, cancellationToken);
        var hash = await passwords.HashAsync(next, account.Username, cancellationToken);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var changed = await db.Set<Account>().Where(a => a.Id == account.Id && a.PasswordHash == account.PasswordHash)
            .ExecuteUpdateAsync(
                set => set.SetProperty(a => a.PasswordHash, hash).SetProperty(a => a.PasswordChangedAt, time.GetStoredNow()), cancellationToken);
        if (changed == 0)
            throw WrongPassword(); // another request changed it first
        await db.Set<SignIn>().Where(s => s.AccountId == account.Id).ExecuteDeleteAsync(cancellationToken);
        var refresh = Begin(account.Id);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogPasswordChanged(account.Id);
        return new(account, refresh);
    }

    /// <summary>The account that calls; null for an API token or a service.</summary>
    public async Task<Account?> FindAsync(Caller caller, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (caller.Kind != CallerKind.User || !Guid.TryParse(caller.Subject, out var id))
            return null;
        return await Transient.RetryOnceAsync(_ => db.Set<Account>().AsNoTracking()
            .SingleOrDefaultAsync(a => a.Id == id && a.Tenant == caller.Tenant, cancellationToken));
    }

    /// <summary>That it is the account's own person who asks.</summary>
    /// <exception cref="ProblemException">401 <c>invalid_credentials</c>, 429 <c>too_many_attempts</c>.</exception>
    public async Task CheckPasswordAsync(
        Account account, string password, IPAddress? address, CancellationToken cancellationToken)
    {
        var (right, _) = await passwords.VerifyAsync(
            account.PasswordHash, password, account.Username,
            () => attempts.TakeAsync(account.Username, address, cancellationToken), cancellationToken);
        if (!right)
            throw WrongPassword();
        await attempts.GiveBackAsync(account.Username, address, cancellationToken);
    }

    public static ProblemException NoAccount() => new(
        StatusCodes.Status403Forbidden, ErrorCodes.AccountRequired, "This takes a signed-in account; an API token has none.");

    private Task<SignIn?> FindAsync(RefreshToken shown, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.Set<SignIn>().AsNoTracking()
            .SingleOrDefaultAsync(s => s.Id == shown.SignIn, cancellationToken));

    private RefreshToken Begin(Guid account)
    {
        var (now, key) = (time.GetStoredNow(), RefreshToken.NewKey());
        var refresh = RefreshToken.New(Guid.CreateVersion7(), key);
        db.Add(new SignIn
        {
            Id = refresh.SignIn,
            AccountId = account,
            TokenHash = refresh.Hash,
            TokenKey = key,
            CreatedAt = now,
            RefreshedAt = now,
            ExpiresAt = now + options.Value.RefreshLifetime,
        });
        return refresh;
    }

    private async Task RenewHashAsync(Account account, string password, CancellationToken cancellationToken)
    {
        var (old, hash) = (account.PasswordHash, await passwords.HashAsync(password, account.Username, cancellationToken));
        await db.Set<Account>().Where(a => a.Id == account.Id && a.PasswordHash == old)
            .ExecuteUpdateAsync(set => set.SetProperty(a => a.PasswordHash, hash), cancellationToken);
        account.PasswordHash = hash;
    }

    /// <summary>One answer for an unknown account and a wrong password.</summary>
    private static ProblemException WrongPassword() => new(
        StatusCodes.Status401Unauthorized, ErrorCodes.InvalidCredentials, "The username or the password is wrong.");

    private static ProblemException Exists(string username) => new(
        StatusCodes.Status409Conflict, ErrorCodes.AccountExists, $"There is an account {username} already.");

    [LoggerMessage(LogLevel.Information, "account {Account} registered, tenant {Tenant}")]
    private partial void LogRegistered(Guid account, string tenant);

    [LoggerMessage(LogLevel.Information, "account {Account} changed its password; its sign-ins are over")]
    private partial void LogPasswordChanged(Guid account);

    [LoggerMessage(LogLevel.Warning, "sign-in {SignIn} ended: a refresh token of it was shown that is spent or expired")]
    private partial void LogEnded(Guid signIn);
}
