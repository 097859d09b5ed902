using Lyceum.Durability.Postgres;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.SessionApi.Accounts;
using Lyceum.SessionApi.Classes;
using Lyceum.SessionApi.Data;
using Lyceum.SessionApi.Erasures;
using Lyceum.SessionApi.Tenants;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Lyceum.SessionApi.People;

/// <summary>
/// Classes: their teachers (scope <c>classes</c>) make and change them, who is signed in joins and leaves. docs/classes.md.
/// </summary>
internal static class ClassEndpoints
{
    private const int MaxName = 200;
    private const int MaxPage = 100;

    public static void MapClasses(this IEndpointRouteBuilder routes)
    {
        var all = routes.MapGroup("/api/classes").WithTags("classes");
        all.MapGet("join/{code}", LookAsync).AllowAnonymous()
            .Fails(403, ErrorCodes.InvalidInvitation).Fails(429, ErrorCodes.TooManyAttempts);

        var signedIn = all.MapGroup("").RequirePersonOr(Scopes.Classes);
        signedIn.MapGet("", ListAsync).Fails(400, ErrorCodes.InvalidCursor);
        signedIn.MapPost("join", JoinAsync).Fails(403, ErrorCodes.AccountRequired, ErrorCodes.InvalidInvitation)
            .Fails(409, ErrorCodes.Conflict, ErrorCodes.LimitReached).Fails(429, ErrorCodes.TooManyAttempts);
        signedIn.MapGet("{id:guid}", ReadAsync).Fails(404, ErrorCodes.ClassNotFound);
        signedIn.MapPost("{id:guid}/leave", LeaveAsync).Fails(404, ErrorCodes.ClassNotFound);
        signedIn.MapPut("{id:guid}/visibility", AgreeAsync).Fails(404, ErrorCodes.ClassNotFound).Fails(409, ErrorCodes.Conflict);

        var taught = all.MapGroup("").RequireScope(Scopes.Classes);
        taught.MapPost("", CreateAsync).Fails(403, ErrorCodes.ForbiddenRole).Fails(409, ErrorCodes.LimitReached);
        var one = taught.MapGroup("{id:guid}").Fails(404, ErrorCodes.ClassNotFound);
        one.MapPatch("", ChangeAsync).Fails(409, ErrorCodes.Conflict);
        one.MapGet("members", MembersAsync);
        one.MapDelete("members/{subject}", RemoveAsync).Fails(404, ErrorCodes.MemberNotFound);
    }

