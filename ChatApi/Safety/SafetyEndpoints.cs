using Lyceum.ChatApi.Data;
using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.ChatApi.Safety;

/// <summary>What moderation withheld, and signs that somebody needs help.</summary>
public static class SafetyEndpoints
{
    private const int MaxPage = 100;
    private const int MaxReport = 1000;
    private static readonly TimeSpan LookWithin = TimeSpan.FromSeconds(3);

    public static void MapSafety(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/api/conversations/{id:guid}/messages/{messageId:guid}/moderation/report", ReportAsync)
            .RequireScope(Scopes.Chat).WithTags("safety").Fails(404, ErrorCodes.MessageNotFound);
        routes.MapGet("/api/moderation/verdicts", VerdictsAsync)
            .RequireScope(Scopes.Classes).WithTags("safety").Fails(400, ErrorCodes.InvalidCursor).Fails(403, ErrorCodes.ForbiddenRole);
        routes.MapGet("/api/concerns", ConcernsAsync)
            .RequireScope(Scopes.Classes).WithTags("safety").Fails(400, ErrorCodes.InvalidCursor).Fails(403, ErrorCodes.ForbiddenRole)
            .Fails(503, ErrorCodes.ServiceUnavailable);
    }

    /// <summary>Says that a question was refused, or a sentence withheld, by mistake: the tenant's owners see it.</summary>
    private static async Task<NoContent> ReportAsync(
        Guid id, Guid messageId, ReportRequest request, Caller caller, SafetyStore store, CancellationToken cancellationToken)
    {
        var errors = new ValidationErrors();
        errors.CheckText("reason", request.Reason, MaxReport);
        errors.ThrowIfAny();
        return await store.ReportAsync(caller, id, messageId, request.Reason, cancellationToken)
            ? TypedResults.NoContent()
            : throw new ProblemException(404, ErrorCodes.MessageNotFound,
                $"There is no message {messageId} of yours that was withheld.");
    }

    /// <summary>What was withheld in the tenant, newest first, <paramref name="limit"/> (1-100) a page. For owners.</summary>
    /// <param name="reported"><c>true</c>: only those reported as wrong; <c>false</c>: only others; absent: all.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<VerdictPage> VerdictsAsync(
        Caller caller, SafetyStore store, CancellationToken cancellationToken, bool? reported = null, int limit = 50,
        string? cursor = null)
    {
        Require(caller, Role.Owner);
        var page = await store.VerdictsAsync(caller, reported, Cursor(limit, cursor), limit + 1, cancellationToken);
        return new([.. page.Take(limit).Select(VerdictView.Of)], page.Count > limit ? page[limit - 1].Id.ToString() : null);
    }

    /// <summary>
    /// Signs of self-harm in questions, newest first, <paramref name="limit"/> (1-100) a page: for the teachers whom the
    /// school named, and for owners. That they looked is written down where the student sees it, before it is shown.
    /// </summary>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<ConcernPage> ConcernsAsync(
        Caller caller, SafetyStore store, SafetyClient sessionApi, CancellationToken cancellationToken, int limit = 50,
        string? cursor = null)
    {
        Require(caller, Role.Teacher);
        var page = await store.ConcernsAsync(caller, Cursor(limit, cursor), limit + 1, cancellationToken);
        if (page.Count > 0)
            await RecordLookAsync(caller, [.. page.Take(limit).Select(concern => concern.Person).Distinct()], sessionApi, cancellationToken);
        return new([.. page.Take(limit).Select(ConcernView.Of)], page.Count > limit ? page[limit - 1].Id.ToString() : null);
    }

    private static async Task RecordLookAsync(
        Caller caller, IReadOnlyList<string> persons, SafetyClient sessionApi, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(LookWithin);
        try
        {
            await sessionApi.RecordLookAsync(caller.Tenant, caller.Person, persons, bound.Token);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "That you look cannot be written down at the moment, so nothing is shown. Try again shortly.", LookWithin);
        }
    }

    private static Guid? Cursor(int limit, string? cursor)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        if (cursor is null)
            return null;
        return Guid.TryParse(cursor, out var id) ? id
            : throw new ProblemException(400, ErrorCodes.InvalidCursor, "cursor must be a next_cursor of an earlier page.");
    }

    private static void Require(Caller caller, Role least)
    {
        if (caller.Role is not { } role || role < least)
            throw new ProblemException(403, ErrorCodes.ForbiddenRole,
                least == Role.Owner ? "This is for owners of the tenant." : "This is for teachers and owners of the tenant.");
    }
}

/// <param name="Reason">Why it is wrong; at most 1,000 characters.</param>
public sealed record ReportRequest(string? Reason = null);

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record VerdictPage(List<VerdictView> Verdicts, string? NextCursor);

/// <param name="Person">Who asked.</param>
/// <param name="MessageId">The answer.</param>
/// <param name="Side"><c>question | answer</c>.</param>
/// <param name="By"><c>words | guard | moderations</c>.</param>
/// <param name="Quote">The word that was found, or the text that a model judged.</param>
/// <param name="Report">What the person said of it.</param>
public sealed record VerdictView(
    Guid Id, string Person, Guid ConversationId, Guid MessageId, DateTimeOffset CreatedAt, string Side, string By, string Category,
    string Quote, DateTimeOffset? ReportedAt, string? Report)
{
    internal static VerdictView Of(ModerationVerdict v) => new(
        v.Id, v.Person, v.ConversationId, v.MessageId, v.CreatedAt, v.Side, v.By, v.Category, v.Quote, v.ReportedAt, v.Report);
}

/// <param name="NextCursor">Pass as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ConcernPage(List<ConcernView> Concerns, string? NextCursor);

/// <param name="Person">Who asked.</param>
/// <param name="MessageId">The answer.</param>
/// <param name="ClassId">The class whose policy named the teachers; null: the tenant's.</param>
/// <param name="Quote">The beginning of the question.</param>
public sealed record ConcernView(
    Guid Id, string Person, Guid ConversationId, Guid MessageId, Guid? ClassId, DateTimeOffset CreatedAt, string By, string Category,
    string Quote)
{
    internal static ConcernView Of(Concern c) => new(
        c.Id, c.Person, c.ConversationId, c.MessageId, c.ClassId, c.CreatedAt, c.By, c.Category, c.Quote);
}
