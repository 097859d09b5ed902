using Lyceum.ServiceDefaults.Auth;
using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Errors;
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
internal sealed class TutorStore(SessionDb db, DatabaseReady ready, IOptions<TutorOptions> options, TimeProvider time)
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
        if (await Of(caller).Where(t => t.Id == id).ExecuteDeleteAsync(cancellationToken) == 0)
            throw NotFound(id);
    }

    private IQueryable<Tutor> Of(Caller caller) =>
        db.Set<Tutor>().Where(t => t.Tenant == caller.Tenant && t.Owner == caller.Person);

    private static ProblemException NotFound(int id) =>
        new(404, ErrorCodes.TutorNotFound, $"There is no tutor {id} of yours.");
}
