using System.Globalization;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Tenants;
using Lyceum.SessionApi.Tutors;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.Sharing;

/// <summary>
/// What a class may use: tutors, roadmaps, practice sets. Everybody shares their own. A roadmap or a practice set is another
/// service's: the share says whose it is, and that service checks it.
/// </summary>
internal static class ShareEndpoints
{
    public static void MapSharing(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/classes/{id:guid}/shares", ListAsync).RequirePersonOr(Scopes.Classes).WithTags("classes")
            .Fails(404, ErrorCodes.ClassNotFound);
        var taught = routes.MapGroup("/api/classes/{id:guid}/shares").RequireScope(Scopes.Classes).WithTags("classes")
            .Fails(404, ErrorCodes.ClassNotFound);
        taught.MapPost("", ShareAsync).Fails(404, ErrorCodes.TutorNotFound).Fails(409, ErrorCodes.Conflict, ErrorCodes.LimitReached);
        taught.MapDelete("{kind}/{thing}", EndAsync).Fails(404, ErrorCodes.ShareNotFound);

        routes.MapTranscripts();
        var services = routes.MapGroup("/internal").RequireService().WithTags("internal");
        services.MapGet("shares", SharedAsync);
        services.MapPost("classes/{id:guid}/looks", LookAsync).Fails(404, ErrorCodes.ClassNotFound, ErrorCodes.MemberNotFound);
    }

    /// <summary>What a class that I teach or am in may use.</summary>
    private static async Task<ShareList> ListAsync(
        Guid id, Caller caller, ClassStore classes, ShareStore shares, CancellationToken cancellationToken)
    {
        var row = await classes.TaughtBy(caller).Union(classes.JoinedBy(caller)).AsNoTracking()
            .SingleOrDefaultAsync(c => c.Id == id, cancellationToken) ?? throw ClassStore.NotFound(id);
        return new([.. (await shares.OfAsync(row, cancellationToken)).Select(ShareView.Of)]);
    }

    /// <summary>Shares something of mine with a class that I teach. Done again, it changes nothing.</summary>
    private static async Task<Results<Created<ShareView>, Ok<ShareView>>> ShareAsync(
        Guid id, ShareRequest request, Caller caller, ClassStore classes, ShareStore shares, TutorStore tutors,
        CancellationToken cancellationToken)
    {
        var row = await classes.FindOpenAsync(caller, id, cancellationToken);
        var thing = Thing(request.Kind, request.Id);
        var errors = new ValidationErrors();
        errors.AddIf(request.Kind is not (ShareKinds.Tutor or ShareKinds.Roadmap or ShareKinds.PracticeSet),
            "kind", "kind must be tutor, roadmap or practice_set.");
        errors.AddIf(thing is null, "id", "id must be a tutor's number, a roadmap's task_id, or a practice set's id.");
        errors.ThrowIfAny();
        if (request.Kind == ShareKinds.Tutor)
            await tutors.ReadAsync(caller, int.Parse(thing!, CultureInfo.InvariantCulture), cancellationToken);
        var (share, created) = await shares.AddAsync(caller, row, request.Kind!, thing!, cancellationToken);
        return created
            ? TypedResults.Created($"/api/classes/{id}/shares/{share.Kind}/{share.Thing}", ShareView.Of(share))
            : TypedResults.Ok(ShareView.Of(share));
    }

    /// <summary>Ends a share: the class finds it no more.</summary>
    private static async Task<NoContent> EndAsync(
        Guid id, string kind, string thing, Caller caller, ClassStore classes, ShareStore shares, CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        return await shares.EndAsync(row, kind, Thing(kind, thing) ?? thing, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.ShareNotFound, "This is not shared with the class.");
    }

    /// <summary>What is shared with the classes that a person is in.</summary>
    private static async Task<SharedThings> SharedAsync(
        Caller caller, ShareStore shares, CancellationToken cancellationToken, string? kind = null)
    {
        if (kind is not (ShareKinds.Tutor or ShareKinds.Roadmap or ShareKinds.PracticeSet))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "kind must be tutor, roadmap or practice_set.");
        var items = await shares.SharedWith(caller, kind).OrderBy(s => s.Thing).ThenBy(s => s.ClassId).ToListAsync(cancellationToken);
        return new([.. items.Select(SharedThing.Of)]);
    }

    /// <summary>
    /// Records that a teacher looks at their students' things, and says who they are and what each agreed to: asked before anything is
    /// shown.
    /// </summary>
    private static async Task<Roll> LookAsync(
        Guid id, LookRequest request, Caller caller, ClassStore classes, ShareStore shares, Looks looks, SessionDb db,
        CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        if (request.View is not ("overview" or "questions" or "student"))
            throw new ProblemException(400, ErrorCodes.InvalidRequest, "view must be overview, questions or student.");
        var isOne = request.View == "student";
        var wantsWords = request.View == "questions";
        var students = await db.Set<ClassMember>().AsNoTracking()
            .Where(m => m.ClassId == row.Id && m.Tenant == row.Tenant && (!isOne || m.Person == request.Student))
            .Where(m => !wantsWords || m.Visibility == Visibilities.Conversations)
            .OrderBy(m => m.Person).ToListAsync(cancellationToken);
        if (isOne && students.Count == 0)
            throw new ProblemException(404, ErrorCodes.MemberNotFound, "There is no such student in this class.");
        var names = await db.NamesAsync(caller.Tenant, students.Select(m => m.Person).Append(caller.Person), cancellationToken);
        await looks.RecordAsync(
            row, request.View, [.. students.Select(m => m.Person)], (caller.Person, names.Called(caller.Person)), cancellationToken);
        return new(
            row.Id, row.Name, [.. students.Select(m => new RollStudent(m.Person, names.Called(m.Person), m.Visibility, m.AgreedAt))],
            [.. (await shares.OfAsync(row, cancellationToken)).Select(SharedThing.Of)]);
    }

    /// <summary>In the one form that a thing's id has; null for what is none.</summary>
    private static string? Thing(string? kind, string? id) => kind == ShareKinds.Tutor
        ? int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number.ToString(CultureInfo.InvariantCulture) : null
        : Guid.TryParse(id, out var guid) ? guid.ToString() : null;
}

/// <param name="Kind"><c>tutor | roadmap | practice_set</c>.</param>
/// <param name="Id">Of a tutor its number as text, of a roadmap its task_id, of a practice set its id.</param>
public sealed record ShareRequest(string? Kind, string? Id);

/// <inheritdoc cref="ShareRequest"/>
/// <param name="Owner">Whose it is.</param>
public sealed record ShareView(string Kind, string Id, string Owner, DateTimeOffset CreatedAt)
{
    internal static ShareView Of(ClassShare s) => new(s.Kind, s.Thing, s.Owner, s.CreatedAt);
}

public sealed record ShareList(List<ShareView> Shares);

/// <param name="View"><c>overview | questions | student</c>.</param>
/// <param name="Student">The subject, where one is looked at.</param>
internal sealed record LookRequest(string? View, string? Student = null);

internal sealed record Roll(Guid Id, string Name, List<RollStudent> Students, List<SharedThing> Shares);

/// <param name="Since">When they agreed to it.</param>
internal sealed record RollStudent(string Subject, string Name, string Visibility, DateTimeOffset Since);

internal sealed record SharedThings(List<SharedThing> Items);

internal sealed record SharedThing(string Kind, string Id, string Owner, Guid ClassId)
{
    public static SharedThing Of(ClassShare s) => new(s.Kind, s.Thing, s.Owner, s.ClassId);
}
