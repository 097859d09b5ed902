using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Mastery;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.RoadmapWorker.Classes;

/// <summary>
/// What teachers see of a class's practice. SessionApi says who may be looked at, and records the look, before anything is shown:
/// where it is away, nothing is.
/// </summary>
internal static partial class ClassEndpoints
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(3);

    public static void AddClasses(this IServiceCollection services) => services.AddScoped<ClassReader>();

    public static void MapClasses(this IEndpointRouteBuilder routes)
    {
        var one = routes.MapGroup("/api/classes/{id:guid}").WithTags("classes").RequireScope(Scopes.Classes)
            .Fails(404, ErrorCodes.ClassNotFound);
        one.MapGet("overview", OverviewAsync);
        one.MapGet("students/{student}", StudentAsync).Fails(404, ErrorCodes.MemberNotFound);
        one.MapGet("progress.csv", CsvAsync).Produces<string>(StatusCodes.Status200OK, "text/csv");
    }

    /// <summary>Who is active, the mastery by concept, what is due, and who needs help. No group figures below five students.</summary>
    private static async Task<ClassOverview> OverviewAsync(
        Guid id, Caller caller, PeopleClient people, ClassReader reader, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var roll = await LookAsync(people, caller, id, ClassView.Overview, null, loggers, cancellationToken);
        return ClassSummary.Overview(await reader.ReadAsync(caller.Tenant, roll, cancellationToken));
    }

    /// <summary>One student: their progress in what is shared with the class, with the attempts that say so, not their words.</summary>
    private static async Task<StudentView> StudentAsync(
        Guid id, string student, Caller caller, PeopleClient people, ClassReader reader, ProgressReader progress, ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        var roll = await LookAsync(people, caller, id, ClassView.Student, student, loggers, cancellationToken);
        var found = roll.Students.FirstOrDefault(known => known.Subject == student)
            ?? throw new ProblemException(404, ErrorCodes.MemberNotFound, "There is no such student in this class.");
        var work = await reader.ReadAsync(caller.Tenant, roll with { Students = [found] }, cancellationToken);
        var roadmaps = new List<RoadmapProgress>();
        foreach (var roadmap in work.Roadmaps)
            roadmaps.Add(await progress.ReadAsync(caller.Tenant, student, isOwn: false, roadmap, cancellationToken));
        return new(id, found.Subject, found.Name, found.Visibility, ClassSummary.Students(work)[0], roadmaps);
    }

    /// <summary>The progress of each student in each concept, for a spreadsheet.</summary>
    private static async Task<FileContentHttpResult> CsvAsync(
        Guid id, Caller caller, PeopleClient people, ClassReader reader, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var roll = await LookAsync(people, caller, id, ClassView.Overview, null, loggers, cancellationToken);
        var work = await reader.ReadAsync(caller.Tenant, roll, cancellationToken);
        return TypedResults.File(ClassCsv.Write(work), "text/csv; charset=utf-8", $"progress-{id}.csv");
    }

    private static async Task<ClassRoll> LookAsync(
        PeopleClient people, Caller caller, Guid id, ClassView view, string? student, ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Within);
        try
        {
            return await people.LookAsync(caller.Tenant, caller.Person, id, view, student, bound.Token)
                ?? throw new ProblemException(404, ErrorCodes.ClassNotFound, $"There is no class {id} of yours, or no such student in it.");
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            LogAway(loggers.CreateLogger(typeof(ClassEndpoints)), id, e.Message);
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "Who is in the class cannot be looked up at the moment, so nothing is shown. Try again shortly.", TimeSpan.FromSeconds(2));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Class {ClassId} not looked up, nothing is shown: {Reason}")]
    private static partial void LogAway(ILogger logger, Guid classId, string reason);
}
