using Lyceum.ChatApi.Generation;

namespace Lyceum.Tests.Bench;

/// <summary>A journal that keeps nothing: text is shown as it comes. What ChatApi would be without rule 1.</summary>
internal sealed class MemoryJournal : IJournal
{
    public event Action<RunningGeneration>? Committed;

    public void Enqueue(RunningGeneration generation)
    {
        generation.TryEnqueue();
        if (generation.Take() is not { } chunk)
            return;
        generation.OnCommitted(chunk.End);
        Committed?.Invoke(generation);
    }
}
