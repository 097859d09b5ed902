using Lyceum.ServiceDefaults.Errors;

namespace Lyceum.Jobs;

/// <summary>
/// One change of a running task, written in one statement with its event: a finished stage, a checkpoint within one, or an end.
/// It holds only under its owner, epoch and stage, and so only once.
/// </summary>
public sealed class JobCommit
{
    private readonly TaskCompletionSource<bool> _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public required Guid TaskId { get; init; }
    public required Guid Owner { get; init; }
    public required int Epoch { get; init; }

    /// <summary>The stage the task is at before this.</summary>
    public required string Stage { get; init; }

    /// <summary>Empty: the stage as a whole.</summary>
    public string Checkpoint { get; init; } = "";

    /// <summary>JSON to keep; null where the stage left nothing.</summary>
    public string? Body { get; init; }

    /// <summary>Of a checkpoint that is not shown: no event is written and no reader is woken.</summary>
    public bool IsSilent { get; init; }

    /// <summary>Spent since the last checkpoint of the same work, so that it is counted even if the worker dies during the run.</summary>
    public int PromptTokens { get; init; }

    public int CompletionTokens { get; init; }

    /// <summary>The stage is done, and its checkpoints are no longer needed.</summary>
    public bool DropsCheckpoints { get; init; }

    /// <summary>The task's status and stage after this.</summary>
    public required string Status { get; init; }

    public required string NextStage { get; init; }

    /// <summary>0-100; null: as it was. It never goes back: checkpoints may be committed in another order than they were made.</summary>
    public int? Progress { get; init; }

    public string? ErrorCode { get; init; }
    public string? ErrorMessage { get; init; }

    /// <summary>Of a requeued task: how long it waits at least.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Of a run of the stage that is over; null for a checkpoint.</summary>
    public StageRun? Run { get; init; }

    /// <summary>
    /// Whether it is in the database: false if the task has another owner now. Completes when that is certain; with a
    /// <see cref="JobFailedException"/> where the database refuses it for its data.
    /// </summary>
    public Task<bool> Written => _written.Task;

    internal void Set(bool written) => _written.TrySetResult(written);

    /// <summary>The database refuses it for its data, as it would every time.</summary>
    internal void Refuse(Exception reason) => _written.TrySetException(new JobFailedException(
        ErrorCodes.NotStored,
        $"What the stage {Stage} made could not be stored: the database refuses it "
        + $"({DatabaseFailures.SqlState(reason) ?? "no valid Unicode"})."));
}

/// <summary>For <c>execution_logs</c>.</summary>
/// <param name="Calls">JSON, an array of <see cref="JobCall"/>; null where none was made.</param>
public sealed record StageRun(
    int Attempt, DateTimeOffset StartedAt, TimeSpan Duration, int PromptTokens, int CompletionTokens, string Outcome, string? Error,
    string? Calls);
