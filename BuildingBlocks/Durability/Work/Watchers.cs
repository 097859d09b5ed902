using System.Collections.Concurrent;
using Lyceum.ServiceDefaults.Http;

namespace Lyceum.Durability.Work;

/// <summary>Interest in a thing, until disposed.</summary>
public interface IWatch : IDisposable
{
    /// <summary>Says that it goes on, where that must be said. Called at every read.</summary>
    void Renew()
    {
    }
}

/// <summary>
/// Who in this process waits for a thing to change, by the thing's id. A wake-up is a hint: it says that there may
/// be something
/// new to read from the database, and a reader that misses it reads at its next poll.
/// </summary>
public sealed class Watchers
{
    // By id; a reader is in it while it follows that id.
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<ReaderSignal, byte>> _readers = new();

    /// <summary>Sets <paramref name="signal"/> at every <see cref="Wake"/> of <paramref name="id"/>, until
    /// disposed.</summary>
    public IWatch Follow(Guid id, ReaderSignal signal)
    {
        _readers.GetOrAdd(id, _ => new())[signal] = 0;
        return new Following(this, id, signal);
    }

    public void Wake(Guid id)
    {
        if (!_readers.TryGetValue(id, out var signals))
            return;
        foreach (var (signal, _) in signals)
            signal.Set();
    }

    private sealed class Following(Watchers watchers, Guid id, ReaderSignal signal) : IWatch
    {
        public void Dispose()
        {
            if (!watchers._readers.TryGetValue(id, out var signals))
                return;
            signals.TryRemove(signal, out _);
            // A reader that comes at this moment adds itself to a removed list: it lives on its poll.
            if (signals.IsEmpty)
                watchers._readers.TryRemove(new(id, signals));
        }
    }
}
