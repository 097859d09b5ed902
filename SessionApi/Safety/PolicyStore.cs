using System.Globalization;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Lyceum.Text.Moderation;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Safety;

/// <summary>Policies of the caller's tenant and its classes, and guardians' consent.</summary>
internal sealed class PolicyStore(SessionDb db, DatabaseReady ready, ClassStore classes, TimeProvider time)
{
    /// <param name="classId">Empty: the tenant's own.</param>
    public async Task<SafetyPolicy> ReadAsync(Caller caller, Guid classId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var json = await Transient.RetryOnceAsync(_ => db.Set<PolicyRow>().AsNoTracking()
            .Where(p => p.Tenant == caller.Tenant && p.ClassId == classId).Select(p => p.Policy)
            .SingleOrDefaultAsync(cancellationToken));
        return json is null ? new() : SafetyPolicy.Read(json);
    }

    /// <param name="classId">Empty: the tenant's own.</param>
    /// <exception cref="ProblemException">400: somebody to tell is no teacher or owner of the tenant.</exception>
    public async Task<SafetyPolicy> WriteAsync(Caller caller, Guid classId, SafetyPolicy policy, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await CheckTellAsync(caller, policy.Tell ?? [], cancellationToken);
        // One statement, so that two who write at once do not fail: the later one holds.
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO safety_policies (tenant, class_id, policy, updated_by, updated_at)
             VALUES ({caller.Tenant}, {classId}, {policy.ToJson()}::jsonb, {caller.Person}, {time.GetStoredNow()})
             ON CONFLICT (tenant, class_id) DO UPDATE
             SET policy = excluded.policy, updated_by = excluded.updated_by, updated_at = excluded.updated_at
             """, cancellationToken);
        return policy;
    }

    /// <summary>Whether this class is the caller's to rule: its teachers', and the tenant's owners'.</summary>
    public Task<bool> MayRuleAsync(Caller caller, Guid classId, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => classes.TaughtBy(caller).AnyAsync(c => c.Id == classId, cancellationToken));

    /// <summary>
    /// What holds for a person: the tenant's policy, and those of the classes they are a student of; the stricter of each. At
    /// a tutor that is shared with them: of the classes that share it alone.
    /// </summary>
    public async Task<PersonPolicy> OfPersonAsync(Caller person, int? tutorId, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var rows = await Transient.RetryOnceAsync(_ => RowsAsync(person, tutorId, cancellationToken));
        if (rows.Count == 0)
            return PersonPolicy.None;
        // The tenant's first, so that a class's help and teachers go before.
        var policies = rows.OrderBy(row => row.ClassId == Guid.Empty ? 0 : 1).ThenBy(row => row.ClassId)
            .Select(row => (row.ClassId, Policy: SafetyPolicy.Read(row.Policy))).ToList();
        var moderation = policies.Select(p => p.Policy.Moderation).Aggregate((all, next) => all.With(next));
        var named = policies.LastOrDefault(p => p.ClassId != Guid.Empty && p.Policy.Tell?.Count > 0);
        var consentMissing = person.Role == Role.Student && policies.Any(p => p.Policy.GuardianConsentRequired)
            && !await HasConsentAsync(person, cancellationToken);
        return new(
            moderation.IsNone ? null : moderation, [.. policies.SelectMany(p => p.Policy.Tell ?? []).Distinct()],
            named.Policy is null ? null : named.ClassId, consentMissing);
    }

    public async Task<List<GuardianConsent>> ConsentsAsync(
        Caller caller, string? after, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var mine = Mine(caller);
        return await Transient.RetryOnceAsync(_ => db.Set<GuardianConsent>().AsNoTracking()
            .Where(c => c.Tenant == caller.Tenant && mine.Contains(c.Person) && (after == null || string.Compare(c.Person, after) > 0))
            .OrderBy(c => c.Person).Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>Records that a guardian agreed; false where the student is not the caller's.</summary>
    public async Task<bool> RecordConsentAsync(Caller caller, string student, string? note, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (!await Mine(caller).ContainsAsync(student, cancellationToken))
            return false;
        await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO guardian_consents (tenant, person, recorded_by, recorded_at, note)
             VALUES ({caller.Tenant}, {student}, {caller.Person}, {time.GetStoredNow()}, {note})
             ON CONFLICT (tenant, person) DO UPDATE
             SET recorded_by = excluded.recorded_by, recorded_at = excluded.recorded_at, note = excluded.note
             """, cancellationToken);
        return true;
    }

    /// <summary>Withdraws a consent; false where the student is not the caller's.</summary>
    public async Task<bool> WithdrawConsentAsync(Caller caller, string student, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (!await Mine(caller).ContainsAsync(student, cancellationToken))
            return false;
        await db.Set<GuardianConsent>().Where(c => c.Tenant == caller.Tenant && c.Person == student).ExecuteDeleteAsync(cancellationToken);
        return true;
    }

    /// <summary>Students whom the caller may record consent for: an owner all of the tenant, a teacher those of their classes.</summary>
    private IQueryable<string> Mine(Caller caller)
    {
        if (caller.Role == Role.Owner)
        {
            return db.Set<Membership>().Where(m => m.Tenant == caller.Tenant && m.Role == Role.Student)
                .Select(m => m.AccountId.ToString());
        }
        var taught = classes.TaughtBy(caller);
        return db.Set<ClassMember>().Where(m => m.Tenant == caller.Tenant && taught.Any(c => c.Id == m.ClassId))
            .Select(m => m.Person);
    }

    private async Task<List<PolicyRow>> RowsAsync(Caller person, int? tutorId, CancellationToken cancellationToken)
    {
        var mine = db.Set<ClassMember>().Where(m => m.Tenant == person.Tenant && m.Person == person.Person
            && db.Set<ClassRow>().Any(c => c.Id == m.ClassId && c.ArchivedAt == null)).Select(m => m.ClassId);
        var thing = tutorId?.ToString(CultureInfo.InvariantCulture);
        var through = thing is null ? [] : await db.Set<ClassShare>()
            .Where(s => s.Tenant == person.Tenant && s.Kind == ShareKinds.Tutor && s.Thing == thing && mine.Contains(s.ClassId))
            .Select(s => s.ClassId).ToListAsync(cancellationToken);
        return await db.Set<PolicyRow>().AsNoTracking()
            .Where(p => p.Tenant == person.Tenant && (p.ClassId == Guid.Empty
                || (through.Count > 0 ? through.Contains(p.ClassId) : mine.Contains(p.ClassId))))
            .ToListAsync(cancellationToken);
    }

    private Task<bool> HasConsentAsync(Caller person, CancellationToken cancellationToken) => Transient.RetryOnceAsync(_ =>
        db.Set<GuardianConsent>().AnyAsync(c => c.Tenant == person.Tenant && c.Person == person.Person, cancellationToken));

    private async Task CheckTellAsync(Caller caller, IReadOnlyList<string> subjects, CancellationToken cancellationToken)
    {
        if (subjects.Count == 0)
            return;
        var accounts = subjects.Select(Members.AccountOf).OfType<Guid>().ToList();
        var known = await db.Set<Membership>()
            .Where(m => m.Tenant == caller.Tenant && accounts.Contains(m.AccountId) && m.Role != Role.Student)
            .Select(m => m.AccountId).ToListAsync(cancellationToken);
        var errors = new ValidationErrors();
        foreach (var subject in subjects.Where(s => Members.AccountOf(s) is not { } account || !known.Contains(account)))
            errors.Add("tell", $"{subject} is no teacher or owner of this tenant.");
        errors.ThrowIfAny();
    }
}
