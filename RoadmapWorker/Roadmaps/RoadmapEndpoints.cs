using Lyceum.Durability.Work;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <summary>202: the task is recorded.</summary>
public sealed record TaskAccepted(Guid TaskId, string Status, string StatusUrl, string EventsUrl, string ResultUrl);

/// <param name="Status"><c>queued | running | completed | failed | cancelled</c>.</param>
/// <param name="Stage"><c>analyse | design | validate | write | done</c>.</param>
/// <param name="Progress">0-100.</param>
/// <param name="Attempt">How often the present stage was begun.</param>
public sealed record TaskStatusResponse(
    Guid TaskId, string Status, string Stage, int Progress, int Attempt, string? ErrorCode, string? ErrorMessage, string? UserId,
    string UserQuery, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset UpdatedAt, DateTimeOffset? EndedAt);

/// <param name="NextCursor">What to send as <c>?cursor=</c> for older ones; null at the end.</param>
public sealed record TaskList(IReadOnlyList<TaskStatusResponse> Tasks, Guid? NextCursor);

/// <summary>Roadmaps as a client sees them. Each is a task of the job engine; it is known by its <c>task_id</c> alone.</summary>
public static class RoadmapEndpoints
{
    private const int MaxPage = 100;

    public static void MapRoadmaps(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/roadmaps").WithTags("roadmaps").RequireScope(Scopes.Roadmaps);
        group.MapPost("generate", GenerateAsync);
        group.MapGet("", ListAsync);
        group.MapGet("{taskId:guid}/status", StatusAsync);
        group.MapGet("{taskId:guid}/events", EventsAsync);
        group.MapGet("{taskId:guid}/result", ResultAsync);
        group.MapGet("{taskId:guid}/logs", LogsAsync);
        group.MapPost("{taskId:guid}/cancel", CancelAsync);
        group.MapPost("{taskId:guid}/retry", RetryAsync);
    }

