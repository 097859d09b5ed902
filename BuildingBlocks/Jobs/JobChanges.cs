using Lyceum.Durability.Work;
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
/// What happens after a commit that moved a task: readers of this process are woken, those of others through what the kind
/// publishes. Only hints: a reader reads events from the database, and polls it besides.
/// </summary>
public sealed class JobChanges(JobKinds kinds)
{
    private readonly Watchers _readers = new();

    public void Publish(JobChange change)
    {
        Wake(change.TaskId);
        kinds.Find(change.Kind)?.OnChanged(change);
    }

    public void Wake(Guid taskId) => _readers.Wake(taskId);

    /// <summary>Sets <paramref name="signal"/> whenever the task moves, until disposed.</summary>
    public IWatch Follow(Guid taskId, ReaderSignal signal) => _readers.Follow(taskId, signal);
}
