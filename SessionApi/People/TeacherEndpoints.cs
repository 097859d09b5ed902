using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>
/// Who teaches a class. All its teachers see and do the same with it; who has it, or an owner, names the others and
/// hands it over.
/// </summary>
internal static class TeacherEndpoints
{
    public static void MapTeachers(this IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/api/classes/{id:guid}").RequireScope(Scopes.Classes).WithTags("classes")
            .Fails(404, ErrorCodes.ClassNotFound);
        one.MapGet("teachers", ListAsync);
        one.MapPut("teachers/{subject}", AddAsync).Fails(403, ErrorCodes.ForbiddenRole).Fails(404, ErrorCodes.MemberNotFound)
            .Fails(409, ErrorCodes.LimitReached);
        one.MapDelete("teachers/{subject}", RemoveAsync).Fails(403, ErrorCodes.ForbiddenRole).Fails(404, ErrorCodes.MemberNotFound)
            .Fails(409, ErrorCodes.Conflict);
        one.MapPost("hand-over", HandOverAsync).Fails(403, ErrorCodes.ForbiddenRole).Fails(404, ErrorCodes.MemberNotFound)
            .Fails(409, ErrorCodes.LimitReached);
    }

    /// <summary>The teachers of a class that I teach: first who has it.</summary>
    private static async Task<TeacherList> ListAsync(
        Guid id, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        var others = await classes.TeachersAsync(row, cancellationToken);
        var names = await db.NamesAsync(row.Tenant, others.Select(t => t.Person).Append(row.Owner), cancellationToken);
        return new(
        [
            new(row.Owner, names.Called(row.Owner), HasIt: true, row.CreatedAt),
            .. others.Where(t => t.Person != row.Owner)
                .Select(t => new TeacherView(t.Person, names.Called(t.Person), HasIt: false, t.AddedAt)),
        ]);
    }

    /// <summary>
    /// Lets another teacher of the organisation teach the class: they see what its visibility allows, and manage it.
    /// Done again, it changes nothing.
    /// </summary>
    private static async Task<NoContent> AddAsync(
        Guid id, string subject, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var row = await classes.FindLedAsync(caller, id, cancellationToken);
        await CheckTeacherAsync(row.Tenant, subject, db, cancellationToken);
        await classes.AddTeacherAsync(row, subject, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>
    /// Ends that somebody teaches the class; everybody may end it for themselves. Not who has it: hand it over.
    /// </summary>
    private static async Task<NoContent> RemoveAsync(
        Guid id, string subject, Caller caller, ClassStore classes, CancellationToken cancellationToken)
    {
        var row = subject == caller.Person
            ? await classes.FindTaughtAsync(caller, id, cancellationToken)
            : await classes.FindLedAsync(caller, id, cancellationToken);
        if (row.Owner == subject)
        {
            throw new ProblemException(409, ErrorCodes.Conflict,
                "They have the class: hand it over first, with POST /api/classes/{id}/hand-over.");
        }
        return await classes.RemoveTeacherAsync(row, subject, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.MemberNotFound, $"{subject} does not teach this class.");
    }

    /// <summary>
    /// Gives the class to another teacher of the organisation. Who had it teaches it no more; what they shared with it
    /// stays shared.
    /// </summary>
    private static async Task<ClassView> HandOverAsync(
        Guid id, HandOverRequest request, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.AddIf(string.IsNullOrEmpty(request.To), "to", "to must be the subject of a teacher or owner.");
        errors.ThrowIfAny();
        var row = await classes.FindLedAsync(caller, id, cancellationToken);
        await CheckTeacherAsync(row.Tenant, request.To!, db, cancellationToken);
        row = await classes.HandOverAsync(row, request.To!, cancellationToken);
        return (await ClassEndpoints.ViewsAsync(caller, [row], classes, db, cancellationToken))[0];
    }

    private static async Task CheckTeacherAsync(string tenant, string subject, SessionDb db, CancellationToken cancellationToken)
    {
        if (Members.AccountOf(subject) is not { } account || !await Transient.RetryOnceAsync(_ => db.Set<Membership>().AnyAsync(
                m => m.Tenant == tenant && m.AccountId == account && m.Role != Role.Student, cancellationToken)))
            throw new ProblemException(404, ErrorCodes.MemberNotFound, $"There is no teacher {subject} in your organisation.");
    }
}

/// <param name="To">The subject of a teacher or owner of the organisation.</param>
public sealed record HandOverRequest(string? To);

/// <param name="HasIt">The one who has the class.</param>
/// <param name="Since">When they were named; of who has it, when the class was made.</param>
public sealed record TeacherView(string Subject, string Name, bool HasIt, DateTimeOffset Since);

public sealed record TeacherList(List<TeacherView> Teachers);
