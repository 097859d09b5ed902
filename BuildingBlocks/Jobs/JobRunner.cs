using System.Diagnostics;
using Lyceum.ServiceDefaults.Errors;
using Microsoft.Extensions.Options;

namespace Lyceum.Jobs;

/// <summary>Runs one claimed task, stage after stage, until it ends or another worker owns it.</summary>
public sealed partial class JobRunner(
    JobKinds kinds, JobJournal journal, JobMetrics metrics, IOptions<JobOptions> options, TimeProvider time, ILogger<JobRunner> logger)
{
    private static readonly ActivitySource Traces = new("Lyceum.RoadmapWorker");
    private readonly JobOptions _options = options.Value;

    /// <summary>Never throws.</summary>
    public async Task RunAsync(RunningJob running)
    {
        var job = running.Job;
        var kind = kinds[job.Kind];
        var context = new JobContext(job, journal, _options.MaxAttempts);
        metrics.Started(job.Kind, job.Waited);
        try
        {
            while (await RunStageAsync(kind, context, running))
            {
            }
        }
        catch (Exception e)
        {
            LogAborted(logger, e, job.TaskId, context.Stage); // the sweep finds that it does not run, and requeues it
        }
        finally
        {
            metrics.Finished();
        }
    }

    /// <returns>Whether there is another stage to do.</returns>
    private async Task<bool> RunStageAsync(IJobKind kind, JobContext context, RunningJob running)
    {
        var stage = context.Stage;
        using var trace = Traces.StartActivity($"{kind.Name} {stage}", ActivityKind.Internal, running.Job.Trace);
        trace?.SetTag("task_id", context.TaskId);
        var (startedAt, started) = (time.GetUtcNow(), time.GetTimestamp());
        JobCommit commit;
        StageResult? result = null;
        try
        {
            running.Ending.ThrowIfCancellationRequested();
            result = await kind.RunAsync(context, stage, running.Ending);
            commit = Commit(result.Next is null ? JobStatus.Completed : JobStatus.Running, StageOutcomes.Completed, result: result);
        }
        catch (Exception e)
        {
            if (running.Reason == EndReason.Fenced)
                return false;
            commit = Failure(e);
        }
        metrics.Stage(kind.Name, stage, commit.Run!.Outcome, commit.Run.Duration);
        bool written;
        try
        {
            written = await journal.WriteAsync(commit);
        }
        catch (JobFailedException refused)
        {
            // What the stage left cannot be stored; that it failed, with nothing of it, can.
            LogRefused(logger, context.TaskId, stage, refused.Message);
            context.ForgetCalls();
            commit = Commit(JobStatus.Failed, StageOutcomes.Failed, refused.Code, refused.Message);
            written = await journal.WriteAsync(commit);
        }
        if (!written || commit.Status != JobStatus.Running)
            return false;
        context.Advance(result!);
        return true;

        JobCommit Failure(Exception e) => (running.Reason, e) switch
        {
            (EndReason.Cancelled, _) => Commit(JobStatus.Cancelled, StageOutcomes.Cancelled),
            (EndReason.TimedOut, _) => Commit(JobStatus.Failed, StageOutcomes.Failed, ErrorCodes.Timeout,
                $"It was not done within {kind.Timeout.TotalMinutes:0.#} minutes."),
            (EndReason.Released, _) => Commit(JobStatus.Queued, StageOutcomes.Released),
            (_, JobFailedException failed) => Commit(JobStatus.Failed, StageOutcomes.Failed, failed.Code, failed.Message),
            _ when context.IsLastAttempt => LastFailure(e),
            _ => Retry(e),
        };

        JobCommit LastFailure(Exception e)
        {
            LogFailed(logger, e, context.TaskId, stage, context.Attempt);
            return Commit(JobStatus.Failed, StageOutcomes.Failed, Code(e), $"The stage {stage} failed {context.Attempt} times, last: {Words(e)}");
        }

        JobCommit Retry(Exception e)
        {
            LogRetried(logger, context.TaskId, stage, context.Attempt, e.Message);
            return Commit(JobStatus.Queued, StageOutcomes.Retried, Code(e), Words(e), Backoff(context.Attempt));
        }

        JobCommit Commit(
            string status, string outcome, string? code = null, string? message = null, TimeSpan delay = default, StageResult? result = null) => new()
        {
            TaskId = context.TaskId, Owner = context.Owner, Epoch = context.Epoch, Stage = stage, Body = result?.Body,
            DropsCheckpoints = result is not null && context.HasCheckpoints, Status = status,
            NextStage = result is null ? stage : result.Next ?? Done, Progress = result?.Progress, ErrorCode = code, ErrorMessage = message,
            Delay = delay,
            Run = new(context.Attempt, startedAt, time.GetElapsedTime(started), context.PromptTokens, context.CompletionTokens, outcome, message,
                context.Calls()),
        };
    }

    /// <summary>The stage of a task that is completed.</summary>
    public const string Done = "done";

    private static string Code(Exception e) => e is ProblemException problem ? problem.Code : ErrorCodes.Internal;

    private static string Words(Exception e) => e switch
    {
        StageException or ProblemException => e.Message,
        TimeoutException or OperationCanceledException => "something that it needs did not answer in time",
        _ => "something that it needs failed; the log has the reason",
    };

    private TimeSpan Backoff(int attempt)
    {
        var wait = Math.Min(_options.Backoff.TotalSeconds * Math.Pow(2, attempt - 1), _options.MaxBackoff.TotalSeconds);
        return TimeSpan.FromSeconds(wait * (0.8 + Random.Shared.NextDouble() * 0.4));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Task {TaskId} retried: {Stage} failed at attempt {Attempt}: {Reason}")]
    private static partial void LogRetried(ILogger logger, Guid taskId, string stage, int attempt, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Task {TaskId} failed: {Stage}, attempt {Attempt}")]
    private static partial void LogFailed(ILogger logger, Exception exception, Guid taskId, string stage, int attempt);

    [LoggerMessage(Level = LogLevel.Error, Message = "Task {TaskId} failed at {Stage}: {Reason}")]
    private static partial void LogRefused(ILogger logger, Guid taskId, string stage, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Task {TaskId} aborted at {Stage}: its failure could not be recorded")]
    private static partial void LogAborted(ILogger logger, Exception exception, Guid taskId, string stage);
}
