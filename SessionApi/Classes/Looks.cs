using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.SessionApi.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Lyceum.SessionApi.Classes;

/// <summary>Which teacher looked at what of which student: written before anything is shown, and shown to the student.</summary>
internal sealed class Looks(SessionDb db, DatabaseReady ready, IOptions<ClassOptions> options, TimeProvider time)
{
    /// <param name="students">Whose things will be shown.</param>
    /// <param name="viewer">Who looks, and how they are called.</param>
    public Task<int> RecordAsync(
        ClassRow row, string view, string[] students, (string Subject, string Name) viewer, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        var now = time.GetStoredNow();
        var minute = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMinute));
        var ids = students.Select(_ => Guid.CreateVersion7(now)).ToArray();
        // In one order, so that two who look at once do not wait for each other in a circle.
        return db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO looks (id, tenant, person, class_id, class_name, viewer, viewer_name, view, minute, at, times)
             SELECT u.id, {row.Tenant}, u.person, {row.Id}, {row.Name}, {viewer.Subject}, {viewer.Name}, {view}, {minute}, {now}, 1
             FROM unnest({ids}, {students}) AS u(id, person) ORDER BY u.person
             ON CONFLICT (class_id, person, viewer, view, minute) DO UPDATE
             SET times = looks.times + 1, at = greatest(looks.at, EXCLUDED.at)
             """, cancellationToken);
    }

    /// <summary>At the caller's things, newest first.</summary>
    public Task<List<Look>> ListAsync(Caller caller, Guid? before, int count, CancellationToken cancellationToken)
    {
        ready.ThrowIfNotReady();
        return Transient.RetryOnceAsync(_ => db.Set<Look>().AsNoTracking()
            .Where(l => l.Tenant == caller.Tenant && l.Person == caller.Person)
            .Where(l => before == null || l.Id.CompareTo(before.Value) < 0)
            .OrderByDescending(l => l.Id).Take(count).ToListAsync(cancellationToken));
    }

    /// <summary>Deletes those older than <see cref="ClassOptions.LooksKept"/>.</summary>
    public Task<int> ForgetAsync(CancellationToken cancellationToken)
    {
        var until = time.GetUtcNow() - options.Value.LooksKept;
        return db.Set<Look>().Where(l => l.At < until).ExecuteDeleteAsync(cancellationToken);
    }
}