    /// <summary>Records the task, then answers. The same <c>Idempotency-Key</c> with the same request is the same task.</summary>
    private static async Task<Accepted<TaskAccepted>> GenerateAsync(
        GenerateRequest request, Caller caller, HttpRequest http, JobStore jobs, Grounder grounder, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var order = RoadmapValidation.Check(request, DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime));
        var (key, asked) = (IdempotencyKeys.Of(http), JobJson.Write(order with { Today = default }));
        // A repeated request is answered without looking anything up: its tutor may be gone meanwhile.
        if (order is not { TutorId: null, KbId: null } && !await jobs.IsKnownAsync(caller, RoadmapKind.KindName, key, cancellationToken))
            order = order with { KbId = await grounder.ResolveAsync(caller, order.TutorId, order.KbId, cancellationToken) };
        var (taskId, _) = await jobs.AddAsync(
            new(RoadmapKind.KindName, caller.Tenant, caller.Owner, JobJson.Write(order), IdempotencyKey: key, Asked: asked), cancellationToken);
        var url = $"/api/v1/roadmaps/{taskId}";
        return TypedResults.Accepted($"{url}/status", new TaskAccepted(taskId, JobStatus.Queued, $"{url}/status", $"{url}/events", $"{url}/result"));
    }

    private static async Task<Ok<TaskStatusResponse>> StatusAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken) =>
        TypedResults.Ok(Describe(await FindAsync(taskId, caller, jobs, cancellationToken)));

    private static async Task<Ok<TaskList>> ListAsync(
        Caller caller, JobStore jobs, CancellationToken cancellationToken, Guid? cursor = null, string? status = null, int limit = 20)
    {
        var faults = new Faults();
        faults.AddIf(limit is < 1 or > MaxPage, "limit", $"limit must be from 1 to {MaxPage}.");
        faults.AddIf(status is not (null or JobStatus.Queued or JobStatus.Running or JobStatus.Completed or JobStatus.Failed or JobStatus.Cancelled),
            "status", "status must be queued, running, completed, failed or cancelled.");
        faults.ThrowIfAny();
        var tasks = await jobs.ListAsync(caller, RoadmapKind.KindName, cursor, status, limit, cancellationToken);
        return TypedResults.Ok(new TaskList([.. tasks.Select(Describe)], tasks.Count == limit ? tasks[^1].TaskId : null));
    }

    /// <summary>
    /// Everything that happened to the task, from <c>Last-Event-ID</c> (or <c>?after=</c>) on, and what happens until it ends. Who has
    /// seen the end is told 204, which makes an <c>EventSource</c> stop.
    /// </summary>
    private static async Task<Results<ServerSentEventsResult<object>, NoContent>> EventsAsync(
        Guid taskId, Caller caller, HttpContext http, JobStore jobs, JobEvents events)
    {
        var task = await FindAsync(taskId, caller, jobs, http.RequestAborted);
        if (JobRequests.EventsAfter(http.Request, task) is not { } after)
            return TypedResults.NoContent();
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(events.FollowAsync(taskId, after, http.RequestAborted));
    }

    private static async Task<Results<ContentHttpResult, ProblemHttpResult>> ResultAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        var task = await FindAsync(taskId, caller, jobs, cancellationToken);
        return task.Status == JobStatus.Completed && await jobs.ResultAsync(taskId, cancellationToken) is { } roadmap
            ? TypedResults.Content(roadmap, "application/json; charset=utf-8")
            : Problems.Create(StatusCodes.Status409Conflict, ErrorCodes.TaskNotCompleted,
                $"The task is {task.Status}; there is a result when it is completed.", [new("task_id", taskId), new("status", task.Status)]);
    }

    private static async Task<Ok<TaskLogs>> LogsAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        await FindAsync(taskId, caller, jobs, cancellationToken);
        return TypedResults.Ok(new TaskLogs(taskId, await jobs.LogsAsync(taskId, cancellationToken)));
    }

    /// <summary>200 with the end of a task that waited or had ended; 202 for one that is being worked on: it ends within seconds.</summary>
    private static async Task<Results<Ok<TaskStatusResponse>, Accepted<TaskStatusResponse>>> CancelAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        var task = await jobs.CancelAsync(caller, RoadmapKind.KindName, taskId, cancellationToken)
            ?? await FindAsync(taskId, caller, jobs, cancellationToken);
        return task.Status == JobStatus.Running ? TypedResults.Accepted((string?)null, Describe(task)) : TypedResults.Ok(Describe(task));
    }

    private static async Task<Results<Accepted<TaskStatusResponse>, ProblemHttpResult>> RetryAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        if (await jobs.RetryAsync(caller, RoadmapKind.KindName, taskId, cancellationToken) is { } again)
            return TypedResults.Accepted((string?)null, Describe(again));
        var task = await FindAsync(taskId, caller, jobs, cancellationToken);
        return Problems.Conflict(ErrorCodes.TaskNotRetriable, $"The task is {task.Status}; a failed or cancelled one can be tried again.");
    }

    private static async Task<JobView> FindAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken) =>
        await jobs.FindAsync(caller, RoadmapKind.KindName, taskId, cancellationToken)
        ?? throw new ProblemException(404, ErrorCodes.TaskNotFound, $"There is no roadmap task {taskId} of yours.");

    private static TaskStatusResponse Describe(JobView task)
    {
        var order = JobJson.Read<RoadmapOrder>(task.Input);
        return new(task.TaskId, task.Status, task.Stage, task.Progress, task.Attempt, task.ErrorCode, task.ErrorMessage, order.UserId,
            order.Query, task.CreatedAt, task.StartedAt, task.UpdatedAt, task.EndedAt);
    }
}

/// <summary>Each run of each stage, in the order of their starts.</summary>
public sealed record TaskLogs(Guid TaskId, IReadOnlyList<JobLog> ExecutionLogs);
