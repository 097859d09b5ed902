using Lyceum.ChatApi.Writing;
using Lyceum.Durability.Commits;

namespace Lyceum.Tests.Bench;

/// <summary>A journal that keeps nothing: text is shown as it comes. What ChatApi would be without rule 1.</summary>
internal sealed class MemoryJournal : IJournal
{
    private int _batch;

    public event Action<RunningGeneration>? Committed;

    public void Enqueue(RunningGeneration generation)
    {
        generation.TryEnqueue(now: 0);
        if (generation.Take(Interlocked.Increment(ref _batch)) != Fit.Take)
            return;
        generation.OnCommitted();
        Committed?.Invoke(generation);
    }
}
