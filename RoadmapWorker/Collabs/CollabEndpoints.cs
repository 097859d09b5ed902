using System.Net.ServerSentEvents;
using System.Text.Json;
using Lyceum.Durability.Work;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
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

/// <summary>Collaborations as a client sees them; each is a task of the job engine.</summary>
public static class CollabEndpoints
{
    private static readonly CollabApi Api = new();

    public static void MapCollabs(this IEndpointRouteBuilder routes) => routes.MapJobs(Api)
        .MapPost("execute", ExecuteAsync)
        .Fails(404, ErrorCodes.TutorNotFound, ErrorCodes.KnowledgeBaseNotFound)
        .Fails(422, ErrorCodes.IdempotencyKeyReused);

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
            new(CollabKind.KindName, caller.Tenant, caller.Person, JobJson.Write(order), IdempotencyKey: key, Asked: asked), cancellationToken);
        var task = await Api.FindAsync(taskId, caller, jobs, cancellationToken);
        if (!added)
            return TypedResults.Ok(await Api.DescribeAsync(task, jobs, cancellationToken));
        // As it was recorded: a worker may have begun in this moment, or be done.
        var recorded = task with
        {
            Status = JobStatus.Queued, Stage = CollabKind.TurnStage(1), Progress = 0, Attempt = 0, ErrorCode = null, ErrorMessage = null,
            StartedAt = null, UpdatedAt = task.CreatedAt, EndedAt = null,
        };
        var response = CollabApi.Describe(recorded, [], null);
        return TypedResults.Accepted(response.StatusUrl, response);
    }
}

internal sealed class CollabApi : JobApi<CollabResponse, CollabList>
{
    private const string Root = "/api/collab";

    public override string Kind => CollabKind.KindName;
    public override string Prefix => Root;
    public override string Scope => Scopes.Collab;
    public override string Noun => "collaboration";
    public override string ShortNoun => "collaboration";
    public override string Tag => "collab";
    public override string StatusRoute => "{taskId:guid}";
    public override Type? ResultType => null; // it is in the status
    public override Type EventType => typeof(CollabStreamEvent);
    public override bool FiltersByStatus => false;

    public override string Location(Guid taskId) => $"{Root}/{taskId}";

    public override string StatusOf(string jobStatus) => CollabStatus.Of(jobStatus);

    public override CollabResponse Summarize(JobView task) => Describe(task, null, null);

    public override CollabList Page(IReadOnlyList<CollabResponse> tasks, Guid? nextCursor) => new(tasks, nextCursor);

    public override IAsyncEnumerable<SseItem<object>> FollowAsync(HttpContext http, Guid taskId, int after) =>
        http.RequestServices.GetRequiredService<CollabEvents>().FollowAsync(taskId, after, http.RequestAborted);

    /// <summary>With the turns. The task was read before them: turns that were added since are shown too, which is harmless.</summary>
    public override async ValueTask<CollabResponse> DescribeAsync(JobView task, JobStore jobs, CancellationToken cancellationToken)
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

    public static CollabResponse Describe(JobView task, IReadOnlyList<CollabTurn>? turns, CollabResult? result)
    {
        var order = JobJson.Read<CollabOrder>(task.Input);
        var next = CollabKind.TurnOf(task.Stage) is { } turn ? new NextTurn(turn, order.RoundOf(turn), order.RoleOf(turn).Name) : null;
        JsonElement? given = order.Given is { } json ? JsonElement.Parse(json) : null;
        return new(
            task.TaskId, CollabStatus.Of(task.Status), task.Stage, task.Progress, task.Attempt,
            new(order.Task, order.Roles, order.Rounds, order.MaxTokens, given, turns, next, order.TutorId, order.KbId), result, task.ErrorCode, task.ErrorMessage,
            $"{Root}/{task.TaskId}", $"{Root}/{task.TaskId}/events", task.CreatedAt, task.StartedAt, task.UpdatedAt, task.EndedAt);
    }
}
