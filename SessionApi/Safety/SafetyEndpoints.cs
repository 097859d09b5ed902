using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.Text.Moderation;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lyceum.SessionApi.Safety;

/// <summary>How questions and answers are moderated, who is told of signs of self-harm, and guardians' consent. Scope <c>classes</c>.</summary>
internal static class SafetyEndpoints
{
    private const int MaxPage = 100;
    private const int MaxNote = 500;
    private const int MaxSubject = 128;
    private const int MaxReport = 1000;

    public static WebApplicationBuilder AddSafety(this WebApplicationBuilder builder)
    {
        builder.Services.AddScoped<PolicyStore>();
        builder.Services.AddScoped<FlagStore>();
        return builder;
    }

    /// <summary>
    /// Where an engine reads how a session's person is moderated at this tutor, with a ticket for exactly this path.
    /// </summary>
    public static string PathOf(string tutorId) => $"/internal/tutors/{tutorId}/policy";

    public static void MapSafety(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api").RequireScope(Scopes.Classes).WithTags("safety");
        group.MapGet("/tenant/policy", ReadTenantAsync).Fails(403, ErrorCodes.ForbiddenRole);
        group.MapPut("/tenant/policy", WriteTenantAsync).Fails(403, ErrorCodes.ForbiddenRole);
        group.MapGet("/classes/{id:guid}/policy", ReadClassAsync).Fails(404, ErrorCodes.ClassNotFound);
        group.MapPut("/classes/{id:guid}/policy", WriteClassAsync).Fails(404, ErrorCodes.ClassNotFound);
        group.MapGet("/tenant/consents", ConsentsAsync).Fails(400, ErrorCodes.InvalidCursor).Fails(403, ErrorCodes.ForbiddenRole);
        group.MapPut("/tenant/consents/{person}", RecordConsentAsync)
            .Fails(403, ErrorCodes.ForbiddenRole).Fails(404, ErrorCodes.MemberNotFound);
        group.MapDelete("/tenant/consents/{person}", WithdrawConsentAsync)
            .Fails(403, ErrorCodes.ForbiddenRole).Fails(404, ErrorCodes.MemberNotFound);
        group.MapGet("/sessions/concerns", ConcernsAsync).Fails(400, ErrorCodes.InvalidCursor).Fails(403, ErrorCodes.ForbiddenRole);
        group.MapGet("/sessions/verdicts", VerdictsAsync).Fails(400, ErrorCodes.InvalidCursor).Fails(403, ErrorCodes.ForbiddenRole);
        routes.MapPost("/api/sessions/{session_id}/turns/{turn:int}/moderation/report", ReportAsync)
            .RequireScope(Scopes.Sessions).WithTags("safety").Fails(404, ErrorCodes.SessionNotFound);
        routes.MapGet("/internal/policy", OfPersonAsync).RequireService().WithTags("internal");
        routes.MapGet(PathOf("{id:int}"), OfSessionAsync).RequireServiceOrTicket(Scopes.Tutors).WithTags("internal");
        routes.MapPost("/internal/concerns/looks", LookAsync).RequireService().WithTags("internal");
    }

    /// <summary>The tenant's policy. For owners.</summary>
    private static async Task<SafetyPolicy> ReadTenantAsync(Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        Require(caller, Role.Owner);
        return await store.ReadAsync(caller, Guid.Empty, cancellationToken);
    }

    /// <summary>
    /// Replaces the tenant's policy, for all of its classes. It holds for questions asked 10 s later. For owners.
    /// </summary>
    private static async Task<SafetyPolicy> WriteTenantAsync(
        SafetyPolicy request, Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        Require(caller, Role.Owner);
        request.Validate();
        return await store.WriteAsync(caller, Guid.Empty, request, cancellationToken);
    }

    /// <summary>A class's policy. For its teacher, and owners.</summary>
    private static async Task<SafetyPolicy> ReadClassAsync(
        Guid id, Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        await RequireClassAsync(caller, id, store, cancellationToken);
        return await store.ReadAsync(caller, id, cancellationToken);
    }

