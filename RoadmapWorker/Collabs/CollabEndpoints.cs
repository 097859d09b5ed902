using System.Text.Json;
using Lyceum.Durability.Work;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.RoadmapWorker.Collabs;

/// <summary>Where a collaboration stands, to its caller: whether it waits for a worker or has one makes no difference.</summary>
public static class CollabStatus
{
    public const string InProgress = "in_progress";

    public static string Of(string jobStatus) => JobStatus.IsTerminal(jobStatus) ? jobStatus : InProgress;
}

/// <param name="Status"><c>in_progress | completed | failed | cancelled</c>.</param>
/// <param name="Stage"><c>turn_1</c>, <c>turn_2</c>, …, <c>conclude</c>, <c>done</c>.</param>
/// <param name="Progress">0-100.</param>
/// <param name="Attempt">How often the present stage was begun.</param>
/// <param name="Result">Of a completed one.</param>
public sealed record CollabResponse(
    Guid TaskId, string Status, string Stage, int Progress, int Attempt, CollabContext Context, CollabResult? Result, string? ErrorCode,
    string? ErrorMessage, string StatusUrl, string EventsUrl, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset UpdatedAt,
    DateTimeOffset? EndedAt);

/// <param name="NextCursor">What to send as <c>?cursor=</c> for older ones; null at the end.</param>
public sealed record CollabList(IReadOnlyList<CollabResponse> Collabs, Guid? NextCursor);

/// <summary>Each run of each stage, in the order of their starts.</summary>
public sealed record CollabLogs(Guid TaskId, IReadOnlyList<JobLog> ExecutionLogs);

/// <summary>Collaborations as a client sees them; each is a task of the job engine.</summary>
public static class CollabEndpoints
{
    private const string Prefix = "/api/collab";
    private const int MaxPage = 100;