    /// <summary>The classes that I teach or am in; for an owner, all of the tenant. Oldest first, 1-100 a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ClassPage> ListAsync(
        Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        Paging.CheckLimit(limit, MaxPage);
        var after = cursor is null ? Guid.Empty : Paging.Cursor(cursor);
        var page = await Transient.RetryOnceAsync(_ => Mine(classes, caller).AsNoTracking().Where(c => c.Id.CompareTo(after) > 0)
            .OrderBy(c => c.Id).Take(limit + 1).ToListAsync(cancellationToken));
        return new(
            await ViewsAsync(caller, [.. page.Take(limit)], classes, db, cancellationToken),
            page.Count > limit ? page[limit - 1].Id.ToString() : null);
    }

    /// <summary>Makes a class, whose teacher I am.</summary>
    private static async Task<Created<ClassView>> CreateAsync(
        ClassRequest request, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        if (caller.Role is not (Role.Owner or Role.Teacher))
            throw new ProblemException(403, ErrorCodes.ForbiddenRole, "This takes a teacher, or an owner of the organisation.");
        Check(request, nameRequired: true);
        var row = await classes.CreateAsync(
            caller, request.Name!, request.Visibility ?? Visibilities.Progress, cancellationToken);
        return TypedResults.Created($"/api/classes/{row.Id}", (await ViewsAsync(caller, [row], classes, db, cancellationToken))[0]);
    }

    /// <summary>One class that I teach or am in.</summary>
    private static async Task<ClassView> ReadAsync(
        Guid id, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var row = await Transient.RetryOnceAsync(
            _ => Mine(classes, caller).AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellationToken))
            ?? throw ClassStore.NotFound(id);
        return (await ViewsAsync(caller, [row], classes, db, cancellationToken))[0];
    }

    /// <summary>
    /// Renames or archives a class, or changes what it asks of who joins from now on. In an archived class nobody joins, and
    /// nothing is shared by it; an archive of it is made, and after some weeks its records are erased
    /// (<c>GET /api/classes/{id}/archive</c>). Until then <c>archived: false</c> takes it back.
    /// </summary>
    private static async Task<ClassView> ChangeAsync(
        Guid id, ClassRequest request, Caller caller, ClassStore classes, ClassArchives archives, SessionDb db,
        CancellationToken cancellationToken)
    {
        Check(request, nameRequired: false);
        var row = await archives.ChangeAsync(caller, id, request.Name, request.Visibility, request.Archived, cancellationToken);
        return (await ViewsAsync(caller, [row], classes, db, cancellationToken))[0];
    }

    /// <summary>What a join code is for: the class, and what its teachers will see of who joins.</summary>
    private static Task<JoinView> LookAsync(string code, HttpContext http, Joining joining, CancellationToken cancellationToken) =>
        joining.LookAsync(code, http, cancellationToken);

    /// <summary>Joins a class by its code, and its tenant if need be. Joined again, it is agreed anew.</summary>
    private static async Task<Ok<MembershipView>> JoinAsync(
        JoinRequest request, Caller caller, HttpContext http, Joining joining, CancellationToken cancellationToken) =>
        TypedResults.Ok(await joining.JoinAsync(request, caller, http, classOnly: true, cancellationToken));

    /// <summary>Leaves a class. Its teachers see nothing more of me.</summary>
    private static async Task<NoContent> LeaveAsync(
        Guid id, Caller caller, ClassStore classes, CancellationToken cancellationToken) =>
        await classes.LeaveAsync(caller, id, cancellationToken) ? TypedResults.NoContent() : throw ClassStore.NotFound(id);

    /// <summary>Agrees to what the class asks for, or takes that back: <c>progress</c> is always possible.</summary>
    private static async Task<ClassView> AgreeAsync(
        Guid id, VisibilityRequest request, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.AddIf(request.Visibility is not (Visibilities.Progress or Visibilities.Conversations),
            "visibility", "visibility must be progress or conversations.");
        errors.ThrowIfAny();
        var row = await classes.JoinedBy(caller).AsNoTracking().SingleOrDefaultAsync(c => c.Id == id, cancellationToken)
            ?? throw ClassStore.NotFound(id);
        if (request.Visibility == Visibilities.Conversations && row.Visibility != Visibilities.Conversations)
            throw new ProblemException(409, ErrorCodes.Conflict, "The class does not ask for conversations.");
        if (!await classes.AgreeAsync(caller, id, request.Visibility!, cancellationToken))
            throw ClassStore.NotFound(id);
        return (await ViewsAsync(caller, [row], classes, db, cancellationToken))[0];
    }

    /// <summary>The students of a class that I teach, 1-100 a page.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ClassMemberPage> MembersAsync(
        Guid id, Caller caller, ClassStore classes, SessionDb db, CancellationToken cancellationToken, int limit = 50,
        string? cursor = null)
    {
        Paging.CheckLimit(limit, MaxPage);
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        var page = await Transient.RetryOnceAsync(_ => db.Set<ClassMember>().AsNoTracking()
            .Where(m => m.ClassId == row.Id && m.Tenant == row.Tenant && (cursor == null || m.Person.CompareTo(cursor) > 0))
            .OrderBy(m => m.Person).Take(limit + 1).ToListAsync(cancellationToken));
        var names = await db.NamesAsync(caller.Tenant, page.Select(m => m.Person), cancellationToken);
        return new(
            [.. page.Take(limit).Select(m => new ClassMemberView(
                m.Person, names.GetValueOrDefault(m.Person)?.Username, names.Called(m.Person), m.Visibility, m.JoinedAt, m.AgreedAt))],
            page.Count > limit ? page[limit - 1].Person : null);
    }

    /// <summary>Removes a student from a class. They stay in the tenant.</summary>
    private static async Task<NoContent> RemoveAsync(
        Guid id, string subject, Caller caller, ClassStore classes, CancellationToken cancellationToken)
    {
        var row = await classes.FindTaughtAsync(caller, id, cancellationToken);
        return await classes.RemoveAsync(row, subject, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.MemberNotFound, $"There is no student {subject} in this class.");
    }

    private static IQueryable<ClassRow> Mine(ClassStore classes, Caller caller) =>
        classes.TaughtBy(caller).Union(classes.JoinedBy(caller));

    private static void Check(ClassRequest request, bool nameRequired)
    {
        var errors = new ValidationErrors();
        errors.CheckText("name", request.Name, MaxName, required: nameRequired || request.Name is not null);
        errors.AddIf(request.Visibility is not (null or Visibilities.Progress or Visibilities.Conversations),
            "visibility", "visibility must be progress or conversations.");
        errors.ThrowIfAny();
    }

    internal static async Task<List<ClassView>> ViewsAsync(
        Caller caller, List<ClassRow> rows, ClassStore classes, SessionDb db, CancellationToken cancellationToken)
    {
        var ids = rows.Select(c => c.Id).ToList();
        var names = await db.NamesAsync(caller.Tenant, rows.Select(c => c.Owner), cancellationToken);
        var mine = await db.Set<ClassMember>().AsNoTracking()
            .Where(m => ids.Contains(m.ClassId) && m.Tenant == caller.Tenant && m.Person == caller.Person)
            .ToDictionaryAsync(m => m.ClassId, cancellationToken);
        var counts = await db.Set<ClassMember>().Where(m => ids.Contains(m.ClassId)).GroupBy(m => m.ClassId)
            .Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count, cancellationToken);
        var taught = await classes.TaughtBy(caller).Where(c => ids.Contains(c.Id)).Select(c => c.Id).ToListAsync(cancellationToken);
        return [.. rows.Select(c =>
        {
            var teaches = taught.Contains(c.Id);
            var agreed = mine.GetValueOrDefault(c.Id);
            return new ClassView(
                c.Id, c.Name, c.Visibility, c.Owner, names.Called(c.Owner), teaches, teaches ? counts.GetValueOrDefault(c.Id) : null,
                agreed?.Visibility, agreed?.AgreedAt, c.CreatedAt, c.ArchivedAt);
        })];
    }
}

