using Lyceum.Jobs;
using Microsoft.SemanticKernel.ChatCompletion;

namespace Lyceum.RoadmapWorker.Models;

/// <summary>The model cannot be asked at the moment.</summary>
public sealed class ModelException(string message, Exception? inner = null) : StageException(message, inner)
{
    /// <summary>It has too much to do: the same question may be answered shortly.</summary>
    public bool IsOverload { get; init; }

    /// <summary>The engine took nothing on: another one may be asked at once.</summary>
    public bool TookNothingOn { get; init; }
}

/// <summary>Whom the kinds of work ask.</summary>
public interface ILanguageModel
{
    /// <summary>Whether there is a language model, rather than the engine's built-in answerer.</summary>
    /// <exception cref="ModelException">No engine says.</exception>
    Task<bool> IsConnectedAsync(string tenant, string subject, CancellationToken cancellationToken);

    /// <summary>
    /// What a kernel asks on behalf of <paramref name="subject"/>. It gives whole answers, with <c>FinishReason</c> and <c>Usage</c> in
    /// their metadata as Semantic Kernel's OpenAI connector has them, and throws <see cref="ModelException"/> where there is no answer.
    /// </summary>
    IChatCompletionService Chat(string tenant, string subject);
}