    public static void MapCollabs(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Prefix).WithTags("collab").RequireScope(Scopes.Collab);
        group.MapPost("execute", ExecuteAsync);
        group.MapGet("", ListAsync);
        group.MapGet("{taskId:guid}", GetAsync);
        group.MapGet("{taskId:guid}/events", EventsAsync);
        group.MapGet("{taskId:guid}/logs", LogsAsync);
        group.MapPost("{taskId:guid}/cancel", CancelAsync);
        group.MapPost("{taskId:guid}/retry", RetryAsync);
    }

    /// <summary>
    /// Records the task, then answers 202 with its context. The same <c>Idempotency-Key</c> with the same request is the same task: 200,
    /// with where it stands now.
    /// </summary>
    private static async Task<Results<Accepted<CollabResponse>, Ok<CollabResponse>>> ExecuteAsync(
        ExecuteRequest request, Caller caller, HttpRequest http, JobStore jobs, Grounder grounder, CancellationToken cancellationToken)
    {
        var order = CollabValidation.Check(request);
        var (key, asked) = (IdempotencyKeys.Of(http), JobJson.Write(order));
        // A repeated request is answered without looking anything up: its tutor may be gone meanwhile.
        if (order is not { TutorId: null, KbId: null } && !await jobs.IsKnownAsync(caller, CollabKind.KindName, key, cancellationToken))
            order = order with { KbId = await grounder.ResolveAsync(caller, order.TutorId, order.KbId, cancellationToken) };
        var (taskId, added) = await jobs.AddAsync(
            new(CollabKind.KindName, caller.Tenant, caller.Owner, JobJson.Write(order), IdempotencyKey: key, Asked: asked), cancellationToken);
        var task = await FindAsync(taskId, caller, jobs, cancellationToken);
        if (!added)
            return TypedResults.Ok(await ReadAsync(task, jobs, cancellationToken));
        // As it was recorded: a worker may have begun in this moment, or be done.
        var recorded = task with
        {
            Status = JobStatus.Queued, Stage = CollabKind.TurnStage(1), Progress = 0, Attempt = 0, ErrorCode = null, ErrorMessage = null,
            StartedAt = null, UpdatedAt = task.CreatedAt, EndedAt = null,
        };
        var response = Describe(recorded, [], null);
        return TypedResults.Accepted(response.StatusUrl, response);
    }

    private static async Task<Ok<CollabResponse>> GetAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken) =>
        TypedResults.Ok(await ReadAsync(await FindAsync(taskId, caller, jobs, cancellationToken), jobs, cancellationToken));

    private static async Task<Ok<CollabList>> ListAsync(
        Caller caller, JobStore jobs, CancellationToken cancellationToken, Guid? cursor = null, int limit = 20)
    {
        var faults = new Faults();
        faults.AddIf(limit is < 1 or > MaxPage, "limit", $"limit must be from 1 to {MaxPage}.");
        faults.ThrowIfAny();
        var tasks = await jobs.ListAsync(caller, CollabKind.KindName, cursor, null, limit, cancellationToken);
        return TypedResults.Ok(new CollabList([.. tasks.Select(task => Describe(task, null, null))], tasks.Count == limit ? tasks[^1].TaskId : null));
    }

    /// <summary>
    /// Everything that happened, from <c>Last-Event-ID</c> (or <c>?after=</c>) on, and what happens until the end. Who has seen the end is
    /// told 204, which makes an <c>EventSource</c> stop.
    /// </summary>
    private static async Task<Results<ServerSentEventsResult<object>, NoContent>> EventsAsync(
        Guid taskId, Caller caller, HttpContext http, JobStore jobs, CollabEvents events)
    {
        var task = await FindAsync(taskId, caller, jobs, http.RequestAborted);
        if (JobRequests.EventsAfter(http.Request, task) is not { } after)
            return TypedResults.NoContent();
        http.Response.Headers["X-Accel-Buffering"] = "no";
        return TypedResults.ServerSentEvents(events.FollowAsync(taskId, after, http.RequestAborted));
    }

    private static async Task<Ok<CollabLogs>> LogsAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        await FindAsync(taskId, caller, jobs, cancellationToken);
        return TypedResults.Ok(new CollabLogs(taskId, await jobs.LogsAsync(taskId, cancellationToken)));
    }

    /// <summary>200 with the end of a task that waited or had ended; 202 for one that is being worked on: it ends within seconds.</summary>
    private static async Task<Results<Ok<CollabResponse>, Accepted<CollabResponse>>> CancelAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        var task = await jobs.CancelAsync(caller, CollabKind.KindName, taskId, cancellationToken)
            ?? await FindAsync(taskId, caller, jobs, cancellationToken);
        var response = await ReadAsync(task, jobs, cancellationToken);
        return task.Status == JobStatus.Running ? TypedResults.Accepted(response.StatusUrl, response) : TypedResults.Ok(response);
    }

    private static async Task<Results<Accepted<CollabResponse>, ProblemHttpResult>> RetryAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
    {
        if (await jobs.RetryAsync(caller, CollabKind.KindName, taskId, cancellationToken) is { } again)
        {
            var response = await ReadAsync(again, jobs, cancellationToken);
            return TypedResults.Accepted(response.StatusUrl, response);
        }
        var task = await FindAsync(taskId, caller, jobs, cancellationToken);
        return Problems.Conflict(ErrorCodes.TaskNotRetriable,
            $"The collaboration is {CollabStatus.Of(task.Status)}; a failed or cancelled one can be tried again.");
    }

    private static async Task<JobView> FindAsync(Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken) =>
        await jobs.FindAsync(caller, CollabKind.KindName, taskId, cancellationToken)
        ?? throw new ProblemException(404, ErrorCodes.TaskNotFound, $"There is no collaboration {taskId} of yours.");

    /// <summary>With what was said. The task was read before: what has been added since is there already, and harmless.</summary>
    private static async Task<CollabResponse> ReadAsync(JobView task, JobStore jobs, CancellationToken cancellationToken)
    {
        var turns = new List<CollabTurn>();
        CollabResult? result = null;
        foreach (var (stage, body) in await jobs.StagesAsync(task.TaskId, null, cancellationToken))
        {
            if (CollabKind.TurnOf(stage) is not null)
                turns.Add(JobJson.Read<CollabTurn>(body));
            else if (task.Status == JobStatus.Completed)
                result = JobJson.Read<CollabResult>(body);
        }
        return Describe(task, turns, result);
    }

    private static CollabResponse Describe(JobView task, IReadOnlyList<CollabTurn>? turns, CollabResult? result)
    {
        var order = JobJson.Read<CollabOrder>(task.Input);
        var next = CollabKind.TurnOf(task.Stage) is { } turn ? new NextTurn(turn, order.RoundOf(turn), order.RoleOf(turn).Name) : null;
        JsonElement? given = order.Given is { } json ? JsonElement.Parse(json) : null;
        return new(
            task.TaskId, CollabStatus.Of(task.Status), task.Stage, task.Progress, task.Attempt,
            new(order.Task, order.Roles, order.Rounds, order.MaxTokens, given, turns, next, order.TutorId, order.KbId), result, task.ErrorCode, task.ErrorMessage,
            $"{Prefix}/{task.TaskId}", $"{Prefix}/{task.TaskId}/events", task.CreatedAt, task.StartedAt, task.UpdatedAt, task.EndedAt);
    }
}
