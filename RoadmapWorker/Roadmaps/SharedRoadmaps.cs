using System.Collections.Concurrent;
using Lyceum.Jobs;
using Lyceum.Knowledge;
using Lyceum.RoadmapWorker.Planning;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.RoadmapWorker.Roadmaps;

/// <param name="Tenant">Also the caller's.</param>
/// <param name="Owner">Whose roadmap it is: the caller, or who shared it with the caller's class.</param>
internal sealed record ReadableRoadmap(JobView Task, string Tenant, string Owner);

/// <summary>Roadmaps as their readers find them: one's own, and those that are shared with a class one is in.</summary>
internal sealed partial class SharedRoadmaps(JobStore jobs, PeopleClient people, ILogger<SharedRoadmaps> logger)
{
    /// <summary>How long SessionApi is waited for to say what is shared.</summary>
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(3);

    /// <summary>Roadmaps that are kept in memory, as they never change; when there are more, all are forgotten.</summary>
    private const int MostKept = 64;

    private readonly ConcurrentDictionary<Guid, Roadmap> _kept = new();

    /// <exception cref="ProblemException">
    /// 404 <c>task_not_found</c>; 503 <c>service_unavailable</c> where it is not the caller's own, and SessionApi does not say what is shared.
    /// </exception>
    public async Task<ReadableRoadmap> FindAsync(Caller caller, Guid taskId, CancellationToken cancellationToken)
    {
        if (await jobs.FindAsync(caller, RoadmapKind.KindName, taskId, cancellationToken) is { } own)
            return new(own, caller.Tenant, caller.Person);
        foreach (var shared in await SharedWithAsync(caller, SharedKind.Roadmap, cancellationToken))
        {
            if (Guid.TryParse(shared.Id, out var id) && id == taskId
                && await OfOwnerAsync(caller.Tenant, shared.Owner, taskId, cancellationToken) is { } found)
                return found;
        }
        throw new ProblemException(404, ErrorCodes.TaskNotFound, $"There is no roadmap task {taskId} of yours.");
    }

    /// <summary>A roadmap of its owner; null where there is none: a share of it may outlive it.</summary>
    public async Task<ReadableRoadmap?> OfOwnerAsync(string tenant, string owner, Guid taskId, CancellationToken cancellationToken) =>
        await jobs.FindAsync(Of(tenant, owner), RoadmapKind.KindName, taskId, cancellationToken) is { } task
            ? new(task, tenant, owner)
            : null;

    /// <exception cref="ProblemException">409 <c>task_not_completed</c>.</exception>
    public async Task<Roadmap> ReadAsync(ReadableRoadmap found, CancellationToken cancellationToken)
    {
        var taskId = found.Task.TaskId;
        if (_kept.TryGetValue(taskId, out var kept))
            return kept;
        if (found.Task.Status != JobStatus.Completed || await jobs.ResultAsync(taskId, cancellationToken) is not { } result)
        {
            throw new ProblemException(
                409, ErrorCodes.TaskNotCompleted, $"The task is {found.Task.Status}; there is a roadmap when it is completed.");
        }
        if (_kept.Count >= MostKept)
            _kept.Clear();
        return _kept[taskId] = JobJson.Read<Roadmap>(result);
    }

    /// <summary>What is shared with the classes of a student; whoever is no student is in none.</summary>
    /// <exception cref="ProblemException">503 <c>service_unavailable</c>.</exception>
    public async Task<IReadOnlyList<Shared>> SharedWithAsync(Caller caller, SharedKind kind, CancellationToken cancellationToken)
    {
        if (caller.Role is not Role.Student)
            return [];
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Within);
        try
        {
            return await people.SharedWithAsync(caller.Tenant, caller.Person, kind, bound.Token);
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            LogAway(logger, e.Message);
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "What is shared with you cannot be looked up at the moment. Try again shortly.", TimeSpan.FromSeconds(2));
        }
    }

    private static Caller Of(string tenant, string owner) => new(tenant, owner, CallerKind.Service, new HashSet<string>());

    [LoggerMessage(Level = LogLevel.Warning, Message = "Shares not looked up: {Reason}")]
    private static partial void LogAway(ILogger logger, string reason);
}
