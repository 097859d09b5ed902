using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Erasures;

/// <summary>The archive of a class that is archived, for its teachers: docs/classes.md.</summary>
internal static class ClassArchiveEndpoints
{
    /// <summary>How a download is named where the students see it.</summary>
    private const string View = "archive";

    public static void MapClassArchives(this IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/api/classes/{id:guid}/archive").RequireScope(Scopes.Classes).WithTags("classes")
            .Fails(404, ErrorCodes.ClassNotFound);
        one.MapGet("", ReadAsync);
        one.MapGet("content", ContentAsync).Produces<string>(StatusCodes.Status200OK, "application/zip")
            .Fails(409, ErrorCodes.TaskNotCompleted);
    }

    /// <summary>
    /// How far a class's archive is, and until when it is there. Afterwards the class is 404, and its erasure says what
    /// was done.
    /// </summary>
    private static async Task<ClassArchiveView> ReadAsync(
        Guid id, Caller caller, ClassStore classes, ClassArchives archives, CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        return await archives.FindAsync(row, cancellationToken) is { } archive
            ? new(
                archive.ExportedAt is null ? "exporting" : "ready", archive.RequestedAt, archive.ExportedAt, archive.EraseAt,
                archive.ErasureId)
            : new("none", null, null, null, null);
    }

    /// <summary>
    /// A ZIP archive of the class: members, shares, progress, and questions as its teacher may see them. The look is
    /// recorded, and its students see it.
    /// </summary>
    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> ContentAsync(
        Guid id, Caller caller, ClassStore classes, ClassArchives archives, Looks looks, SessionDb db,
        CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        if (await archives.ContentAsync(row, cancellationToken) is not { } content)
        {
            return Problems.Create(409, ErrorCodes.TaskNotCompleted,
                "There is no archive (yet): GET …/archive says ready when an archived class has one.");
        }
        var students = await db.Set<ClassMember>().Where(m => m.ClassId == row.Id && m.Tenant == row.Tenant)
            .Select(m => m.Person).ToArrayAsync(cancellationToken);
        var names = await db.NamesAsync(row.Tenant, [caller.Person], cancellationToken);
        await looks.RecordAsync(row, View, students, (caller.Person, names.Called(caller.Person)), cancellationToken);
        return TypedResults.File(content, "application/zip", $"class-{row.Id}.zip");
    }
}

/// <param name="Status">
/// <c>none</c>: the class is not archived; <c>exporting</c>: it is being made; <c>ready</c>: it can be downloaded.
/// </param>
/// <param name="EraseAt">Until then it is there, and the class can be taken back.</param>
/// <param name="ErasureId"><c>GET /api/erasures/{id}</c> says how far the erasure is, also when the class is
/// gone.</param>
public sealed record ClassArchiveView(
    string Status, DateTimeOffset? RequestedAt, DateTimeOffset? ExportedAt, DateTimeOffset? EraseAt, Guid? ErasureId);
