using System.Collections.Concurrent;
using Lyceum.ChatApi.Generation;
using Lyceum.Contracts;
using Lyceum.ServiceDefaults.Http;
using MassTransit;

namespace Lyceum.ChatApi.Answers;

/// <summary>
/// Readers in this replica of answers that another replica writes. While there is one, the writer is told so every few
/// seconds, and says when there is more to read; a reader polls besides, slowly.
/// </summary>
public sealed class RemoteAnswers
{
    private static readonly TimeSpan Renewal = ReplicaSignals.WatchFor / 3;

    // A few hundred readers: looking through the signals of one answer is all that is ever done.
    private readonly ConcurrentDictionary<Guid, ConcurrentDictionary<ReaderSignal, byte>> _watchers = new();
    private readonly ReplicaSignals _signals;
    private readonly TimeProvider _time;

    public RemoteAnswers(ReplicaSignals signals, TimeProvider time)
    {
        (_signals, _time) = (signals, time);
        signals.Received += (kind, id) =>
        {
            if (kind == SignalKind.Grown)
                Wake(id);
        };
    }

    /// <summary>Sets <paramref name="signal"/> whenever <paramref name="messageId"/> is said to have grown or ended.</summary>
    public Watch Follow(Guid messageId, ReaderSignal signal)
    {
        var readers = _watchers.GetOrAdd(messageId, _ => new());
        readers[signal] = 0;
        return new Watch(this, messageId, signal);
    }

    /// <summary>Wakes this replica's readers of an answer.</summary>
    public void Wake(Guid messageId)
    {
        if (!_watchers.TryGetValue(messageId, out var readers))
            return;
        foreach (var (reader, _) in readers)
            reader.Set();
    }

    /// <summary>One reader's interest in one answer.</summary>
    public sealed class Watch(RemoteAnswers owner, Guid messageId, ReaderSignal signal) : IDisposable
    {
        private long _said;

        /// <summary>Tells the writer, wherever it is, that this answer is read; at most once in a few seconds.</summary>
        public void Renew()
        {
            if (_said != 0 && owner._time.GetElapsedTime(_said) < Renewal)
                return;
            _said = owner._time.GetTimestamp();
            owner._signals.Send(SignalKind.Watch, messageId);
        }

        public void Dispose()
        {
            if (!owner._watchers.TryGetValue(messageId, out var readers))
                return;
            readers.TryRemove(signal, out _);
            // A reader that comes in this very moment adds itself to a list that is gone: its poll serves it.
            if (readers.IsEmpty)
                owner._watchers.TryRemove(new(messageId, readers));
        }
    }
}

/// <summary>Every replica hears of every end (fan-out). Idempotent: it only makes readers look.</summary>
public sealed class ResponseFinishedConsumer(RemoteAnswers remote) : IConsumer<ResponseFinished>
{
    public Task Consume(ConsumeContext<ResponseFinished> context)
    {
        remote.Wake(context.Message.MessageId);
        return Task.CompletedTask;
    }
}
