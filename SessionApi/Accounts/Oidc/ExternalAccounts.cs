using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Lyceum.SessionApi.Accounts.Oidc;

/// <summary>
/// The account of a person whom the provider authenticated: by (issuer, subject), never by what they are called. At the
/// first sign-in it is made, for who is admitted: in the tenant of its invitation, else in that of the provider, else in one of its own.
/// </summary>
internal sealed partial class ExternalAccounts(
    SessionDb db, DatabaseReady ready, Admission admission, AccountStore accounts, Memberships memberships, IOptions<AccountOptions> options,
    IHostEnvironment environment, TimeProvider time, ILogger<ExternalAccounts> logger)
{
    /// <summary>Of a name that is taken the moment it was found free.</summary>
    private const int Attempts = 3;

    private OidcOptions Options => options.Value.Oidc;

    /// <exception cref="ProblemException">
    /// 403 <c>not_admitted</c>: the required claim is missing; <c>invitation_required</c>, <c>invalid_invitation</c>: unknown here.
    /// </exception>
    public async Task<SignedIn> SignInAsync(
        ExternalPerson person, Codes codes, string? device, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (Options.Required is { } required && !person.Has(required))
        {
            throw new ProblemException(
                StatusCodes.Status403Forbidden, ErrorCodes.NotAdmitted, $"{Options.DisplayName} does not say that you may use this (claim {required.Type}).");
        }
        var account = await Transient.RetryOnceAsync(_ => FindAsync(person, cancellationToken));
        // Of who is known here, an invitation is to another tenant.
        var invitation = account is null ? null : codes.Invitation;
        for (var attempt = 1; account is null; attempt++)
        {
            try
            {
                account = await MakeAsync(person, codes, cancellationToken);
            }
            catch (DbUpdateException e) when (attempt < Attempts
                && e.InnerException is PostgresException { ConstraintName: AccountTables.OneUsername })
            {
                db.ChangeTracker.Clear();
            }
        }
        return await accounts.SignInAsync(account, new(Invitation: invitation, Device: device), cancellationToken);
    }

    private Task<Account?> FindAsync(ExternalPerson person, CancellationToken cancellationToken) =>
        db.Set<ExternalIdentity>().Where(i => i.Issuer == person.Issuer && i.Subject == person.Subject)
            .Join(db.Set<Account>(), i => i.AccountId, a => a.Id, (_, a) => a).AsNoTracking()
            .SingleOrDefaultAsync(cancellationToken);

    private async Task<Account> MakeAsync(ExternalPerson person, Codes codes, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        // Two tabs of one person: the second waits, and finds what the first made.
        await db.Database.ExecuteSqlAsync(
            $"SELECT pg_advisory_xact_lock(hashtextextended({$"{person.Issuer} {person.Subject}"}, 0))", cancellationToken);
        if (await FindAsync(person, cancellationToken) is { } made)
            return made;

        var account = await FindByEmailAsync(person, cancellationToken);
        var linked = account is not null;
        if (account is null)
        {
            var admitted = await admission.AdmitAsync(IsAdmitted(person), codes, cancellationToken);
            account = await NewAsync(person, admitted, cancellationToken);
            db.Add(account);
            await db.SaveChangesAsync(cancellationToken);
            await memberships.BeginAsync(
                account, admitted.Invitation, cancellationToken, Options.Tenant is null ? null : Options.Role);
        }
        db.Add(new ExternalIdentity { Issuer = person.Issuer, Subject = person.Subject, AccountId = account.Id, CreatedAt = time.GetStoredNow() });
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogMade(account.Id, account.Tenant, linked ? "linked to" : "made for", person.Issuer);
        return account;
    }

    private bool IsAdmitted(ExternalPerson person) => Options.Admit switch
    {
        OidcAdmission.Anyone => true,
        OidcAdmission.Domains => person.IsOf(Options.Domains),
        OidcAdmission.Invited => false,
        _ => Admission.IsOpen(options.Value, environment),
    };

    /// <summary>
    /// Where the settings say so. An account that has a person of this provider keeps to that person: an address may have a
    /// new owner.
    /// </summary>
    private async Task<Account?> FindByEmailAsync(ExternalPerson person, CancellationToken cancellationToken) =>
        Options.LinkVerifiedEmail && person.VerifiedEmail is { } email
            ? await db.Set<Account>().AsNoTracking().SingleOrDefaultAsync(
                a => a.Username == email && a.PasswordHash != null
                    && !db.Set<ExternalIdentity>().Any(i => i.AccountId == a.Id && i.Issuer == person.Issuer),
                cancellationToken)
            : null;

    private async Task<Account> NewAsync(ExternalPerson person, Admitted admitted, CancellationToken cancellationToken)
    {
        var taken = await db.Set<Account>().Where(a => person.Usernames.Contains(a.Username)).Select(a => a.Username)
            .ToListAsync(cancellationToken);
        // All taken, perhaps by an earlier account of theirs. It only has to be unique: this person signs in at the
        // provider.
        var username = person.Usernames.Except(taken).FirstOrDefault()
            ?? $"{(person.Usernames is [var called, ..] ? called.Split('@')[0] : "person")}-{Secret.NewCode()[..4]}";
        return admitted.NewAccount(
            username, person.Name ?? username, passwordHash: null, time.GetStoredNow(), Options.Tenant);
    }

    [LoggerMessage(LogLevel.Information, "account {Account}, tenant {Tenant}, {How} a person of {Issuer}")]
    private partial void LogMade(Guid account, string tenant, string how, string issuer);
}
