using Lyceum.Text;

namespace Lyceum.Jobs;

/// <summary>A task as its kind sees it: its input, the results of earlier stages, and the checkpoints of this one.</summary>
public sealed class JobContext
{
    // Calls that the log of one run lists; more are only counted.
    private const int MaxCalls = 500;

    private readonly JobJournal _journal;
    private readonly IReadOnlyDictionary<(string Stage, string Checkpoint), string> _before;
    private readonly Dictionary<string, string> _results = [];
    private readonly List<JobCall> _calls = [];
    private readonly Dictionary<string, (int Prompt, int Completion)> _spent = []; // by work, since its last checkpoint
    private volatile bool _hasCheckpoints;
    private int _promptTokens;
    private int _completionTokens;

    internal JobContext(ClaimedJob job, JobJournal journal, int maxAttempts)
    {
        (_journal, _before) = (journal, job.Saved);
        (TaskId, Tenant, Subject, Input, Owner, Epoch, Stage, Attempt) =
            (job.TaskId, job.Tenant, job.Subject, job.Input, job.Owner, job.Epoch, job.Stage, job.Attempt);
        MaxAttempts = maxAttempts;
        _hasCheckpoints = job.Saved.Keys.Any(saved => saved.Checkpoint.Length > 0);
    }

    public Guid TaskId { get; }
    public string Tenant { get; }
    public string Subject { get; }

    /// <summary>JSON, as it was ordered.</summary>
    public string Input { get; }

    /// <summary>1 for the first run of the present stage.</summary>
    public int Attempt { get; private set; }

    /// <summary>Whether the task fails if this run of the stage does.</summary>
    public bool IsLastAttempt => Attempt >= MaxAttempts;

    internal Guid Owner { get; }
    internal int Epoch { get; }
    internal string Stage { get; private set; }
    internal int MaxAttempts { get; }
    internal bool HasCheckpoints => _hasCheckpoints;
    internal int PromptTokens => _promptTokens;
    internal int CompletionTokens => _completionTokens;

    /// <summary>The result of an earlier stage.</summary>
    /// <exception cref="KeyNotFoundException">It has not been done.</exception>
    public T Result<T>(string stage) => JobJson.Read<T>(_results.TryGetValue(stage, out var body) ? body : _before[(stage, "")]);

    /// <summary>Whether an earlier stage has a result: a task need not have taken every stage of its kind.</summary>
    public bool HasResult(string stage) => _results.ContainsKey(stage) || _before.ContainsKey((stage, ""));

    /// <summary>What an earlier run of the present stage saved under this name; null if it did not come so far.</summary>
    public string? Checkpoint(string name) => _before.GetValueOrDefault((Stage, StorableText.Of(name)));

    /// <summary>
    /// Saves a piece of the present stage, so that a later run need not do it again, and shows it to readers. Concurrent calls are fine.
    /// </summary>
    /// <param name="name">Not empty; within the stage, each once.</param>
    /// <param name="progress">0-100, of the task.</param>
    /// <exception cref="OperationCanceledException">The task has another owner now.</exception>
    public Task SaveCheckpointAsync(string name, string body, int progress)
    {
        var (prompt, completion) = TakeSpent(name);
        return WriteAsync(new JobCommit
        {
            TaskId = TaskId, Owner = Owner, Epoch = Epoch, Stage = Stage, Checkpoint = name, Body = body, Status = JobStatus.Running,
            NextStage = Stage, Progress = progress, PromptTokens = prompt, CompletionTokens = completion,
        });
    }

    /// <summary>
    /// Saves a step that readers are not shown, so that a later run goes on behind it. Concurrent calls are fine.
    /// </summary>
    /// <param name="name">As of <see cref="SaveCheckpointAsync"/>; the two share their names.</param>
    /// <param name="of">The checkpoint that it is a step towards; empty: the stage itself.</param>
    /// <exception cref="OperationCanceledException">The task has another owner now.</exception>
    public Task RecordAsync(string name, string body, string of = "")
    {
        var (prompt, completion) = TakeSpent(of);
        return WriteAsync(new JobCommit
        {
            TaskId = TaskId, Owner = Owner, Epoch = Epoch, Stage = Stage, Checkpoint = name, Body = body, Status = JobStatus.Running,
            NextStage = Stage, IsSilent = true, PromptTokens = prompt, CompletionTokens = completion,
        });
    }

    /// <summary>
    /// Notes a call, with what it cost, for the log of this run. The next checkpoint of the same work carries the cost: a run whose
    /// worker dies is logged with the cost of all that it saved.
    /// </summary>
    /// <param name="of">The checkpoint that it was made for; empty: the stage itself.</param>
    public void Count(JobCall call, string of = "")
    {
        lock (_calls)
        {
            if (!call.Recorded)
            {
                _promptTokens += call.PromptTokens;
                _completionTokens += call.CompletionTokens;
                var (prompt, completion) = _spent.GetValueOrDefault(of);
                _spent[of] = (prompt + call.PromptTokens, completion + call.CompletionTokens);
            }
            if (_calls.Count < MaxCalls)
                _calls.Add(call);
        }
    }

    private (int Prompt, int Completion) TakeSpent(string work)
    {
        lock (_calls)
            return _spent.Remove(work, out var spent) ? spent : default;
    }

    /// <summary>JSON for the log of this run; null where no call was made.</summary>
    internal string? Calls()
    {
        lock (_calls)
            return _calls.Count == 0 ? null : JobJson.Write(_calls);
    }

    /// <summary>The log of this run does without them: they may be what the database refused.</summary>
    internal void ForgetCalls()
    {
        lock (_calls)
            _calls.Clear();
    }

    private async Task WriteAsync(JobCommit commit)
    {
        _hasCheckpoints = true;
        if (!await _journal.WriteAsync(commit))
            throw new OperationCanceledException("The task has another owner now.");
    }

    internal void Advance(StageResult result)
    {
        _results[Stage] = result.Body;
        (Stage, Attempt) = (result.Next!, 1);
        _hasCheckpoints = false;
        lock (_calls)
        {
            (_promptTokens, _completionTokens) = (0, 0);
            _calls.Clear();
            _spent.Clear();
        }
    }
}
