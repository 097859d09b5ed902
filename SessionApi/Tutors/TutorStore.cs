using System.Globalization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Tutors;

/// <summary>Section <c>Tutors</c>.</summary>
public sealed class TutorOptions
{
    public const string Section = "Tutors";

    /// <summary>Tutors of one tenant; one more gets 409.</summary>
    public int MaxTutors { get; set; } = 1000;
}

/// <summary>The caller's tutors: every query is filtered by (tenant, person).</summary>
internal sealed class TutorStore(
    SessionDb db, DatabaseReady ready, ShareStore shares, IOptions<TutorOptions> options, TimeProvider time)
{
    public async Task<List<Tutor>> ListAsync(Caller caller, int afterId, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().Where(t => t.Id > afterId)
            .OrderBy(t => t.Id).Take(count).ToListAsync(cancellationToken));
    }

    /// <exception cref="ProblemException">404 <c>tutor_not_found</c>, also where it is somebody else's.</exception>
    public async Task<Tutor> ReadAsync(Caller caller, int id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return await Transient.RetryOnceAsync(_ => Of(caller).AsNoTracking().SingleOrDefaultAsync(t => t.Id == id, cancellationToken))
            ?? throw NotFound(id);
    }

    /// <summary>A tutor that the caller may use: their own, or one that a class shares with them.</summary>
    /// <returns>And through which class; null for their own.</returns>
    /// <inheritdoc cref="ReadAsync"/>
    public async Task<(Tutor Tutor, Guid? ClassId)> FindUsableAsync(Caller caller, int id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        if (await Transient.RetryOnceAsync(
                _ => Of(caller).AsNoTracking().SingleOrDefaultAsync(t => t.Id == id, cancellationToken)) is { } own)
            return (own, null);
        var thing = id.ToString(CultureInfo.InvariantCulture);
        var shared = await SharedWith(caller).AsNoTracking().SingleOrDefaultAsync(t => t.Id == id, cancellationToken);
        var share = shared is null ? null : await shares.SharedWith(caller, ShareKinds.Tutor)
            .Where(s => s.Thing == thing && s.Owner == shared.Owner).OrderBy(s => s.ClassId).FirstOrDefaultAsync(cancellationToken);
        return share is null ? throw NotFound(id) : (shared!, share.ClassId);
    }

    /// <summary>Those, oldest first.</summary>
    public Task<List<Tutor>> ListUsableAsync(Caller caller, int afterId, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(_ => Of(caller).Union(SharedWith(caller)).AsNoTracking().Where(t => t.Id > afterId)
            .OrderBy(t => t.Id).Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>Those of others that the caller may use: through a class that they are in.</summary>
    public IQueryable<Tutor> SharedWith(Caller caller) => db.Set<Tutor>().FromSql(
        $"""
         SELECT t.* FROM tutors t WHERE t.tenant = {caller.Tenant} AND EXISTS (
             SELECT FROM shares s
             JOIN classes c ON c.id = s.class_id AND c.tenant = s.tenant AND c.archived_at IS NULL
             JOIN class_members m ON m.class_id = c.id AND m.tenant = s.tenant AND m.person = {caller.Person}
             WHERE s.tenant = t.tenant AND s.kind = 'tutor' AND s.thing = t.id::text AND s.owner = t.owner)
         """);

    public async Task<Tutor> CreateAsync(Caller caller, TutorRequest wanted, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        var tutor = new Tutor
        {
            Tenant = caller.Tenant,
            Owner = caller.Person,
            Name = "",
            Subject = "",
            Language = "",
            Instructions = "",
            CreatedAt = now,
            UpdatedAt = now,
        };
        wanted.ApplyTo(tutor);
        await using var transaction = await db.Database.BeginCountedAsync("tutors", caller.Tenant, cancellationToken);
        if (await db.Set<Tutor>().CountAsync(t => t.Tenant == caller.Tenant, cancellationToken) >= options.Value.MaxTutors)
            throw new ProblemException(409, ErrorCodes.LimitReached,
                $"A tenant may have {options.Value.MaxTutors} tutors (Tutors:MaxTutors); delete one first.");
        db.Add(tutor);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return tutor;
    }

    /// <inheritdoc cref="ReadAsync"/>
    public async Task<Tutor> ReplaceAsync(Caller caller, int id, TutorRequest wanted, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var tutor = await Of(caller).SingleOrDefaultAsync(t => t.Id == id, cancellationToken) ?? throw NotFound(id);
        wanted.ApplyTo(tutor);
        tutor.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return tutor;
    }

    /// <inheritdoc cref="ReadAsync"/>
    public async Task DeleteAsync(Caller caller, int id, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        if (await Of(caller).Where(t => t.Id == id).ExecuteDeleteAsync(cancellationToken) == 0)
            throw NotFound(id);
        await shares.DeleteAsync(caller.Tenant, ShareKinds.Tutor, id.ToString(CultureInfo.InvariantCulture), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private IQueryable<Tutor> Of(Caller caller) =>
        db.Set<Tutor>().Where(t => t.Tenant == caller.Tenant && t.Owner == caller.Person);

    private static ProblemException NotFound(int id) =>
        new(404, ErrorCodes.TutorNotFound, $"There is no tutor {id} of yours.");
}
