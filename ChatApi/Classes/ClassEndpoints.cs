using Lyceum.ChatApi.Data;
using Lyceum.Durability.Persons;
using Lyceum.Durability.Postgres;
using Lyceum.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;

namespace Lyceum.ChatApi.Classes;

/// <summary>
/// What a class's teacher sees of conversations. Scope <c>classes</c>; SessionApi says whose, and records the look, before
/// anything is read.
/// </summary>
public static class ClassEndpoints
{
    private const int MaxPage = 50;

    // A look waits no longer for SessionApi.
    private static readonly TimeSpan LookWithin = TimeSpan.FromSeconds(3);

    public static WebApplicationBuilder AddClassViews(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ClassQuestions>();
        builder.Services.AddSingleton<ClassRecords>();
        return builder;
    }

    public static void MapClassViews(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/api/classes/{id:guid}/questions", QuestionsAsync).RequireScope(Scopes.Classes).WithTags("classes")
            .Fails(400, ErrorCodes.InvalidCursor).Fails(404, ErrorCodes.ClassNotFound).Fails(503, ErrorCodes.ServiceUnavailable);
        routes.MapDelete("/internal/classes/{id:guid}", EraseAsync).RequireService().WithTags("internal").ExcludeFromDescription();
    }

    /// <summary>
    /// Forgets through which class something was asked, of a class that is erased; conversations are their persons',
    /// and stay. To be asked until it is done.
    /// </summary>
    private static async Task<ErasureState> EraseAsync(
        Guid id, Caller caller, ClassRecords records, CancellationToken cancellationToken) =>
        new(await records.EraseAsync(caller.Tenant, id, cancellationToken));

    /// <summary>
    /// What the students of a class asked its tutors, grouped by the passages that the answers rest on, the last asked first; on
    /// the first page also what no passage answered. Only of students who agreed that their conversations are seen, since they
    /// did, without names; each look is recorded where they see it. Numbers of groups of fewer than five students are hidden.
    /// </summary>
    /// <param name="limit">Groups a page, 1-50.</param>
    /// <param name="cursor"><c>next_cursor</c> of the page before.</param>
    private static async Task<QuestionGroups> QuestionsAsync(
        Guid id, Caller caller, PeopleClient people, ClassQuestions questions, DatabaseReady ready,
        CancellationToken cancellationToken, int limit = 20, string? cursor = null)
    {
        if (limit is < 1 or > MaxPage)
            throw new ProblemException(400, ErrorCodes.InvalidRequest, $"limit must be between 1 and {MaxPage}.");
        var after = PageCursor.Parse(cursor);
        ready.ThrowIfNotReady();
        ClassRoll? roll;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(LookWithin);
        try
        {
            roll = await people.LookAsync(caller.Tenant, caller.Person, id, ClassView.Questions, null, bound.Token);
        }
        catch (Exception e) when (
            !cancellationToken.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
        {
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "The class cannot be looked up at the moment. Nothing was shown; try again shortly.", TimeSpan.FromSeconds(2));
        }
        if (roll is null)
            throw new ProblemException(404, ErrorCodes.ClassNotFound, $"There is no class {id} of yours.");
        return await questions.ReadAsync(caller.Tenant, roll, after, limit, cancellationToken);
    }
}
