using System.Net;
using System.Text.Json;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// A person's wish to be deleted: recorded in one transaction with the end of their account, so that from then on they
/// cannot sign in, and every service is asked until it has confirmed.
/// </summary>
internal sealed partial class ErasureStore(
    SessionDb db, DatabaseReady ready, AccountStore accounts, IOptions<ErasureOptions> options,
    IOptions<JsonOptions> json, TimeProvider time,
    ILogger<ErasureStore> logger)
{
    /// <param name="password">Of the account, where it has one.</param>
    /// <exception cref="ProblemException">
    /// 401 <c>invalid_credentials</c>, 403 <c>account_required</c>, <c>recent_sign_in_required</c>, 409 <c>last_owner</c>,
    /// 429 <c>too_many_attempts</c>.
    /// </exception>
    public async Task<ErasureRow> BeginAsync(
        Caller caller, string? password, IPAddress? address, CancellationToken cancellationToken)
    {
        var account = await accounts.FindAsync(caller, cancellationToken) ?? throw AccountStore.NoAccount();
        if (account.PasswordHash is not null)
            await accounts.CheckPasswordAsync(account, password ?? "", address, cancellationToken);
        else
            await CheckRecentSignInAsync(account, cancellationToken);

        var now = time.GetStoredNow();
        var erasure = new ErasureRow
        {
            Id = Guid.CreateVersion7(), Subject = account.Id.ToString(), RequestedAt = now,
        };
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (!await db.Set<Account>().FromSql($"SELECT * FROM accounts WHERE id = {account.Id} FOR UPDATE").AnyAsync(cancellationToken))
            throw AccountStore.NoAccount(); // another request deleted it first
        var tenants = await TenantsOfAsync(account, cancellationToken);
        db.Add(erasure);
        foreach (var tenant in tenants)
        {
            var inheritance = JsonSerializer.Serialize(
                await InheritanceAsync(account, tenant, cancellationToken), json.Value.SerializerOptions);
            await db.Database.ExecuteSqlAsync(
                $"""
                 INSERT INTO erased_persons (tenant, person, at, barrier)
                 VALUES ({tenant}, {erasure.Subject}, clock_timestamp(), pg_current_xact_id()::text::bigint)
                 ON CONFLICT DO NOTHING
                 """, cancellationToken);
            db.AddRange(options.Value.All.Select(service => new ErasureStep
            {
                ErasureId = erasure.Id, Tenant = tenant, Service = service, NextAt = now, Inheritance = inheritance,
            }));
        }
        await db.SaveChangesAsync(cancellationToken);
        // With sign-ins, invitations and what is known of them elsewhere.
        await db.Set<Account>().Where(a => a.Id == account.Id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        LogBegun(erasure.Id, account.Id);
        return erasure;
    }

    /// <exception cref="ProblemException">404 <c>erasure_not_found</c>.</exception>
    public async Task<(ErasureRow Erasure, List<ErasureStep> Steps)> ReadAsync(Guid id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var erasure = await Transient.RetryOnceAsync(
            _ => db.Set<ErasureRow>().AsNoTracking().SingleOrDefaultAsync(e => e.Id == id, cancellationToken))
            ?? throw new ProblemException(404, ErrorCodes.ErasureNotFound, $"There is no deletion {id}.");
        var steps = await Transient.RetryOnceAsync(_ => db.Set<ErasureStep>().AsNoTracking()
            .Where(s => s.ErasureId == id).OrderBy(s => s.Service).ToListAsync(cancellationToken));
        return (erasure, steps);
    }

    /// <summary>
    /// Every tenant that the person is or was in, each with the count of its owners locked: of two who go at once one is the
    /// last.
    /// </summary>
    private async Task<List<string>> TenantsOfAsync(Account account, CancellationToken cancellationToken)
    {
        var tenants = await db.Set<Membership>().Where(m => m.AccountId == account.Id).Select(m => m.Tenant)
            .Union(db.Set<FormerMembership>().Where(m => m.AccountId == account.Id).Select(m => m.Tenant))
            .Order().ToListAsync(cancellationToken);
        foreach (var tenant in tenants)
            await db.Database.LockCountAsync("owners", tenant, cancellationToken);
        return tenants;
    }

    /// <summary>
    /// A tenant that others are in keeps an owner. Who is alone in it may go, and the tenant goes with them.
    /// </summary>
    private async Task<Inheritance> InheritanceAsync(Account account, string tenant, CancellationToken cancellationToken)
    {
        var subject = account.Id.ToString();
        var others = db.Set<Membership>().Where(m => m.Tenant == tenant && m.AccountId != account.Id);
        var heir = await others.Where(m => m.Role == Role.Owner).OrderBy(m => m.JoinedAt).ThenBy(m => m.AccountId)
            .Select(m => (Guid?)m.AccountId).FirstOrDefaultAsync(cancellationToken);
        if (heir is null)
        {
            var isOwner = await db.Set<Membership>().AnyAsync(
                m => m.Tenant == tenant && m.AccountId == account.Id && m.Role == Role.Owner, cancellationToken);
            return isOwner && await others.AnyAsync(cancellationToken)
                ? throw new ProblemException(409, ErrorCodes.LastOwner,
                    "You are the last owner of your organisation, and others are in it. Make one of them an owner first.")
                : Inheritance.None;
        }
        return new(heir.ToString(), await db.Set<ClassShare>().Where(s => s.Tenant == tenant && s.Owner == subject)
            .Select(s => new SharedThing(s.Kind, s.Thing)).Distinct().ToListAsync(cancellationToken));
    }

    private async Task CheckRecentSignInAsync(Account account, CancellationToken cancellationToken)
    {
        var since = time.GetUtcNow() - options.Value.RecentSignIn;
        if (!await db.Set<SignIn>().AnyAsync(s => s.AccountId == account.Id && s.CreatedAt > since, cancellationToken))
        {
            throw new ProblemException(403, ErrorCodes.RecentSignInRequired,
                $"Sign in again, and ask within {options.Value.RecentSignIn.TotalMinutes:0} minutes.");
        }
    }

    [LoggerMessage(LogLevel.Information, "erasure {Erasure} of account {Account} requested; it cannot sign in any more")]
    private partial void LogBegun(Guid erasure, Guid account);
}
