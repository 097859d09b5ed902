namespace Lyceum.Jobs;

/// <summary>Bounds of the job engine, section <c>Jobs</c>.</summary>
public sealed class JobOptions
{
    /// <summary>Tasks one worker does at once; more wait in the queue.</summary>
    public int Concurrency { get; set; } = 64;

    /// <summary>Tasks one claim takes, and changes one commit takes, at most.</summary>
    public int MaxBatch { get; set; } = 256;

    /// <summary>Attempts at a stage before its task is <c>failed</c>. A worker's drain does not count.</summary>
    public int MaxAttempts { get; set; } = 5;

    /// <summary>Workers that may die at the same stage of a task before the task is <c>failed</c> as the likely cause.</summary>
    public int MaxLosses { get; set; } = 20;

    /// <summary>Before the second attempt; doubles with each further one. Jitter of ±20 % keeps many from coming back at once.</summary>
    public TimeSpan Backoff { get; set; } = TimeSpan.FromSeconds(1);

    public TimeSpan MaxBackoff { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often the queue is polled without a wake-up.</summary>
    public TimeSpan Poll { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How often a claim begins at the queue's very start instead of where the last one ended (<see cref="QueueCursor"/>).
    /// </summary>
    public TimeSpan Rescan { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Unfinished tasks of one caller; beyond it 429 <c>limit_reached</c> with <c>Retry-After</c>.</summary>
    public int MaxOpenPerCaller { get; set; } = 500;

    /// <summary>Times <see cref="AheadPerCaller"/>: unfinished tasks of one tenant.</summary>
    internal const int CallersAhead = 8;

    /// <summary>
    /// Unfinished tasks of one caller that stand in the queue as they were asked for. What it adds beyond is of low
    /// priority: behind those of everybody who has fewer. Low priority leaves an eighth of the places to the others.
    /// </summary>
    public int AheadPerCaller { get; set; } = 8;

    /// <summary>
    /// Readers of tasks' events in one process; beyond it 429 <c>overloaded</c> with <c>Retry-After</c>.
    /// </summary>
    public int MaxReaders { get; set; } = 10_000;

    /// <summary>How long a request waits for a connection of the pool; then 503 with <c>Retry-After</c>.</summary>
    public TimeSpan PoolWait { get; set; } = TimeSpan.FromSeconds(1.5);
}
