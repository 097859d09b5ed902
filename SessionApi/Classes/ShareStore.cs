using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Classes;

/// <summary>What classes may use of others: the only way to a thing that is not one's own.</summary>
internal sealed class ShareStore(SessionDb db, DatabaseReady ready, IOptions<ClassOptions> options, TimeProvider time)
{
    /// <summary>What is shared with classes that the caller is in, as long as they are not archived.</summary>
    public IQueryable<ClassShare> SharedWith(Caller caller, string kind)
    {
        ready.ThrowIfNotReady();
        return
            from s in db.Set<ClassShare>().AsNoTracking()
            join c in db.Set<ClassRow>() on s.ClassId equals c.Id
            join m in db.Set<ClassMember>() on c.Id equals m.ClassId
            where s.Tenant == caller.Tenant && s.Kind == kind && c.Tenant == caller.Tenant && c.ArchivedAt == null
                && m.Tenant == caller.Tenant && m.Person == caller.Person
            select s;
    }

    public Task<List<ClassShare>> OfAsync(ClassRow row, CancellationToken cancellationToken) => db.Set<ClassShare>().AsNoTracking()
        .Where(s => s.ClassId == row.Id && s.Tenant == row.Tenant).OrderBy(s => s.Kind).ThenBy(s => s.Thing).ToListAsync(cancellationToken);

    /// <summary>Shares something of the caller's own. Done again, it changes nothing.</summary>
    /// <returns>The share, and whether it is new.</returns>
    /// <exception cref="ProblemException">409 <c>conflict</c>: somebody else shared it; <c>limit_reached</c>.</exception>
    public async Task<(ClassShare Share, bool Created)> AddAsync(
        Caller caller, ClassRow row, string kind, string thing, CancellationToken cancellationToken)
    {
        await using var transaction = await db.Database.BeginCountedAsync("shares", row.Id.ToString(), cancellationToken);
        var share = new ClassShare
        {
            ClassId = row.Id, Kind = kind, Thing = thing, Tenant = row.Tenant, Owner = caller.Person, CreatedAt = time.GetStoredNow(),
        };
        var before = await db.Set<ClassShare>().AsNoTracking()
            .SingleOrDefaultAsync(s => s.ClassId == row.Id && s.Kind == kind && s.Thing == thing, cancellationToken);
        if (before is not null)
        {
            // An id that is not theirs, said first: whose it is decides the service that has it.
            return before.Owner == caller.Person
                ? (before, false)
                : throw new ProblemException(409, ErrorCodes.Conflict, "Somebody else shared this with the class.");
        }
        if (await db.Set<ClassShare>().CountAsync(s => s.ClassId == row.Id, cancellationToken) >= options.Value.MaxShares)
        {
            throw new ProblemException(409, ErrorCodes.LimitReached,
                $"A class may have {options.Value.MaxShares} shares (Classes:MaxShares); end one first.");
        }
        db.Add(share);
        await db.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (share, true);
    }

    /// <returns>False where there is none.</returns>
    public async Task<bool> EndAsync(ClassRow row, string kind, string thing, CancellationToken cancellationToken) =>
        await db.Set<ClassShare>().Where(s => s.ClassId == row.Id && s.Tenant == row.Tenant && s.Kind == kind && s.Thing == thing)
            .ExecuteDeleteAsync(cancellationToken) > 0;

    /// <summary>Of something that is gone, in the caller's transaction.</summary>
    public Task<int> DeleteAsync(string tenant, string kind, string thing, CancellationToken cancellationToken) =>
        db.Set<ClassShare>().Where(s => s.Tenant == tenant && s.Kind == kind && s.Thing == thing).ExecuteDeleteAsync(cancellationToken);
}
