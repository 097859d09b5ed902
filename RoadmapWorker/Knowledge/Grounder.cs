using Lyceum.Jobs;
using Lyceum.ServiceDefaults.Auth;
using Lyceum.ServiceDefaults.Errors;
using Lyceum.Knowledge;
using Microsoft.Extensions.Options;
using Microsoft.SemanticKernel;

namespace Lyceum.RoadmapWorker.Knowledge;

/// <summary>How roadmaps and collaborations are grounded, section <c>Grounding</c>.</summary>
public sealed class GroundingOptions
{
    /// <summary>Passages of one search; at most 50.</summary>
    public int Passages { get; set; } = 6;

    /// <summary>
    /// How long a search takes at most. Reached: a request that names a tutor is rejected (503); a stage is retried later, and at its
    /// last attempt goes on without passages, and says so.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(3);
}

/// <summary>Finds what a task is to rest on: whether it is there when the task is asked for, and its passages when a stage needs them.</summary>
public sealed partial class Grounder(
    KnowledgeClient knowledge, IOptions<GroundingOptions> options, ILogger<Grounder> logger)
{
    /// <summary>
    /// The knowledge base that a request means. A knowledge base that cannot be looked up at the moment is assumed to exist: the task is
    /// recorded, and searches when it is done.
    /// </summary>
    /// <param name="kbId">Goes before the tutor's own.</param>
    /// <returns>Null where none is named and the tutor has none.</returns>
    /// <exception cref="ProblemException">
    /// 404 <c>tutor_not_found</c>, <c>knowledge_base_not_found</c> (also another tenant's); 503 where the tutor cannot be looked up.
    /// </exception>
    public async Task<string?> ResolveAsync(Caller caller, int? tutorId, string? kbId, CancellationToken cancellationToken)
    {
        if (tutorId is null && kbId is null)
            return null;
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(options.Value.Timeout);
        var tutor = tutorId is { } id ? await ReadTutorAsync(caller, id, bound.Token, cancellationToken) : null;
        if (kbId is null)
            return tutor?.KbId;
        try
        {
            // What is found is of no interest, only whether it can be searched.
            if (await knowledge.SearchAsync(caller.Tenant, caller.Person, kbId, "?", 1, bound.Token) is null)
                throw new ProblemException(404, ErrorCodes.KnowledgeBaseNotFound, $"There is no knowledge base {kbId} of yours.");
        }
        catch (Exception e) when (IsAway(e, cancellationToken))
        {
            LogUnchecked(logger, kbId, e.Message);
        }
        return kbId;
    }

    private async Task<Tutor> ReadTutorAsync(Caller caller, int id, CancellationToken bound, CancellationToken clientGone)
    {
        try
        {
            return await knowledge.ReadTutorAsync(caller.Tenant, caller.Person, id, bound)
                ?? throw new ProblemException(404, ErrorCodes.TutorNotFound, $"There is no tutor {id} of yours.");
        }
        catch (Exception e) when (IsAway(e, clientGone))
        {
            LogNoTutor(logger, id, e.Message);
            throw new ProblemException(503, ErrorCodes.ServiceUnavailable,
                "Tutors cannot be looked up at the moment. Nothing was recorded; try again shortly.", TimeSpan.FromSeconds(2));
        }
    }

    /// <summary>
    /// What a question is to rest on, searched for once: it is recorded before it is used, so that a later run of the stage asks with the
    /// same passages under the same numbers.
    /// </summary>
    /// <param name="key">Tells the questions of a stage apart.</param>
    /// <param name="topic">What to search for.</param>
    /// <param name="known">What earlier texts of the task cite.</param>
    /// <returns>Null where the task names no knowledge base.</returns>
    /// <exception cref="HttpRequestException">It cannot be searched, and this is not the last attempt.</exception>
    public async Task<Shelf?> GroundAsync(
        JobContext job, string? kbId, string key, string topic, IEnumerable<Source> known, CancellationToken cancellationToken)
    {
        if (kbId is null)
            return null;
        if (job.Checkpoint(CheckpointName.Passages(key)) is { } before)
        {
            var recorded = JobJson.Read<Found>(before);
            var shelf = new Shelf(recorded.IsGone ? null : kbId, recorded.Status, known);
            foreach (var passage in recorded.Passages)
                shelf.Put(passage);
            return shelf;
        }
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            bound.CancelAfter(options.Value.Timeout);
            var found = await knowledge.SearchAsync(job.Tenant, job.Subject, kbId, topic, options.Value.Passages, bound.Token);
            if (found is null)
                LogGone(logger, job.TaskId, kbId);
            var status = found switch { null => GroundingStatus.Unavailable, [] => GroundingStatus.NothingFound, _ => GroundingStatus.Found };
            var shelf = new Shelf(found is null ? null : kbId, status, known);
            var passages = shelf.Add(found ?? []);
            await job.RecordAsync(CheckpointName.Passages(key), JobJson.Write(new Found(status, passages, found is null)), of: key);
            return shelf;
        }
        catch (Exception e) when (IsAway(e, cancellationToken))
        {
            if (!job.IsLastAttempt)
                throw new HttpRequestException($"The knowledge base cannot be searched: {e.Message}", e);
            LogUngrounded(logger, job.TaskId, kbId, e.Message);
            return new Shelf(kbId, GroundingStatus.Unavailable, known);
        }
    }

    /// <summary>The function that searches on behalf of the task; none where there is nothing to search.</summary>
    public IReadOnlyList<KernelPlugin> Functions(JobContext job, Shelf? shelf) =>
        shelf?.KbId is null ? [] : [new KnowledgePlugin(knowledge, job, shelf, options.Value.Passages).ToPlugin()];

    private static bool IsAway(Exception e, CancellationToken cancellationToken) =>
        e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    /// <param name="IsGone">The knowledge base is not there any more: there is nothing to search.</param>
    private sealed record Found(string Status, IReadOnlyList<Passage> Passages, bool IsGone);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Knowledge base {KbId} not looked up, its task is recorded all the same: {Reason}")]
    private static partial void LogUnchecked(ILogger logger, string kbId, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tutor {TutorId} not looked up, the request is rejected: {Reason}")]
    private static partial void LogNoTutor(ILogger logger, int tutorId, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId}: the knowledge base {KbId} is not there any more")]
    private static partial void LogGone(ILogger logger, Guid taskId, string kbId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId}: knowledge base {KbId} not searched, it goes on without passages: {Reason}")]
    private static partial void LogUngrounded(ILogger logger, Guid taskId, string kbId, string reason);
}
