namespace Lyceum.RoadmapWorker.Jobs;

/// <summary>A task as its kind sees it: what was asked, what earlier stages left, and where to keep parts of this one.</summary>
public sealed class JobContext
{
    private readonly JobJournal _journal;
    private readonly IReadOnlyDictionary<(string Stage, string Part), string> _before;
    private readonly Dictionary<string, string> _results = [];
    private volatile bool _hasParts;
    private int _promptTokens;
    private int _completionTokens;

    internal JobContext(ClaimedJob job, JobJournal journal, int maxAttempts)
    {
        (_journal, _before) = (journal, job.Saved);
        (TaskId, Tenant, Subject, Input, Owner, Epoch, Stage, Attempt) =
            (job.TaskId, job.Tenant, job.Subject, job.Input, job.Owner, job.Epoch, job.Stage, job.Attempt);
        MaxAttempts = maxAttempts;
        _hasParts = job.Saved.Keys.Any(saved => saved.Part.Length > 0);
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
    internal bool HasParts => _hasParts;
    internal int PromptTokens => _promptTokens;
    internal int CompletionTokens => _completionTokens;

    /// <summary>What an earlier stage left.</summary>
    /// <exception cref="KeyNotFoundException">It has not been done.</exception>
    public T Result<T>(string stage) => JobJson.Read<T>(_results.TryGetValue(stage, out var body) ? body : _before[(stage, "")]);

    /// <summary>Whether an earlier stage left something: a task need not have taken every stage its kind knows.</summary>
    public bool HasResult(string stage) => _results.ContainsKey(stage) || _before.ContainsKey((stage, ""));

    /// <summary>What an earlier run of the present stage left of this part; null if it did not come so far.</summary>
    public string? Part(string part) => _before.GetValueOrDefault((Stage, part));

    /// <summary>
    /// Keeps a part of the present stage, so that a later run need not do it again, and tells the readers. Any number at once.
    /// </summary>
    /// <param name="part">Not empty; within the stage, each once.</param>
    /// <param name="progress">0-100, of the task.</param>
    /// <exception cref="OperationCanceledException">The task has another owner now.</exception>
    public async Task SavePartAsync(string part, string body, int progress)
    {
        _hasParts = true;
        var written = await _journal.WriteAsync(new JobCommit
        {
            TaskId = TaskId, Owner = Owner, Epoch = Epoch, Stage = Stage, Part = part, Body = body, Status = JobStatus.Running,
            NextStage = Stage, Progress = progress,
        });
        if (!written)
            throw new OperationCanceledException("The task has another owner now.");
    }

    /// <summary>Counts what a model was asked and answered, for the log of this run.</summary>
    public void CountTokens(int prompt, int completion)
    {
        Interlocked.Add(ref _promptTokens, prompt);
        Interlocked.Add(ref _completionTokens, completion);
    }

    internal void Advance(StageResult result)
    {
        _results[Stage] = result.Body;
        (Stage, Attempt) = (result.Next!, 1);
        (_promptTokens, _completionTokens, _hasParts) = (0, 0, false);
    }
}
