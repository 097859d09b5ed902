using System.Text.Json.Nodes;
using Lyceum.Durability.Work;
using Lyceum.Jobs;
using Lyceum.RoadmapWorker.Knowledge;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
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
    public static void MapRoadmaps(this IEndpointRouteBuilder routes) => routes.MapJobs(new RoadmapApi())
        .MapPost("generate", GenerateAsync)
        .Fails(404, ErrorCodes.TutorNotFound, ErrorCodes.KnowledgeBaseNotFound)
        .Fails(422, ErrorCodes.IdempotencyKeyReused);

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
            new(RoadmapKind.KindName, caller.Tenant, caller.Person, JobJson.Write(order), IdempotencyKey: key, Asked: asked), cancellationToken);
        var url = $"/api/v1/roadmaps/{taskId}";
        return TypedResults.Accepted($"{url}/status", new TaskAccepted(taskId, JobStatus.Queued, $"{url}/status", $"{url}/events", $"{url}/result"));
    }
}

internal sealed class RoadmapApi : JobApi<TaskStatusResponse, TaskList>
{
    public override string Kind => RoadmapKind.KindName;
    public override string Prefix => "/api/v1/roadmaps";
    public override string Scope => Scopes.Roadmaps;
    public override string Noun => "roadmap task";
    public override string Tag => "roadmaps";
    public override Type ResultType => typeof(Roadmap);
    public override Type EventType => typeof(RoadmapEvent);

    public override ValueTask<TaskStatusResponse> DescribeAsync(JobView task, JobStore jobs, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Summarize(task));

    public override async Task<JobView> FindToReadAsync(HttpContext http, Guid taskId, Caller caller, JobStore jobs) =>
        (await http.RequestServices.GetRequiredService<SharedRoadmaps>().FindAsync(caller, taskId, http.RequestAborted)).Task;

    /// <summary>Students answer the quizzes; they are graded by <c>POST /api/practice/items/{id}/attempts</c>.</summary>
    public override string ShowResult(Caller caller, string result)
    {
        if (caller.Role is not Role.Student)
            return result;
        var roadmap = JsonNode.Parse(result)!;
        foreach (var question in roadmap["modules"]!.AsArray().SelectMany(module => module!["concepts"]!.AsArray())
            .SelectMany(concept => concept!["quiz"]!.AsArray()).OfType<JsonObject>())
        {
            question.Remove("answer");
            question.Remove("explanation");
        }
        return roadmap.ToJsonString(JobJson.Options);
    }

    public override TaskStatusResponse Summarize(JobView task)
    {
        var order = JobJson.Read<RoadmapOrder>(task.Input);
        return new(task.TaskId, task.Status, task.Stage, task.Progress, task.Attempt, task.ErrorCode, task.ErrorMessage, order.UserId,
            order.Query, task.CreatedAt, task.StartedAt, task.UpdatedAt, task.EndedAt);
    }

    public override TaskList Page(IReadOnlyList<TaskStatusResponse> tasks, Guid? nextCursor) => new(tasks, nextCursor);
}
