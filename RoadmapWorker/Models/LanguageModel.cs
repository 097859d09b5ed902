namespace Lyceum.RoadmapWorker.Models;

/// <param name="Role"><c>system | user | assistant</c>.</param>
public sealed record ModelMessage(string Role, string Content);

/// <param name="Json">Whether the answer is to be one JSON object; not for the engine's built-in answerer, which writes text only.</param>
/// <param name="MaxTokens">Of the answer; null: as many as the model gives.</param>
public sealed record ModelQuestion(IReadOnlyList<ModelMessage> Messages, bool Json = false, int? MaxTokens = null);

/// <param name="IsCut">Whether it ended at its limit of tokens.</param>
public sealed record ModelReply(string Text, int PromptTokens, int CompletionTokens, bool IsCut = false);

/// <summary>The model cannot be asked at the moment.</summary>
public sealed class ModelException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>It has too much to do: the same question may be answered shortly.</summary>
    public bool IsOverload { get; init; }
}

/// <summary>Whom the kinds of work ask.</summary>
public interface ILanguageModel
{
    /// <summary>Whether there is a language model, rather than the engine's built-in answerer.</summary>
    /// <exception cref="ModelException">No engine says.</exception>
    Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken);

    /// <summary>A whole answer.</summary>
    /// <exception cref="ModelException">There is none.</exception>
    Task<ModelReply> AskAsync(ModelQuestion question, string tenant, string subject, CancellationToken cancellationToken);
}
