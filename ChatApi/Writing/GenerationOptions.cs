using Lyceum.ChatApi.Answers;
namespace Lyceum.ChatApi.Writing;

/// <summary>Bounds of what one replica writes, section <c>Generation</c>.</summary>
public sealed class GenerationOptions
{
    /// <summary>Running generations per replica; beyond it <c>POST /chat</c> answers 429 with <c>Retry-After</c>.</summary>
    public int MaxRunning { get; set; } = 2000;

    /// <summary>
    /// Responses per replica that read an answer again (<c>GET /chat/{id}/stream</c>); beyond it 429 with
    /// <c>Retry-After</c>.
    /// </summary>
    public int MaxReaders { get; set; } = 10_000;

    /// <summary>UTF-8 bytes of one answer; an answer that reaches it ends with <c>finish_reason: length</c>.</summary>
    public int MaxAnswerBytes { get; set; } = 1024 * 1024;

    /// <summary>UTF-8 bytes of a model's reasoning that are kept with an answer; what comes after them is not.</summary>
    public int MaxThinkingBytes { get; set; } = 256 * 1024;

    /// <summary>
    /// Bytes of one generation that wait for their commit. When full (the database is slow or away) reading from the
    /// engine pauses, which the engine feels as backpressure.
    /// </summary>
    public int MaxUncommittedBytes { get; set; } = 64 * 1024;

    /// <summary>Rows of one journal commit; more wait for the next.</summary>
    public int MaxBatchRows { get; set; } = 2000;

    /// <summary>
    /// The least time from the start of one journal commit to the start of the next. What arrives in between shares a
    /// commit: it bounds the commits per second, at the price of that much lateness.
    /// </summary>
    public TimeSpan CommitInterval { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Context sent to the model, in estimated tokens (see <see cref="ContextWindow"/>); older turns are left out.</summary>
    public int MaxContextTokens { get; set; } = 8000;

    /// <summary>Running generations of one user over all replicas; beyond it 429. 0: no limit of its own.</summary>
    public int MaxRunningPerUser { get; set; }

    /// <summary>
    /// What becomes of an answer whose readers have all left, unless the request says: <c>continue</c> (to its end, to be
    /// read later) or <c>stop</c> (after <see cref="DisconnectGrace"/>; the text so far is kept).
    /// </summary>
    public string OnDisconnect { get; set; } = OnDisconnectPolicy.Continue;

    /// <summary>How long an answer goes on without a reader under the policy <c>stop</c>: a page that reloads comes back within it.</summary>
    public TimeSpan DisconnectGrace { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an <c>Idempotency-Key</c> is remembered.</summary>
    public TimeSpan IdempotencyWindow { get; set; } = TimeSpan.FromHours(24);

    /// <summary>The system prompt; empty sends none.</summary>
    public string SystemPrompt { get; set; } =
        "You are a patient tutor. Answer in the language of the question. Explain step by step, check understanding, "
        + "and say so when you do not know.";
}

/// <summary>The values of <c>on_disconnect</c>.</summary>
public static class OnDisconnectPolicy
{
    public const string Continue = "continue";
    public const string Stop = "stop";

    public static bool IsKnown(string value) => value is Continue or Stop;
}
