using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lyceum.Jobs;

/// <summary>Where a task stands. The last three are terminal, until a retry.</summary>
public static class JobStatus
{
    public const string Queued = "queued";
    public const string Running = "running";
    public const string Completed = "completed";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";

    public static bool IsKnown(string status) => status is Queued or Running || IsTerminal(status);

    public static bool IsTerminal(string status) => status is Completed or Failed or Cancelled;
}

/// <summary>How one run of a stage went, in <c>execution_logs</c>.</summary>
public static class StageOutcomes
{
    public const string Completed = "completed";

    /// <summary>Failed, and will be retried.</summary>
    public const string Retried = "retried";

    public const string Failed = "failed";
    public const string Cancelled = "cancelled";

    /// <summary>Its worker was drained and requeued the task.</summary>
    public const string Released = "released";

    /// <summary>Its worker died.</summary>
    public const string Lost = "lost";
}

/// <summary>Lower is served first; within one, first come first served.</summary>
public static class JobPriority
{
    public const int High = 0;
    public const int Normal = 1;

    /// <summary>Also what a caller with many tasks asks for (<see cref="JobOptions.AheadPerCaller"/>).</summary>
    public const int Low = 2;
}

/// <summary>What is to be done.</summary>
/// <param name="Input">JSON for the kind alone.</param>
/// <param name="IdempotencyKey">Null: every request is a new task.</param>
/// <param name="Asked">What makes two requests with one key the same; null: the input.</param>
public sealed record JobOrder(
    string Kind, string Tenant, string Subject, string Input, int Priority = JobPriority.Normal, string? IdempotencyKey = null,
    string? Asked = null);

/// <summary>A task moved; committed.</summary>
/// <param name="Seq">Of the event that says so.</param>
public sealed record JobChange(
    Guid TaskId, string Kind, string Tenant, string Subject, string Status, string Stage, int Progress, int Seq);

/// <summary>What a stage leaves.</summary>
/// <param name="Body">JSON; kept, and given to the stages after it. Of the last stage: the task's result.</param>
/// <param name="Next">The stage that comes then; null if the task is done.</param>
/// <param name="Progress">0-100, of the task as a whole.</param>
public sealed record StageResult(string Body, string? Next, int Progress);

/// <summary>
/// A kind of work. The engine knows its stages only by name and their results only as JSON. A stage may be run again, by any
/// worker, until its result is committed; then never.
/// </summary>
public interface IJobKind
{
    /// <summary>Stored with each task: never renamed.</summary>
    string Name { get; }

    string FirstStage { get; }

    /// <summary>
    /// From a task's first start to its end; reached: it fails with <c>timeout</c>. It says nothing of whether a worker lives.
    /// </summary>
    TimeSpan Timeout { get; }

    /// <summary>
    /// Does one stage. Ends soon after <paramref name="cancellationToken"/>. A <see cref="JobFailedException"/> ends the task; any
    /// other failure counts as temporary, and the stage is retried.
    /// </summary>
    Task<StageResult> RunAsync(JobContext job, string stage, CancellationToken cancellationToken);

    /// <summary>After each commit, on the committing loop: must not block.</summary>
    void OnChanged(JobChange change);
}

/// <summary>A failure that a retry cannot mend: it ends the task.</summary>
/// <param name="code">One of <see cref="ServiceDefaults.Errors.ErrorCodes"/>.</param>
public sealed class JobFailedException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

/// <summary>
/// Why a stage failed, in words that the client may read: of all other exceptions, whose messages may name addresses, files and
/// statements, the log alone has the words.
/// </summary>
public class StageException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>How kinds write what they keep: snake_case, Chinese unescaped.</summary>
public static class JobJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options);

    public static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, Options)!;
}
