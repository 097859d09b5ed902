using Lyceum.Durability.Postgres;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.RoadmapWorker.Roadmaps;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.RoadmapWorker.Mastery;

/// <summary>A learner's own way through a roadmap, one's own or one that is shared with one's class.</summary>
internal static class ProgressEndpoints
{
    private const int MaxDates = 200;
    private const double MinHours = 0.5;
    private const double MaxHours = 80;

    public static void AddProgress(this IServiceCollection services)
    {
        services.AddScoped<ProgressStore>();
        services.AddScoped<ProgressReader>();
    }

    public static void MapProgress(this IEndpointRouteBuilder routes)
    {
        var roadmap = routes.MapGroup("/api/v1/roadmaps/{taskId:guid}").WithTags("roadmaps").RequireScope(Scopes.Roadmaps)
            .Fails(404, ErrorCodes.TaskNotFound).Fails(409, ErrorCodes.TaskNotCompleted);
        roadmap.MapGet("progress", ReadAsync);
        roadmap.MapPut("marks", MarkAsync).Fails(404, ErrorCodes.ConceptNotFound);
        roadmap.MapPost("reschedule", RescheduleAsync);
        roadmap.MapPut("dates", DatesAsync);
    }

    /// <summary>
    /// How far the caller is: of each concept its state and mastery, from attempts alone, with the attempts that say so; what is due;
    /// and the weeks, as they were last re-scheduled.
    /// </summary>
    private static async Task<RoadmapProgress> ReadAsync(
        Guid taskId, Caller caller, SharedRoadmaps roadmaps, ProgressReader reader, CancellationToken cancellationToken)
    {
        var found = await roadmaps.FindAsync(caller, taskId, cancellationToken);
        var roadmap = await roadmaps.ReadAsync(found, cancellationToken);
        return await reader.ReadAsync(caller.Tenant, caller.Person, found.Owner == caller.Person, roadmap, cancellationToken);
    }

    /// <summary>Says that one knows a concept, or is learning it. It changes no mastery.</summary>
    private static async Task<NoContent> MarkAsync(
        Guid taskId, MarkRequest request, Caller caller, SharedRoadmaps roadmaps, ProgressStore store, CancellationToken cancellationToken)
    {
        var faults = new ValidationErrors();
        faults.CheckText("concept_id", request.ConceptId, 80, required: true);
        faults.AddIf(request.Mark is not (null or Marks.Known or Marks.Learning), "mark", "mark must be known, learning or null.");
        faults.ThrowIfAny();
        var roadmap = await roadmaps.ReadAsync(await roadmaps.FindAsync(caller, taskId, cancellationToken), cancellationToken);
        if (!Concepts(roadmap).Contains(request.ConceptId!))
            throw new ProblemException(404, ErrorCodes.ConceptNotFound, $"The roadmap has no concept {request.ConceptId}.");
        await store.MarkAsync(caller.Tenant, caller.Person, taskId, request.ConceptId!, request.Mark, cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>
    /// Plans what is left in weeks from today on, by what was really done: mastered concepts need no more time, half-mastered ones half
    /// of it. The plan is the caller's own, and stays until the next.
    /// </summary>
    private static async Task<Rescheduled> RescheduleAsync(
        Guid taskId, RescheduleRequest request, Caller caller, SharedRoadmaps roadmaps, ProgressReader reader, ProgressStore store,
        TimeProvider time, CancellationToken cancellationToken)
    {
        var faults = new ValidationErrors();
        faults.AddIf(request.WeeklyCommitmentHours is { } asked && asked is not (>= MinHours and <= MaxHours), "weekly_commitment_hours",
            $"weekly_commitment_hours must be a number from {MinHours} to {MaxHours}.");
        faults.ThrowIfAny();
        var found = await roadmaps.FindAsync(caller, taskId, cancellationToken);
        var roadmap = await roadmaps.ReadAsync(found, cancellationToken);
        var progress = await reader.ReadAsync(caller.Tenant, caller.Person, found.Owner == caller.Person, roadmap, cancellationToken);
        var hours = Math.Floor((request.WeeklyCommitmentHours ?? roadmap.WeeklyCommitmentHours) * 2) / 2;
        var now = time.GetStoredNow();
        var plan = Rescheduler.Plan(roadmap, progress, hours, DateOnly.FromDateTime(now.UtcDateTime));
        await store.SavePlanAsync(new()
        {
            Tenant = caller.Tenant, Subject = caller.Person, TaskId = taskId, Weeks = JobJson.Write(plan.Weeks), MadeAt = now,
        }, cancellationToken);
        return plan;
    }

    /// <summary>Sets by when weeks or concepts of one's own roadmap are to be done, for all who it is shared with.</summary>
    private static async Task<NoContent> DatesAsync(
        Guid taskId, DatesRequest request, Caller caller, JobStore jobs, SharedRoadmaps roadmaps, ProgressStore store,
        CancellationToken cancellationToken)
    {
        // Its owner alone: not whom it is shared with.
        var own = await jobs.FindAsync(caller, RoadmapKind.KindName, taskId, cancellationToken)
            ?? throw new ProblemException(404, ErrorCodes.TaskNotFound, $"There is no roadmap task {taskId} of yours.");
        var roadmap = await roadmaps.ReadAsync(new(own, caller.Tenant, caller.Person), cancellationToken);
        var dates = request.Dates ?? [];
        var (concepts, weeks) = (Concepts(roadmap), roadmap.Weeks.Select(week => week.Number).ToHashSet());
        var faults = new ValidationErrors();
        faults.AddIf(request.Dates is null || dates.Count > MaxDates, "dates", $"dates must hold at most {MaxDates} dates.");
        foreach (var (date, i) in dates.Take(MaxDates).Select((date, i) => (date, i)))
        {
            faults.AddIf(date.Week is null == date.ConceptId is null, $"dates[{i}]", "A date is of a week or of a concept_id.");
            faults.AddIf(date.Week is { } week && !weeks.Contains(week), $"dates[{i}].week", $"The roadmap has no week {date.Week}.");
            faults.AddIf(date.ConceptId is { } id && !concepts.Contains(id), $"dates[{i}].concept_id", "The roadmap has no such concept.");
        }
        faults.ThrowIfAny();
        await store.SaveDatesAsync(caller.Tenant, caller.Person, taskId, dates, cancellationToken);
        return TypedResults.NoContent();
    }

    private static HashSet<string> Concepts(Roadmap roadmap) =>
        roadmap.Modules.SelectMany(module => module.Concepts).Select(concept => concept.Id).ToHashSet(StringComparer.Ordinal);
}
