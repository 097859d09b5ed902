using System.Net.ServerSentEvents;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Jobs;

/// <summary>How one kind of job is shown to clients. Stateless: one instance serves all requests.</summary>
/// <typeparam name="TView">A task.</typeparam>
/// <typeparam name="TPage">A page of tasks.</typeparam>
public abstract class JobApi<TView, TPage>
{
    /// <summary>The <see cref="IJobKind.Name"/>.</summary>
    public abstract string Kind { get; }

    /// <summary>Of the kind's routes, such as <c>/api/v1/roadmaps</c>.</summary>
    public abstract string Prefix { get; }

    /// <summary>One of <see cref="Scopes"/>.</summary>
    public abstract string Scope { get; }

    /// <summary>What a task of this kind is called in problem documents.</summary>
    public abstract string Noun { get; }

    /// <summary>As <see cref="Noun"/>, where it is clear which kind is meant.</summary>
    public virtual string ShortNoun => "task";

    /// <summary>Groups the routes in the API's description.</summary>
    public abstract string Tag { get; }

    public virtual string StatusRoute => "{taskId:guid}/status";

    /// <summary>What the last stage stores and the route of the result answers; null: there is no such route.</summary>
    public abstract Type? ResultType { get; }

    /// <summary>One server-sent event of a task, for the API's description.</summary>
    public abstract Type EventType { get; }

    /// <summary>Whether the list takes <c>?status=</c>.</summary>
    public virtual bool FiltersByStatus => true;

    /// <summary>The header <c>Location</c> of a 202; null: none.</summary>
    public virtual string? Location(Guid taskId) => null;

    /// <summary>A <see cref="JobStatus"/> as clients see it.</summary>
    public virtual string StatusOf(string jobStatus) => jobStatus;

    /// <summary>One task with all that is shown of it.</summary>
    public abstract ValueTask<TView> DescribeAsync(JobView task, JobStore jobs, CancellationToken cancellationToken);

    /// <summary>One task of a list.</summary>
    public abstract TView Summarize(JobView task);

    public abstract TPage Page(IReadOnlyList<TView> tasks, Guid? nextCursor);

    /// <summary>Events after <paramref name="after"/>, as <see cref="JobEvents.FollowAsync"/>.</summary>
    public virtual IAsyncEnumerable<SseItem<object>> FollowAsync(HttpContext http, Guid taskId, int after) =>
        http.RequestServices.GetRequiredService<JobEvents>().FollowAsync(taskId, after, http.RequestAborted);

    /// <summary>The task whose status or result is asked for: the caller's own, or one that they may read.</summary>
    /// <exception cref="ProblemException">404 <c>task_not_found</c>.</exception>
    public virtual Task<JobView> FindToReadAsync(HttpContext http, Guid taskId, Caller caller, JobStore jobs) =>
        FindAsync(taskId, caller, jobs, http.RequestAborted);

    /// <summary>A result as this caller is shown it; JSON.</summary>
    public virtual string ShowResult(Caller caller, string result) => result;

    /// <exception cref="ProblemException">404 <c>task_not_found</c>: the caller has no such task of this
    /// kind.</exception>
    public async Task<JobView> FindAsync(
        Guid taskId, Caller caller, JobStore jobs, CancellationToken cancellationToken) =>
        await jobs.FindAsync(caller, Kind, taskId, cancellationToken)
        ?? throw new ProblemException(404, ErrorCodes.TaskNotFound, $"There is no {Noun} {taskId} of yours.");
}
