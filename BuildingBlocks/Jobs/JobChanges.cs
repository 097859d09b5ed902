using System.Collections.Concurrent;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Jobs;

/// <summary>The kinds of work this process does.</summary>
public sealed class JobKinds(IEnumerable<IJobKind> kinds)
{
    private readonly Dictionary<string, IJobKind> _kinds = kinds.ToDictionary(kind => kind.Name);

    public string[] Names => [.. _kinds.Keys];

    public IJobKind this[string name] => _kinds[name];

    /// <summary>Null: a later version's.</summary>
    public IJobKind? Find(string name) => _kinds.GetValueOrDefault(name);
}

/// <summary>
/// Who waits for a task to move is woken after the commit: readers of this process here, others through what the kind publishes.
/// Only hints: a reader reads events from the database, and looks once a second anyway.
/// </summary>
public sealed class JobChanges(JobKinds kinds)
{
    // By task; a reader is in it while it follows one.
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<ReaderSignal, byte>> _readers = new();

    public void Publish(JobChange change)
    {
        Wake(change.TaskId);
        kinds.Find(change.Kind)?.OnChanged(change);
    }

    public void Wake(Guid taskId)
    {
        if (!_readers.TryGetValue(taskId, out var signals))
            return;
        foreach (var (signal, _) in signals)
            signal.Set();
    }

    /// <summary>Sets <paramref name="signal"/> whenever the task moves, until disposed.</summary>
    public IDisposable Follow(Guid taskId, ReaderSignal signal)
    {
        _readers.GetOrAdd(taskId, _ => new())[signal] = 0;
        return new Following(this, taskId, signal);
    }

    private sealed class Following(JobChanges changes, Guid taskId, ReaderSignal signal) : IDisposable
    {
        public void Dispose()
        {
            if (!changes._readers.TryGetValue(taskId, out var signals))
                return;
            signals.TryRemove(signal, out _);
            // A reader that comes in this very moment adds itself to a list that is gone: its poll serves it.
            if (signals.IsEmpty)
                changes._readers.TryRemove(new(taskId, signals));
        }
    }
}