/// <param name="Name">1 to 200 characters, any script.</param>
/// <param name="Visibility">
/// What whoever joins agrees that teachers see: <c>progress</c> (absent), or <c>conversations</c> as well.
/// </param>
/// <param name="Archived">Only to change it.</param>
public sealed record ClassRequest(string? Name = null, string? Visibility = null, bool? Archived = null);

public sealed record VisibilityRequest(string? Visibility);

/// <param name="Teacher">The subject of who has the class.</param>
/// <param name="Manages">Whether I may change it.</param>
/// <param name="Students">How many; null for who is a student of it.</param>
/// <param name="Agreed">What I agreed to, as a student of it; null: I am none.</param>
public sealed record ClassView(
    Guid Id, string Name, string Visibility, string Teacher, string TeacherName, bool Manages, int? Students, string? Agreed,
    DateTimeOffset? AgreedAt, DateTimeOffset CreatedAt, DateTimeOffset? ArchivedAt);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ClassPage(List<ClassView> Classes, string? NextCursor);

/// <param name="Visibility">What they agreed to, at <c>agreed_at</c>.</param>
public sealed record ClassMemberView(
    string Subject, string? Username, string Name, string Visibility, DateTimeOffset JoinedAt, DateTimeOffset AgreedAt);

/// <inheritdoc cref="ClassPage"/>
public sealed record ClassMemberPage(List<ClassMemberView> Members, string? NextCursor);