    /// <summary>
    /// Replaces a class's policy, which its students have beside the tenant's: whatever one of them forbids is forbidden. For
    /// its teacher, and owners.
    /// </summary>
    private static async Task<SafetyPolicy> WriteClassAsync(
        Guid id, SafetyPolicy request, Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        await RequireClassAsync(caller, id, store, cancellationToken);
        request.Validate();
        return await store.WriteAsync(caller, id, request, cancellationToken);
    }

    /// <summary>Whose guardian agreed, <paramref name="limit"/> (1-100) a page: an owner's tenant's, a teacher's students'.</summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ConsentPage> ConsentsAsync(
        Caller caller, PolicyStore store, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        Require(caller, Role.Teacher);
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        if (cursor is { Length: 0 or > MaxSubject } || cursor?.Contains('\0') == true)
            throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
        var page = await store.ConsentsAsync(caller, cursor, limit + 1, cancellationToken);
        return new([.. page.Take(limit).Select(ConsentView.Of)], page.Count > limit ? page[limit - 1].Person : null);
    }

    /// <summary>Records that a student's guardian agreed. For owners, and teachers of a class that the student is in.</summary>
    private static async Task<NoContent> RecordConsentAsync(
        string person, ConsentRequest request, Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        Require(caller, Role.Teacher);
        var errors = new ValidationErrors();
        errors.CheckText("note", request.Note, MaxNote);
        errors.ThrowIfAny();
        return IsSubject(person) && await store.RecordConsentAsync(caller, person, request.Note, cancellationToken)
            ? TypedResults.NoContent() : throw Unknown(person);
    }

    /// <summary>Withdraws a guardian's consent: the student may not ask from now on, where it is required.</summary>
    private static async Task<NoContent> WithdrawConsentAsync(
        string person, Caller caller, PolicyStore store, CancellationToken cancellationToken)
    {
        Require(caller, Role.Teacher);
        return IsSubject(person) && await store.WithdrawConsentAsync(caller, person, cancellationToken)
            ? TypedResults.NoContent() : throw Unknown(person);
    }

    /// <summary>What holds for the person that a service acts for.</summary>
    private static Task<PersonPolicy> OfPersonAsync(
        Caller caller, PolicyStore store, CancellationToken cancellationToken, int? tutor_id = null) =>
        store.OfPersonAsync(caller, tutor_id, cancellationToken);

    /// <summary>Records that the person a service acts for is shown these persons' concerns.</summary>
    private static async Task<LooksRecorded> LookAsync(
        LooksRequest request, Caller caller, FlagStore store, CancellationToken cancellationToken)
    {
        var persons = (request.Persons ?? []).Where(person => person is not null && IsSubject(person)).Distinct().Take(MaxPage).ToList();
        if (persons.Count > 0)
            await store.LookAsync(caller, persons, cancellationToken);
        return new(persons.Count);
    }

    /// <summary>
    /// Signs of self-harm in live sessions, newest first, <paramref name="limit"/> (1-100) a page: for the teachers whom the
    /// school named, and for owners. That they looked is written down where the student sees it.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<FlagPage> ConcernsAsync(
        Caller caller, FlagStore store, CancellationToken cancellationToken, int limit = 50, string? cursor = null)
    {
        Require(caller, Role.Teacher);
        return FlagPage.Of(await store.ConcernsAsync(caller, Cursor(limit, cursor), limit + 1, cancellationToken), limit);
    }

    /// <summary>What was withheld in the tenant's live sessions, newest first, <paramref name="limit"/> (1-100) a page. For owners.</summary>
    /// <param name="reported"><c>true</c>: only those reported as wrong; <c>false</c>: only others; absent: all.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<FlagPage> VerdictsAsync(
        Caller caller, FlagStore store, CancellationToken cancellationToken, bool? reported = null, int limit = 50,
        string? cursor = null)
    {
        Require(caller, Role.Owner);
        return FlagPage.Of(await store.WithheldAsync(caller, reported, Cursor(limit, cursor), limit + 1, cancellationToken), limit);
    }

    /// <summary>
    /// Says that in a turn of a live session a question was refused, or a sentence withheld, by mistake: the tenant's owners see it.
    /// </summary>
    private static async Task<NoContent> ReportAsync(
        [FromRoute(Name = "session_id")] string sessionId, int turn, FlagReport request, Caller caller, FlagStore store,
        CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("reason", request.Reason, MaxReport);
        errors.ThrowIfAny();
        return !sessionId.Contains('\0') && await store.ReportAsync(caller, sessionId, turn, request.Reason, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.SessionNotFound,
                $"There is no turn {turn} of a session {sessionId} of yours in which something was withheld.");
    }

    /// <summary>What holds for a person at a tutor now: asked by the engine of an open session.</summary>
    private static Task<PersonPolicy> OfSessionAsync(
        int id, Caller caller, PolicyStore store, CancellationToken cancellationToken) =>
        store.OfPersonAsync(caller, id, cancellationToken);

    private static FlagCursor? Cursor(int limit, string? cursor)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        return cursor is null ? null : FlagCursor.Parse(cursor)
            ?? throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }

    private static bool IsSubject(string person) => person.Length <= MaxSubject && !person.Contains('\0');

    private static ProblemException Unknown(string person) =>
        new(404, ErrorCodes.MemberNotFound, $"There is no student {person} of yours.");

    private static void Require(Caller caller, Role least)
    {
        if (caller.Role is not { } role || role < least)
            throw new ProblemException(403, ErrorCodes.ForbiddenRole,
                least == Role.Owner ? "This is for owners of the tenant." : "This is for teachers and owners of the tenant.");
    }

    private static async Task RequireClassAsync(Caller caller, Guid id, PolicyStore store, CancellationToken cancellationToken)
    {
        if (!await store.MayRuleAsync(caller, id, cancellationToken))
            throw new ProblemException(404, ErrorCodes.ClassNotFound, $"There is no class {id} of yours.");
    }
}

