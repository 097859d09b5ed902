using System.Net;
using System.Security.Cryptography;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.SessionApi.Accounts;

/// <summary>An account that has just signed in, and where it is what.</summary>
internal sealed record SignedIn(Account Account, string Tenant, Role Role, RefreshToken Refresh);

/// <summary>
/// Accounts and who is signed in to them. A sign-in is made only under a lock on its account, with the password that was
/// checked still the account's: none outlives a change of the password.
/// </summary>
internal sealed partial class AccountStore(
    SessionDb db, DatabaseReady ready, Passwords passwords, AttemptLimit attempts, Admission admission,
    Memberships memberships, IOptions<AccountOptions> options, TimeProvider time, ILogger<AccountStore> logger)
{
    /// <summary>
    /// How long a refresh token that is spent is answered with its successor: two tabs refresh at once, or an answer was lost.
    /// </summary>
    private static readonly TimeSpan RefreshGrace = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Makes an account: with an invitation as a member of its tenant, else as the owner of a tenant of its own.
    /// </summary>
    /// <exception cref="ProblemException">
    /// 403 <c>invitation_required</c>, <c>invalid_invitation</c>; 409 <c>account_exists</c>, <c>limit_reached</c>; 429
    /// <c>too_many_attempts</c>.
    /// </exception>
    public async Task<(Account Account, Role Role)> RegisterAsync(
        string username, string name, string password, Codes codes, IPAddress? address, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await attempts.ThrowIfFullAsync(null, address, cancellationToken);
        var hash = await passwords.HashAsync(
            password, AttemptLimit.From(address), cancellationToken, first: DryRunAsync);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var admitted = await admission.AdmitAsync(codes, cancellationToken);
        var account = admitted.NewAccount(username, name, hash, time.GetStoredNow());
        db.Add(account);
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException e) when (
            e.InnerException is PostgresException { ConstraintName: AccountTables.OneUsername })
        {
            throw Exists(username);
        }
        var role = await memberships.BeginAsync(account, admitted.Invitation, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogRegistered(account.Id, account.Tenant);
        return (account, role);

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

    /// <param name="into">Where to; <see cref="SignInInto.Invitation"/> is used up.</param>
    /// <exception cref="ProblemException">
    /// 401 <c>invalid_credentials</c>; 403 <c>not_a_member</c>, <c>invalid_invitation</c>, <c>password_change_required</c>; 429
    /// <c>too_many_attempts</c>.
    /// </exception>
    public async Task<SignedIn> SignInAsync(
        string username, string password, SignInInto into, IPAddress? address, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await attempts.ThrowIfFullAsync(username, address, cancellationToken);
        var account = await Transient.RetryOnceAsync(
            _ => db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(a => a.Username == username, cancellationToken));
        var (right, outdated) = await passwords.VerifyAsync(
            account?.PasswordHash, password, AttemptLimit.From(address),
            () => attempts.TakeAsync(username, address, cancellationToken), cancellationToken);
        if (account is null || !(right || IsFirstCode(account, password)))
            throw WrongPassword();
        await attempts.GiveBackAsync(username, address, cancellationToken);
        if (!right)
        {
            throw new ProblemException(StatusCodes.Status403Forbidden, ErrorCodes.PasswordChangeRequired,
                "This is the code for the first sign-in: POST /api/auth/first-password with it, and with the password to be.");
        }
        if (outdated)
            await RenewHashAsync(account, password, cancellationToken);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (!await db.Set<Account>().FromSql(
                $"SELECT * FROM accounts WHERE id = {account.Id} AND password_hash = {account.PasswordHash} FOR SHARE").AnyAsync(cancellationToken))
            throw WrongPassword(); // it was changed meanwhile
        var signedIn = await BeginAsync(account, into, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return signedIn;
    }

    /// <summary>For an account that an external provider authenticated.</summary>
    public async Task<SignedIn> SignInAsync(Account account, SignInInto into, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var signedIn = await BeginAsync(account, into, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return signedIn;
    }

    /// <summary>Gives an account that a teacher made, or that was reset, its password, and signs in.</summary>
    /// <exception cref="ProblemException">
    /// 401 <c>invalid_credentials</c>; 403 <c>not_a_member</c>; 429 <c>too_many_attempts</c>.
    /// </exception>
    public async Task<SignedIn> FirstPasswordAsync(
        string username, string code, string password, string? device, IPAddress? address, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await attempts.ThrowIfFullAsync(username, address, cancellationToken);
        var account = await Transient.RetryOnceAsync(
            _ => db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(a => a.Username == username, cancellationToken));
        // The same work whether or not there is such an account.
        var hash = await passwords.HashAsync(
            password, AttemptLimit.From(address), cancellationToken, first: () => attempts.TakeAsync(username, address, cancellationToken));
        if (account is null || !IsFirstCode(account, code))
            throw WrongPassword();
        await attempts.GiveBackAsync(username, address, cancellationToken);

        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        var now = time.GetStoredNow();
        if (await db.Set<Account>().Where(a => a.Id == account.Id && a.FirstCodeHash == account.FirstCodeHash)
                .ExecuteUpdateAsync(
                    set => set.SetProperty(a => a.PasswordHash, hash).SetProperty(a => a.PasswordChangedAt, now)
                        .SetProperty(a => a.FirstCodeHash, (byte[]?)null)
                        .SetProperty(a => a.FirstCodeExpiresAt, (DateTimeOffset?)null), cancellationToken) == 0)
            throw WrongPassword(); // it was used, or made anew, meanwhile
        var signedIn = await BeginAsync(account, new(Device: device), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogPasswordChanged(account.Id);
        return signedIn;
    }

    private bool IsFirstCode(Account account, string shown) =>
        account.FirstCodeHash is { } hash && account.FirstCodeExpiresAt > time.GetUtcNow()
        && CryptographicOperations.FixedTimeEquals(hash, Secret.HashCode(shown));

    /// <summary>
    /// Spends a refresh token for its successor. The last one spent is answered with the same successor for
    /// <see cref="RefreshGrace"/>, on every replica: the successor follows from it and the sign-in's key, so nothing more is stored.
    /// One that was spent before has been copied: the sign-in ends, for both holders. One that never was a token of it is refused,
    /// and ends nothing: an id is no secret. Null when it is not accepted.
    /// </summary>
    /// <param name="tenant">The tenant to go on in; null: as before.</param>
    /// <exception cref="ProblemException">403 <c>not_a_member</c>: the token is not spent.</exception>
    public async Task<SignedIn?> RefreshAsync(string? token, string? tenant, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (RefreshToken.Parse(token) is not { } shown || await FindAsync(shown, cancellationToken) is not { } signIn)
            return null;
        if (!IsLive(signIn, shown))
        {
            // Another request may have spent it in this moment.
            if (shown.IsMadeWith(signIn.TokenKey)
                && await db.Set<SignIn>().Where(s => s.Id == shown.SignIn).ExecuteDeleteAsync(cancellationToken) > 0)
                LogEnded(shown.SignIn);
            return null;
        }
        var account = await db.Set<Account>().AsNoTracking().SingleAsync(a => a.Id == signIn.AccountId, cancellationToken);
        var (active, role) = await memberships.ChooseAsync(account, tenant, signIn.Tenant, cancellationToken);

        var (now, shownHash, key) = (time.GetStoredNow(), shown.Hash, signIn.TokenKey ?? RefreshToken.NewKey());
        var next = shown.Next(key);
        var spent = await db.Set<SignIn>().Where(
            s => s.Id == shown.SignIn && s.TokenHash == shownHash && s.ExpiresAt > now)
            .ExecuteUpdateAsync(
                set => set.SetProperty(s => s.TokenHash, next.Hash).SetProperty(s => s.TokenKey, key)
                    .SetProperty(s => s.PreviousHash, shownHash).SetProperty(s => s.Tenant, active)
                    .SetProperty(s => s.RefreshedAt, now).SetProperty(s => s.ExpiresAt, now + options.Value.RefreshLifetime),
                cancellationToken);
        if (spent > 0)
            return new(account, active, role, next);
        // Spent already: its successor, as whoever spent it was answered.
        if (await FindAsync(shown, cancellationToken) is not { TokenKey: { } kept } after || !IsLastSpent(after, shown))
            return null;
        if (active != after.Tenant)
            await db.Set<SignIn>().Where(s => s.Id == shown.SignIn)
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.Tenant, active), cancellationToken);
        return new(account, active, role, shown.Next(kept));
    }

    /// <summary>Whether the token is worth something: in force, or spent a moment ago.</summary>
    private bool IsLive(SignIn signIn, RefreshToken shown) => signIn.ExpiresAt > time.GetUtcNow()
        && (signIn.TokenHash.AsSpan().SequenceEqual(shown.Hash) || IsLastSpent(signIn, shown));

    private bool IsLastSpent(SignIn signIn, RefreshToken shown) =>
        signIn is { PreviousHash: { } previous, TokenKey: { } key } && previous.AsSpan().SequenceEqual(shown.Hash)
        && signIn.RefreshedAt > time.GetUtcNow() - RefreshGrace
        // An earlier version that spends tokens beside this one notes no previous one: that it names may be an older.
        && signIn.TokenHash.AsSpan().SequenceEqual(shown.Next(key).Hash);

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
        Caller caller, string current, string next, string? device, IPAddress? address, CancellationToken cancellationToken)
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
        var signedIn = await BeginAsync(account, new(caller.Tenant, Device: device), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogPasswordChanged(account.Id);
        return signedIn;
    }

    /// <summary>The account that calls; null for an API token or a service, and where it was removed meanwhile.</summary>
    public async Task<Account?> FindAsync(Caller caller, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (caller.Kind != CallerKind.User || !Guid.TryParse(caller.Subject, out var id))
            return null;
        return await Transient.RetryOnceAsync(_ => db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(
            a => a.Id == id && db.Set<Membership>().Any(m => m.AccountId == id && m.Tenant == caller.Tenant), cancellationToken));
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

    private async Task<SignedIn> BeginAsync(Account account, SignInInto into, CancellationToken cancellationToken)
    {
        if (into.Invitation is { Length: > 0 } code)
        {
            var invitation = await admission.UseInvitationAsync(code, cancellationToken);
            await memberships.JoinAsync(account.Id, invitation, visibility: null, cancellationToken);
        }
        var (tenant, role) = await memberships.ChooseAsync(account, into.Tenant, null, cancellationToken);
        var (now, key) = (time.GetStoredNow(), RefreshToken.NewKey());
        var refresh = RefreshToken.New(Guid.CreateVersion7(), key);
        db.Add(new SignIn
        {
            Id = refresh.SignIn,
            AccountId = account.Id,
            TokenHash = refresh.Hash,
            TokenKey = key,
            Tenant = tenant,
            Device = into.Device,
            CreatedAt = now,
            RefreshedAt = now,
            ExpiresAt = now + options.Value.RefreshLifetime,
        });
        await db.SaveChangesAsync(cancellationToken);
        return new(account, tenant, role, refresh);
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
