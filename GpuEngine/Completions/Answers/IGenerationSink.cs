using Lyceum.GpuEngine.OpenAI;

namespace Lyceum.GpuEngine.Completions.Answers;

/// <summary>Where a model writes the text of a detached answer.</summary>
internal interface IGenerationSink
{
    GenerationText Text { get; }

    /// <summary>The model's reasoning; what has no room in it is left out.</summary>
    GenerationText Thinking { get; }

    /// <summary>Tokens came, and their text or reasoning has been appended.</summary>
    void TokensArrived(int count);
}

/// <summary>
/// How a generation ended: with the model's finish reason, with an error, or, where both are null, interrupted by the
/// engine's own end, which readers see as a broken connection.
/// </summary>
/// <param name="Usage">Where it was asked for and the model counts.</param>
internal sealed record GenerationEnd(string? FinishReason, TokenUsage? Usage = null, ApiError? Error = null)
{
    public static GenerationEnd Interrupted { get; } = new(FinishReason: null);
    public static GenerationEnd Full { get; } = new("length");

    public static GenerationEnd Failed(ApiError error) => new(null, null, error);

    /// <summary>As the metrics name it.</summary>
    public string Outcome => Error?.Code ?? (FinishReason is null ? "shutdown" : "complete");
}
