using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.ServiceDefaults.OpenApi;
using Lyceum.ServiceDefaults.Shares;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lyceum.Jobs;

/// <summary>The log of a task: each run of each stage, in the order of their starts.</summary>
public sealed record TaskLogs(Guid TaskId, IReadOnlyList<JobLog> ExecutionLogs);

/// <summary>The routes that all kinds of job have; a kind adds the one that starts a task.</summary>
public static class JobEndpoints
{
    /// <summary>The routes of all kinds that were added.</summary>
    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        foreach (var map in routes.ServiceProvider.GetRequiredService<JobRoutes>())
            map(routes);
    }

    /// <summary>List, status, events, result, logs, cancel and retry of one kind.</summary>
    /// <returns>The group, for the route that starts a task.</returns>
    public static RouteGroupBuilder MapJobs<TView, TPage>(this IEndpointRouteBuilder routes, JobApi<TView, TPage> api)
    {
        var group = routes.MapGroup(api.Prefix).WithTags(api.Tag).RequireScope(api.Scope);
        var handlers = new Handlers<TView, TPage>(api);
        var list = api.FiltersByStatus
            ? group.MapGet("", handlers.ListAsync)
            : group.MapGet("", handlers.ListAllAsync);
        list.WithSummary($"The caller's {api.Noun}s, newest first, limit (1-100) a page.");
        var one = group.MapGroup("").Fails(404, ErrorCodes.TaskNotFound);
        one.MapGet(api.StatusRoute, handlers.StatusAsync).WithSummary($"One {api.Noun}: its status.");
        one.MapGet("{taskId:guid}/events", handlers.EventsAsync).Streams(api.EventType)
            .WithSummary("The task's events from Last-Event-ID (or ?after=) on, past ones and those until it ends.")
            .WithDescription("204 for a reader that has the last event, which makes an EventSource stop.")
            .Fails(400, ErrorCodes.InvalidCursor);
        if (api.ResultType is { } result)
        {
            one.MapGet("{taskId:guid}/result", handlers.ResultAsync).Produces(StatusCodes.Status200OK, result)
                .WithSummary("The result of a completed task.").Fails(409, ErrorCodes.TaskNotCompleted);
        }
        one.MapGet("{taskId:guid}/logs", handlers.LogsAsync)
            .WithSummary("Each run of each stage: which worker ran it, how long it took, which requests it made.");
        one.MapPost("{taskId:guid}/cancel", handlers.CancelAsync).WithSummary("Cancels a task.")
            .WithDescription("200: a queued or ended task, as it ended. 202: a running task; it ends within seconds.");
        one.MapPost("{taskId:guid}/retry", handlers.RetryAsync)
            .WithSummary("Runs a failed or cancelled task again, from the stage that it had reached.")
            .Fails(409, ErrorCodes.TaskNotRetriable);
        return group;
    }

    private sealed class Handlers<TView, TPage>(JobApi<TView, TPage> api)
    {
        private const int MaxPage = 100;

        public Task<Ok<TPage>> ListAllAsync(
            Caller caller, JobStore jobs, CancellationToken cancellationToken, Guid? cursor = null, int limit = 20) =>
            ListAsync(caller, jobs, cancellationToken, cursor, null, limit);

        public async Task<Ok<TPage>> ListAsync(
            Caller caller, JobStore jobs, CancellationToken cancellationToken, Guid? cursor = null,
            string? status = null, int limit = 20)
        {
            var faults = new ValidationErrors();
            faults.AddIf(limit is < 1 or > MaxPage, "limit", $"limit must be from 1 to {MaxPage}.");
            faults.AddIf(status is not null && !JobStatus.IsKnown(status), "status",
                "status must be queued, running, completed, failed or cancelled.");
            faults.ThrowIfAny();
            var tasks = await jobs.ListAsync(caller, api.Kind, cursor, status, limit, cancellationToken);
            Guid? next = tasks.Count == limit ? tasks[^1].TaskId : null;
            return TypedResults.Ok(api.Page([.. tasks.Select(api.Summarize)], next));
        }

        public async Task<Ok<TView>> StatusAsync(
            Guid taskId, Caller caller, HttpContext http, JobStore jobs, CancellationToken cancellationToken)
        {
            var task = await api.FindToReadAsync(http, taskId, caller, jobs);
            return TypedResults.Ok(await api.DescribeAsync(task, jobs, cancellationToken));
        }

        /// <summary>
        /// Everything that happened to the task, from <c>Last-Event-ID</c> (or <c>?after=</c>) on, and what happens
        /// until it ends.
        /// A reader that has the last event gets 204, which makes an <c>EventSource</c> stop.
        /// </summary>
        public async Task<Results<ServerSentEventsResult<object>, NoContent>> EventsAsync(
            Guid taskId, Caller caller, HttpContext http, JobStore jobs)
        {
            var task = await api.FindAsync(taskId, caller, jobs, http.RequestAborted);
            if (JobRequests.EventsAfter(http.Request, task) is not { } after)
                return TypedResults.NoContent();
            var events = http.RequestServices.GetRequiredService<JobEvents>();
            http.Response.RegisterForDispose(events.Admit(Sharer.Of(caller)));
            http.Response.Headers["X-Accel-Buffering"] = "no";
            return TypedResults.ServerSentEvents(api.FollowAsync(http, taskId, after));
        }

        public async Task<Results<ContentHttpResult, ProblemHttpResult>> ResultAsync(
            Guid taskId, Caller caller, HttpContext http, JobStore jobs, CancellationToken cancellationToken)
        {
            var task = await api.FindToReadAsync(http, taskId, caller, jobs);
            return task.Status == JobStatus.Completed && await jobs.ResultAsync(taskId, cancellationToken) is { } result
                ? TypedResults.Content(api.ShowResult(caller, result), "application/json; charset=utf-8")
                : Problems.Create(StatusCodes.Status409Conflict, ErrorCodes.TaskNotCompleted,
                    $"The {api.ShortNoun} is {api.StatusOf(task.Status)}; there is a result when it is completed.",
                    [new("task_id", taskId), new("task_status", task.Status)]);
        }

        public async Task<Ok<TaskLogs>> LogsAsync(
            Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
        {
            await api.FindAsync(taskId, caller, jobs, cancellationToken);
            return TypedResults.Ok(new TaskLogs(taskId, await jobs.LogsAsync(taskId, cancellationToken)));
        }

        /// <summary>200 with the end of a task that was queued or had ended; 202 for a running one: it ends within
        /// seconds.</summary>
        public async Task<Results<Ok<TView>, Accepted<TView>>> CancelAsync(
            Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
        {
            var task = await jobs.CancelAsync(caller, api.Kind, taskId, cancellationToken)
                ?? await api.FindAsync(taskId, caller, jobs, cancellationToken);
            var view = await api.DescribeAsync(task, jobs, cancellationToken);
            return task.Status == JobStatus.Running
                ? TypedResults.Accepted(api.Location(taskId), view)
                : TypedResults.Ok(view);
        }

        public async Task<Results<Accepted<TView>, ProblemHttpResult>> RetryAsync(
            Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken)
        {
            if (await jobs.RetryAsync(caller, api.Kind, taskId, cancellationToken) is { } again)
            {
                var view = await api.DescribeAsync(again, jobs, cancellationToken);
                return TypedResults.Accepted(api.Location(taskId), view);
            }
            var task = await api.FindAsync(taskId, caller, jobs, cancellationToken);
            return Problems.Conflict(ErrorCodes.TaskNotRetriable,
                $"The {api.ShortNoun} is {api.StatusOf(task.Status)}; a failed or cancelled one can be tried again.");
        }
    }
}
