using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Erasures;

/// <summary>
/// Archiving a class begins a deletion (<see cref="ErasureSweep"/>): its first step makes an archive of the class, the
/// others erase its records in every service, when <see cref="ClassOptions.ArchiveKept"/> is over. Until then it can be
/// taken back.
/// </summary>
internal sealed class ClassArchives(
    SessionDb db, DatabaseReady ready, ClassStore classes, IOptions<ClassOptions> options,
    IOptions<ErasureOptions> erasures, TimeProvider time)
{
    // A class is taken back so long before it is erased, at the latest: a step that was taken by then is over.
    private static readonly TimeSpan Late = TimeSpan.FromMinutes(1);

    /// <inheritdoc cref="ClassStore.ChangeAsync"/>
    /// <exception cref="ProblemException">409 <c>conflict</c>: it is being erased, and not taken back any
    /// more.</exception>
    public async Task<ClassRow> ChangeAsync(
        Caller caller, Guid id, string? name, string? visibility, bool? archived, CancellationToken cancellationToken)
    {
        var found = await classes.FindTaughtAsync(caller, id, cancellationToken);
        await using var transaction = await db.Database.BeginTransactionAsync(cancellationToken);
        await classes.LockAsync(found, cancellationToken);
        var row = await classes.ChangeAsync(caller, id, name, visibility, archived, cancellationToken);
        var archive = await db.Set<ClassArchive>().Where(a => a.ClassId == id)
            .Select(a => new { a.ErasureId, a.EraseAt }).SingleOrDefaultAsync(cancellationToken);
        if (archived == true && archive is null)
            await BeginAsync(row, cancellationToken);
        if (archived == false && archive is not null)
        {
            if (archive.EraseAt - Late <= time.GetUtcNow())
            {
                throw new ProblemException(
                    409, ErrorCodes.Conflict, "This class is being erased: it is not taken back any more.");
            }
            await db.Set<ErasureRow>().Where(e => e.Id == archive.ErasureId).ExecuteDeleteAsync(cancellationToken);
            await db.Set<ClassArchive>().Where(a => a.ClassId == id).ExecuteDeleteAsync(cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);
        return row;
    }

    /// <returns>Without its content; null where the class is not archived.</returns>
    public Task<ClassArchive?> FindAsync(ClassRow row, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(_ => db.Set<ClassArchive>().AsNoTracking()
            .Where(a => a.ClassId == row.Id && a.Tenant == row.Tenant)
            .Select(a => new ClassArchive
            {
                ClassId = a.ClassId, Tenant = a.Tenant, ErasureId = a.ErasureId, RequestedAt = a.RequestedAt, EraseAt = a.EraseAt,
                ExportedAt = a.ExportedAt,
            }).SingleOrDefaultAsync(cancellationToken));
    }

    /// <returns>Null while it is being made, and where the class is not archived.</returns>
    public Task<byte[]?> ContentAsync(ClassRow row, CancellationToken cancellationToken) =>
        Transient.RetryOnceAsync(_ => db.Set<ClassArchive>().Where(a => a.ClassId == row.Id && a.Tenant == row.Tenant)
            .Select(a => a.Content).SingleOrDefaultAsync(cancellationToken));

    private async Task BeginAsync(ClassRow row, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var erasure = new ErasureRow { Id = Guid.CreateVersion7(now), Subject = row.Id.ToString(), RequestedAt = now };
        var archive = new ClassArchive
        {
            ClassId = row.Id, Tenant = row.Tenant, ErasureId = erasure.Id, RequestedAt = now,
            EraseAt = now + options.Value.ArchiveKept,
        };
        db.Add(erasure);
        db.Add(archive);
        db.Add(Step(ClassErasure.Archive, now));
        db.AddRange(ClassErasure.Holders.Where(erasures.Value.All.Contains).Select(service => Step(service, archive.EraseAt)));
        await db.SaveChangesAsync(cancellationToken);

        ErasureStep Step(string service, DateTimeOffset at) => new()
        {
            ErasureId = erasure.Id, Tenant = row.Tenant, Service = ErasureStep.OfClass + service, NextAt = at,
            Inheritance = "{}",
        };
    }
}