/// <param name="Note">How it was given, as "signed form of 1 September"; at most 500 characters.</param>
public sealed record ConsentRequest(string? Note = null);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ConsentPage(List<ConsentView> Consents, string? NextCursor);

/// <param name="Person">The student.</param>
/// <param name="RecordedBy">The teacher or owner.</param>
public sealed record ConsentView(string Person, string RecordedBy, DateTimeOffset RecordedAt, string? Note)
{
    internal static ConsentView Of(GuardianConsent c) => new(c.Person, c.RecordedBy, c.RecordedAt, c.Note);
}

internal sealed record LooksRequest(IReadOnlyList<string>? Persons);

/// <param name="Looks">Persons for whom it was recorded.</param>
internal sealed record LooksRecorded(int Looks);

/// <param name="Reason">Why it is wrong; at most 1000 characters.</param>
public sealed record FlagReport(string? Reason = null);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record FlagPage(List<FlagView> Flags, string? NextCursor)
{
    internal static FlagPage Of(List<SessionFlag> page, int limit) => new(
        [.. page.Take(limit).Select(FlagView.Of)], page.Count > limit ? FlagCursor.Of(page[limit - 1]).ToString() : null);
}

/// <param name="Person">Who asked.</param>
/// <param name="Status"><c>help</c> (signs of self-harm in the question), <c>refused</c> (the question), <c>blocked</c> (a sentence).</param>
/// <param name="By"><c>words | guard | moderations</c>.</param>
/// <param name="Quote">What was found, or the text that a model judged.</param>
/// <param name="ReportedAt">When the person said that it is wrong; null: they did not.</param>
/// <param name="Report">What they said of it.</param>
public sealed record FlagView(
    string SessionId, int Turn, string Person, string Status, string By, string Category, string Quote, DateTimeOffset At,
    DateTimeOffset? ReportedAt, string? Report)
{
    internal static FlagView Of(SessionFlag f) => new(
        f.SessionId, f.Turn, f.Person, f.Status, f.By, f.Category, f.Quote, f.At, f.ReportedAt, f.Report);
}
