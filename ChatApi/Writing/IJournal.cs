namespace Lyceum.ChatApi.Writing;

/// <summary>
/// Where running answers become durable. What is enqueued is shown only after it is committed
/// (<see cref="AnswerText.Committed"/>). The product has one, <see cref="GenerationJournal"/>; the measurement of what it
/// costs substitutes it.
/// </summary>
public interface IJournal
{
    /// <summary>Raised after each commit for each generation in it: handlers must not block.</summary>
    event Action<RunningGeneration>? Committed;

    /// <summary>Says that <paramref name="generation"/> has text to commit. Never blocks.</summary>
    void Enqueue(RunningGeneration generation);
}
